package schema

import (
	"fmt"
	"strconv"
	"strings"
)

// step is one part of an identifier: a name, or an index when name is empty.
type step struct {
	name  string
	index int
}

// steps splits an identifier as "subnet4[0]/pool[1]" or "/components/bundy-auth".
func steps(identifier string) ([]step, error) {
	var out []step
	for _, part := range strings.Split(strings.Trim(identifier, "/"), "/") {
		name, rest, _ := strings.Cut(part, "[")
		if name == "" {
			return nil, fmt.Errorf("identifier %q: a name is missing", identifier)
		}
		out = append(out, step{name: name})
		for rest != "" || strings.HasSuffix(part, "[") {
			digits, after, closed := strings.Cut(rest, "]")
			index, err := strconv.ParseUint(digits, 10, 31)
			if !closed || err != nil {
				return nil, fmt.Errorf("identifier %q: bad index in %q", identifier, part)
			}
			out = append(out, step{index: int(index)})
			if after == "" {
				break
			}
			if after[0] != '[' {
				return nil, fmt.Errorf("identifier %q: text after ] in %q", identifier, part)
			}
			rest = after[1:]
			if rest == "" {
				return nil, fmt.Errorf("identifier %q: bad index in %q", identifier, part)
			}
		}
	}
	return out, nil
}

// Find returns the description of the item that an identifier relative to the module names, as
// "subnet4[0]/pool[1]" or "components/bundy-auth/kind". Indices and member names are not compared with any value.
func (m *Module) Find(identifier string) (*Item, error) {
	path, err := steps(identifier)
	if err != nil {
		return nil, err
	}
	at := &Item{Type: Map, Members: m.Config}
	for _, s := range path {
		var next *Item
		switch {
		case s.name == "" && at.Type == List, s.name != "" && at.Type == NamedSet:
			next = at.Element
		case s.name != "" && at.Type == Map:
			next = find(at.Members, s.name)
		}
		if next == nil {
			return nil, fmt.Errorf("%s/%s not found", m.Name, identifier)
		}
		at = next
	}
	return at, nil
}
