package supervisor

import "fmt"

// Kind says what the end of a component means (guide section 9.2).
type Kind string

const (
	Core        Kind = "core"        // the suite stops, whenever it fails
	Needed      Kind = "needed"      // the suite stops if it fails at its first start; later it is started again
	Dispensable Kind = "dispensable" // it is started again
)

// ParseKind reads the value of the item kind.
func ParseKind(text string) (Kind, error) {
	switch k := Kind(text); k {
	case Core, Needed, Dispensable:
		return k, nil
	}
	return "", fmt.Errorf("%q should be core, needed or dispensable", text)
}

// Component is one entry of Init/components.
type Component struct {
	Name     string // of the entry
	Program  string // the component that it runs, as in the table ("bundy-auth")
	Module   string // whose name it answers to ("Auth"); at most one component of a module runs
	Process  string // that hosts it
	Kind     Kind
	Priority int // higher starts earlier
}
