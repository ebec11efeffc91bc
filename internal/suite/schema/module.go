package schema

// Module is a module's description.
type Module struct {
	Name       string
	Help       string
	Config     []*Item
	Commands   []*Command
	Statistics []*Item
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
	Members  []*Item // of a map
	Element  *Item   // of a list or named set
}

// Command describes a command. Commands that are not Public are not offered to operators.
type Command struct {
	Name    string
	Help    string
	Args    []*Item // in positional order
	Private bool
}
