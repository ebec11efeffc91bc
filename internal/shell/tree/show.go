package tree

import (
	"fmt"
	"maps"
	"slices"

	"bundy/internal/shell/value"
)

// Show returns the lines of config show for an identifier, "" or "/" for all modules: identifier, value, type and
// where the value comes from, separated by tabulators. What has more below it ends in a slash and shows no value, unless all
// is asked for.
func (t *Tree) Show(identifier string, all bool) ([]string, error) {
	if root(identifier) {
		var out []string
		for _, name := range t.Modules() {
			if !all {
				out = append(out, name+"/\tmodule\t")
				continue
			}
			lines, err := t.Show(name, true)
			if err != nil {
				return nil, err
			}
			out = append(out, lines...)
		}
		return out, nil
	}
	p, err := parsePath(identifier)
	if err != nil {
		return nil, err
	}
	n, err := t.find(p)
	if err != nil {
		return nil, err
	}
	return n.lines(nil, all, true), nil
}

func root(identifier string) bool { return identifier == "" || identifier == "/" }

// lines appends the lines of a place. first is the place that was asked for.
func (n node) lines(out []string, all, first bool) []string {
	v, from := n.value()
	switch n.item.Type {
	case "map":
		for _, m := range n.item.Members {
			child, err := n.member(m.Name)
			if err == nil { // always: the name comes from the description
				out = child.lines(out, all, false)
			}
		}
		return out
	case "list":
		l, _ := v.([]any)
		if len(l) == 0 {
			return append(out, line(n.id, []any{}, "list", from))
		}
		if !all && !first {
			return append(out, summary(n.id, "list", from))
		}
		for i, inner := range l {
			out = n.within(fmt.Sprintf("%s[%d]", n.id, i), inner, from).lines(out, all, false)
		}
		return out
	case "named_set":
		m, _ := v.(map[string]any)
		if len(m) == 0 {
			return append(out, line(n.id, map[string]any{}, "named_set", from))
		}
		if !all && !first {
			return append(out, summary(n.id, "named_set", from))
		}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			out = n.within(n.id+"/"+name, m[name], from).lines(out, all, false)
		}
		return out
	}
	return append(out, line(n.id, v, n.item.Type, from))
}

func line(id string, v any, kind string, from status) string {
	return id + "\t" + value.Compact(v) + "\t" + kind + "\t" + from.flag()
}

func summary(id, kind string, from status) string { return id + "/\t" + kind + "\t" + from.flag() }

// ShowJSON returns the value of an identifier as JSON on one line, local changes included, defaults not filled in
// below it. For a module it is the stored configuration with the local changes.
func (t *Tree) ShowJSON(identifier string) (string, error) {
	if root(identifier) {
		return "", errorf("need at least the module to show the configuration in JSON format")
	}
	p, err := parsePath(identifier)
	if err != nil {
		return "", err
	}
	n, err := t.find(p)
	if err != nil {
		return "", err
	}
	v, from := n.merged()
	if from == unset && n.item.Type == "map" {
		v = map[string]any{}
	}
	return value.Compact(v), nil
}

// Exists tells why there is nothing at an identifier, or nil.
func (t *Tree) Exists(identifier string) error {
	p, err := parsePath(identifier)
	if err == nil {
		_, err = t.find(p)
	}
	return err
}

// Diff returns the local changes as config diff prints them.
func (t *Tree) Diff() string { return value.Literal(t.local) }
