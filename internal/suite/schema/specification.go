package schema

import (
	"encoding/json"
	"fmt"
)

// The wire form of a module specification. Names and order are those that bundyctl and the guide know.
type (
	moduleSpec struct {
		Name       string        `json:"module_name"`
		Help       string        `json:"module_description,omitempty"`
		Config     []itemSpec    `json:"config_data"`
		Commands   []commandSpec `json:"commands"`
		Statistics []itemSpec    `json:"statistics"`
	}
	commandSpec struct {
		Name string     `json:"command_name"`
		Help string     `json:"command_description"`
		Args []itemSpec `json:"command_args"`
	}
	itemSpec struct {
		Name     string           `json:"item_name"`
		Type     Type             `json:"item_type"`
		Optional bool             `json:"item_optional"`
		Default  *json.RawMessage `json:"item_default,omitempty"`
		Help     string           `json:"item_description,omitempty"`
		Title    string           `json:"item_title,omitempty"`
		Format   string           `json:"item_format,omitempty"`
		Min      *float64         `json:"item_min,omitempty"`
		Max      *float64         `json:"item_max,omitempty"`
		Enum     []string         `json:"item_enum,omitempty"`
		List     *itemSpec        `json:"list_item_spec,omitempty"`
		Map      *[]itemSpec      `json:"map_item_spec,omitempty"`
		NamedSet *itemSpec        `json:"named_set_item_spec,omitempty"`
	}
	specFile struct {
		Module *json.RawMessage `json:"module_spec"`
	}
)

// MarshalJSON gives the module specification: an object with module_name, module_description, config_data, commands
// and statistics. Private commands are left out. Besides the members that the original knows, items may carry
// item_min, item_max and item_enum.
func (m *Module) MarshalJSON() ([]byte, error) {
	spec := moduleSpec{Name: m.Name, Help: m.Help, Commands: []commandSpec{}}
	var err error
	if spec.Config, err = toSpecs(m.Config); err != nil {
		return nil, fmt.Errorf("specification of %s: %w", m.Name, err)
	}
	if spec.Statistics, err = toSpecs(m.Statistics); err != nil {
		return nil, fmt.Errorf("specification of %s: %w", m.Name, err)
	}
	for _, c := range m.Commands {
		if c.Private {
			continue
		}
		args, err := toSpecs(c.Args)
		if err != nil {
			return nil, fmt.Errorf("specification of %s %s: %w", m.Name, c.Name, err)
		}
		spec.Commands = append(spec.Commands, commandSpec{Name: c.Name, Help: c.Help, Args: args})
	}
	return json.Marshal(spec)
}

// UnmarshalJSON reads what MarshalJSON writes, bare or wrapped as {"module_spec": ...}.
func (m *Module) UnmarshalJSON(text []byte) error {
	if _, err := Parse(text); err != nil { // bounds the depth of what follows
		return fmt.Errorf("module specification: %w", err)
	}
	var file specFile
	if err := json.Unmarshal(text, &file); err != nil {
		return fmt.Errorf("module specification: %w", err)
	}
	if file.Module != nil {
		text = *file.Module
	}
	var spec moduleSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return fmt.Errorf("module specification: %w", err)
	}
	if spec.Name == "" {
		return fmt.Errorf("module specification: module_name is missing")
	}
	out := Module{Name: spec.Name, Help: spec.Help}
	var err error
	if out.Config, err = fromSpecs(spec.Config, spec.Name); err != nil {
		return err
	}
	if out.Statistics, err = fromSpecs(spec.Statistics, spec.Name+" statistics"); err != nil {
		return err
	}
	for _, c := range spec.Commands {
		args, err := fromSpecs(c.Args, spec.Name+" "+c.Name)
		if err != nil {
			return err
		}
		out.Commands = append(out.Commands, &Command{Name: c.Name, Help: c.Help, Args: args})
	}
	*m = out
	return nil
}

func toSpecs(items []*Item) ([]itemSpec, error) {
	out := []itemSpec{}
	for _, item := range items {
		spec, err := toSpec(item)
		if err != nil {
			return nil, err
		}
		out = append(out, *spec)
	}
	return out, nil
}

func toSpec(item *Item) (*itemSpec, error) {
	spec := itemSpec{
		Name: item.Name, Type: item.Type, Optional: item.Optional, Help: item.Help, Title: item.Title,
		Format: item.Format, Min: item.Min, Max: item.Max, Enum: item.Enum,
	}
	if item.Default != nil {
		text, err := json.Marshal(item.Default)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", item.Name, err)
		}
		raw := json.RawMessage(text)
		spec.Default = &raw
	}
	var err error
	switch item.Type {
	case List:
		spec.List, err = toSpec(item.Element)
	case NamedSet:
		spec.NamedSet, err = toSpec(item.Element)
	case Map:
		var members []itemSpec
		members, err = toSpecs(item.Members)
		spec.Map = &members
	}
	return &spec, err
}

func fromSpecs(specs []itemSpec, path string) ([]*Item, error) {
	var out []*Item
	for i := range specs {
		item, err := fromSpec(&specs[i], path+"/"+specs[i].Name)
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

func fromSpec(spec *itemSpec, path string) (*Item, error) {
	item := &Item{
		Name: spec.Name, Type: spec.Type, Optional: spec.Optional, Help: spec.Help, Title: spec.Title,
		Format: spec.Format, Min: spec.Min, Max: spec.Max, Enum: spec.Enum,
	}
	element := spec.List
	if spec.Type == NamedSet {
		element = spec.NamedSet
	}
	var err error
	switch spec.Type {
	case Integer, Real, Boolean, String, Any:
	case List, NamedSet:
		if element == nil {
			return nil, fmt.Errorf("%s: %s without the specification of its elements", path, spec.Type)
		}
		if item.Element, err = fromSpec(element, path+"/"+element.Name); err != nil {
			return nil, err
		}
	case Map:
		if spec.Map == nil {
			return nil, fmt.Errorf("%s: map without the specification of its members", path)
		}
		if item.Members, err = fromSpecs(*spec.Map, path); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%s: unknown type %q", path, spec.Type)
	}
	if spec.Default == nil {
		return item, nil
	}
	if item.Default, err = Parse(*spec.Default); err != nil {
		return nil, fmt.Errorf("%s: default: %w", path, err)
	}
	if item.Default != nil {
		if errs := check(item, item.Default, path); len(errs) > 0 {
			return nil, fmt.Errorf("default of %w", errs[0])
		}
	}
	return item, nil
}
