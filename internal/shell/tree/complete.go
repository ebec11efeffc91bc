package tree

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bundy/internal/shell/spec"
)

// maxCandidates bounds what is offered at once; more cannot be read.
const maxCandidates = 500

// Complete returns the identifiers that continue text, which is "" or begins with the name of a module. Those with
// more below end in a slash.
func (t *Tree) Complete(text string) []string {
	lead := ""
	if strings.HasPrefix(text, "/") {
		lead, text = "/", text[1:]
	}
	cut := strings.LastIndexByte(text, '/')
	var candidates []string
	if cut < 0 {
		for _, name := range t.Modules() {
			candidates = append(candidates, name+"/")
		}
	} else {
		p, err := parsePath(text[:cut])
		if err != nil {
			return nil
		}
		n, err := t.find(p)
		if err != nil {
			return nil
		}
		candidates = n.children()
	}
	var out []string
	for _, c := range candidates {
		if strings.HasPrefix(c, text) && len(out) < maxCandidates {
			out = append(out, lead+c)
		}
	}
	return out
}

// children lists the identifiers one level below, list elements beside their lists.
func (n node) children() []string {
	var out []string
	switch n.item.Type {
	case "map":
		for _, m := range n.item.Members {
			if child, err := n.member(m.Name); err == nil {
				out = append(out, child.candidates()...)
			}
		}
	case "named_set", "any":
		v, _ := n.value()
		m, _ := v.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if child, err := n.entry(name); err == nil {
				out = append(out, child.candidates()...)
			}
		}
	}
	return out
}

func (n node) candidates() []string {
	id := n.id
	switch n.item.Type {
	case "map", "named_set":
		id += "/"
	}
	out := []string{id}
	v, _ := n.value()
	l, isList := v.([]any)
	if !isList || n.item.Type != "list" && n.item.Type != "any" {
		return out
	}
	for i := range l {
		element := fmt.Sprintf("%s[%d]", n.id, i)
		if inside(n.item) {
			element += "/"
		}
		out = append(out, element)
	}
	return out
}

func inside(list *spec.Item) bool {
	return list.Element != nil && (list.Element.Type == "map" || list.Element.Type == "named_set")
}
