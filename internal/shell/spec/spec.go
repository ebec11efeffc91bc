package spec

import (
	"encoding/json"
	"fmt"

	"bundy/internal/shell/value"
)

// Module is the specification of one module.
type Module struct {
	Name     string
	Help     string
	Config   []*Item
	Commands []*Command
}

// Item is one configuration item or argument.
type Item struct {
	Name     string
	Type     string // integer, real, boolean, string, list, map, named_set or any
	Optional bool
	Default  any // nil: none
	Help     string
	Members  []*Item // of a map
	Element  *Item   // of a list or named set; never nil there
}

// Command is one command of a module.
type Command struct {
	Name string
	Help string
	Args []*Item // in positional order
}

// Member finds the member of a map, or nil.
func Member(members []*Item, name string) *Item {
	for _, m := range members {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// Command finds a command, or nil.
func (m *Module) Command(name string) *Command {
	for _, c := range m.Commands {
		if c.Name == name {
			return c
		}
	}
	return nil
}

type (
	moduleJSON struct {
		Name     string        `json:"module_name"`
		Help     string        `json:"module_description"`
		Config   []itemJSON    `json:"config_data"`
		Commands []commandJSON `json:"commands"`
	}
	commandJSON struct {
		Name string     `json:"command_name"`
		Help string     `json:"command_description"`
		Args []itemJSON `json:"command_args"`
	}
	itemJSON struct {
		Name     string          `json:"item_name"`
		Type     string          `json:"item_type"`
		Optional bool            `json:"item_optional"`
		Default  json.RawMessage `json:"item_default"`
		Help     string          `json:"item_description"`
		List     *itemJSON       `json:"list_item_spec"`
		Map      []itemJSON      `json:"map_item_spec"`
		NamedSet *itemJSON       `json:"named_set_item_spec"`
	}
)

// Parse reads the specifications of all modules: an object of specifications by name, each bare or within an object
// as {"module_spec": ...}.
func Parse(text []byte) (map[string]*Module, error) {
	if _, err := value.Parse(text); err != nil { // bounds the depth of what follows
		return nil, fmt.Errorf("module specifications: %w", err)
	}
	var all map[string]struct {
		moduleJSON
		Inner *moduleJSON `json:"module_spec"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("module specifications: %w", err)
	}
	out := map[string]*Module{}
	for name, given := range all {
		m := given.moduleJSON
		if given.Inner != nil {
			m = *given.Inner
		}
		module, err := m.module(name)
		if err != nil {
			return nil, fmt.Errorf("specification of module %s: %w", name, err)
		}
		out[name] = module
	}
	return out, nil
}

func (m moduleJSON) module(name string) (*Module, error) {
	out := &Module{Name: name, Help: m.Help}
	var err error
	if out.Config, err = items(m.Config); err != nil {
		return nil, err
	}
	for _, c := range m.Commands {
		args, err := items(c.Args)
		if err != nil {
			return nil, fmt.Errorf("command %s: %w", c.Name, err)
		}
		out.Commands = append(out.Commands, &Command{Name: c.Name, Help: c.Help, Args: args})
	}
	return out, nil
}

func items(given []itemJSON) ([]*Item, error) {
	var out []*Item
	for i := range given {
		item, err := given[i].item()
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

func (i *itemJSON) item() (*Item, error) {
	out := &Item{Name: i.Name, Type: i.Type, Optional: i.Optional, Help: i.Help}
	var err error
	if len(i.Default) > 0 {
		if out.Default, err = value.Parse(i.Default); err != nil {
			return nil, fmt.Errorf("item %s: default: %w", i.Name, err)
		}
	}
	element := i.List
	switch i.Type {
	case "integer", "real", "boolean", "string", "any":
		return out, nil
	case "map":
		out.Members, err = items(i.Map)
		return out, err
	case "named_set":
		element = i.NamedSet
	case "list":
	default:
		return nil, fmt.Errorf("item %s: unknown type %q", i.Name, i.Type)
	}
	if element == nil { // lists of commands' arguments need not say what they hold
		element = &itemJSON{Type: "any"}
	}
	out.Element, err = element.item()
	return out, err
}
