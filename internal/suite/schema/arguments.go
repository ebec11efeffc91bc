package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Arguments checks the arguments of a command, a JSON object, null or nothing, and returns them by name with the
// defaults of those that were not given. It refuses what is not in the specification, what is missing and what has
// the wrong type; all in one error, each line with its reason.
func (m *Module) Arguments(c *Command, given json.RawMessage) (map[string]json.RawMessage, error) {
	args := map[string]any{}
	if len(given) > 0 {
		v, err := Parse(given)
		if err != nil {
			return nil, fmt.Errorf("%s %s: arguments: %w", m.Name, c.Name, err)
		}
		switch v := v.(type) {
		case nil:
		case map[string]any:
			args = v
		default:
			return nil, fmt.Errorf("%s %s: arguments: %s should be a map", m.Name, c.Name, show(v))
		}
	}
	if errs := m.checkArguments(c, args); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	out := map[string]json.RawMessage{}
	for name, v := range Complete(c.Args, args) {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("%s %s %s: %w", m.Name, c.Name, name, err)
		}
		out[name] = raw
	}
	return out, nil
}

// checkArguments returns all that is wrong with the arguments of a command.
func (m *Module) checkArguments(c *Command, args map[string]any) []error {
	var errs []error
	for _, item := range c.Args {
		if args[item.Name] == nil && !item.Optional {
			errs = append(errs, fmt.Errorf("%s %s: parameter '%s' is missing", m.Name, c.Name, item.Name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		item := find(c.Args, name)
		if item == nil {
			errs = append(errs, fmt.Errorf("%s %s: unknown parameter '%s'", m.Name, c.Name, name))
			continue
		}
		if args[name] != nil {
			errs = append(errs, check(item, args[name], m.Name+" "+c.Name+" "+name)...)
		}
	}
	return errs
}
