package schema

import (
	"bundy/internal/suite/paths"
)

// Module is a module's description. It is made by New and the methods that follow it in a chain, and immutable from
// then on.
type Module struct {
	Name       string
	Help       string
	Config     []*Item
	Commands   []*Command
	Statistics []*Item

	paths paths.Paths // for the variables in defaults of commands
}

// Type is the type of a configuration item (guide section 8.6.2).
type Type string

const (
	Integer  Type = "integer"
	Real     Type = "real"
	Boolean  Type = "boolean"
	String   Type = "string"
	List     Type = "list"
	Map      Type = "map"
	NamedSet Type = "named_set"
	Any      Type = "any"
)

// Item describes one value.
type Item struct {
	Name     string
	Type     Type
	Optional bool
	Default  any // a JSON value as in Section; nil: none
	Help     string
	Title    string   // statistics only: the short name, as "request.v4"
	Format   string   // statistics only: "date-time", "date" or "time"
	Min, Max *float64 // inclusive bounds of an Integer or Real; nil: none
	Enum     []string // the allowed values of a String; nil: any
	Members  []*Item  // of a map
	Element  *Item    // of a list or named set; its Default is the value a new element starts with
}

// Command describes a command. Private commands are answered on the bus but are not part of the module specification,
// so that operators cannot call them.
type Command struct {
	Name    string
	Help    string
	Args    []*Item // in positional order; those that are not Optional are mandatory
	Private bool
}

// New describes a module by a value of its configuration struct; nil means that the module has no configuration. Each
// exported field is one item:
//
//	json      the item's name
//	default   the value when nothing is configured: JSON, or bare text for a string; without it the type's zero value
//	element   JSON of the value that a new element of a list or named set starts with
//	optional  "true" if the item may be unset
//	min, max  bounds of a number, or of the numbers in a list
//	enum      allowed texts, separated by commas, of a string, or of the strings in a list
//	help      one or two sentences for the operator
//	title, format   for statistics
//
// Integer kinds become integer, floats real, bool boolean, string string, slices list, maps with string keys named_set,
// structs map, and any or json.RawMessage any. A pointer is optional and has no default unless it says one: nil means
// absent. Fields of an embedded struct stand beside the others. Variables as ${LOCALSTATEDIR} in defaults are
// expanded by p.
//
// A struct that cannot be described, or a default that its own item refuses, is a mistake in the program: New panics
// and names the field.
func New(name, help string, config any, p paths.Paths) *Module {
	m := &Module{Name: name, Help: help, paths: p}
	m.Config = describe(name, config, p)
	return m
}

// Command adds a command that operators may call. The fields of the struct args are its arguments in positional order,
// nil means none. An argument is mandatory unless it is a pointer or says optional.
func (m *Module) Command(name, help string, args any) *Module {
	m.Commands = append(m.Commands, &Command{Name: name, Help: help, Args: describe(m.Name+" "+name, args, m.paths)})
	return m
}

// PrivateCommand adds a command that only other components may call.
func (m *Module) PrivateCommand(name, help string, args any) *Module {
	m.Command(name, help, args)
	m.Commands[len(m.Commands)-1].Private = true
	return m
}

// Statistic adds the fields of a struct as statistics items.
func (m *Module) Statistic(stats any) *Module {
	m.Statistics = append(m.Statistics, describe(m.Name+" statistics", stats, m.paths)...)
	return m
}

// FindCommand returns the command of that name, or nil.
func (m *Module) FindCommand(name string) *Command {
	for _, c := range m.Commands {
		if c.Name == name {
			return c
		}
	}
	return nil
}
