package stats

import (
	"strings"

	"bundy/internal/suite/schema"
)

// Items describes the counters as statistics items of a module, for schema.Module's Statistics. Members of one named
// set have the same counters, so the first one describes them all; the default of the set holds every member that the
// definitions name, with zeros.
func Items(definitions []Definition) []*schema.Item {
	root := &schema.Item{Type: schema.Map}
	for _, d := range definitions {
		insert(root, strings.Split(d.Path, "/"), d)
	}
	for _, item := range root.Members {
		item.Default = zero(item)
		bare(item)
	}
	return root.Members
}

// insert adds one counter below a map or named set. While the tree grows, the members of a named set stand in Members
// like those of a map; bare turns them into its Element.
func insert(at *schema.Item, path []string, d Definition) {
	name, ofSet := member(path[0])
	if ofSet {
		at.Type = schema.NamedSet
	}
	if len(path) == 1 {
		at.Members = append(at.Members, &schema.Item{
			Name: name, Type: schema.Integer, Default: int64(0), Title: d.Title, Help: d.Help,
		})
		return
	}
	for _, m := range at.Members {
		if m.Name == name {
			insert(m, path[1:], d)
			return
		}
	}
	m := &schema.Item{Name: name, Type: schema.Map}
	at.Members = append(at.Members, m)
	insert(m, path[1:], d)
}

func zero(item *schema.Item) any {
	if item.Type == schema.Integer {
		return int64(0)
	}
	out := map[string]any{}
	for _, m := range item.Members {
		out[m.Name] = zero(m)
	}
	return out
}

func bare(item *schema.Item) {
	for _, m := range item.Members {
		bare(m)
	}
	switch {
	case item.Type == schema.NamedSet:
		item.Element, item.Members = item.Members[0], nil
		item.Element.Name = ""
	case item.Type == schema.Map && item.Default == nil:
		item.Default = map[string]any{}
	}
}
