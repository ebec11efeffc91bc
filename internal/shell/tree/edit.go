package tree

import (
	"slices"

	"bundy/internal/shell/spec"
	"bundy/internal/shell/value"
)

// Set changes the value of an item. Null unsets it, if it may be without a value.
func (t *Tree) Set(identifier string, v any) error {
	p, err := parsePath(identifier)
	if err != nil {
		return err
	}
	if len(p.steps) == 0 {
		return t.setModule(p.module, v)
	}
	item, err := t.settable(p)
	if err != nil {
		return err
	}
	if v == nil && (item.Optional || item.Type == "any") {
		return t.unset(p)
	}
	if err := Check(item, v); err != nil {
		return err
	}
	return t.change(p, put(value.Clone(v)))
}

// settable finds the description of an item. In a map of type any, a member need not exist to be set.
func (t *Tree) settable(p path) (*spec.Item, error) {
	n, err := t.find(p)
	if err == nil {
		return n.item, nil
	}
	parent, last := p.parent()
	if above, ok := t.find(parent); ok == nil && above.item.Type == "any" && !last.indexed {
		if v, _ := above.value(); value.TypeName(v) == "map" {
			return above.item, nil
		}
	}
	return nil, err
}

// setModule sets the items that a whole module's map names.
func (t *Tree) setModule(name string, v any) error {
	n, err := t.module(name)
	if err != nil {
		return err
	}
	if err := Check(n.item, v); err != nil {
		return err
	}
	given := v.(map[string]any) // as checked
	for item, v := range given {
		found := spec.Member(n.item.Members, item)
		if found == nil {
			return notFound(name + "/" + item)
		}
		if err := Check(found, v); err != nil && v != nil {
			return err
		}
	}
	for item, v := range given {
		e := put(value.Clone(v))
		if v == nil {
			e = drop
		}
		if err := t.change(path{name, []step{{name: item}}}, e); err != nil {
			return err
		}
	}
	return nil
}

// Unset makes an item fall back to its default.
func (t *Tree) Unset(identifier string) error {
	p, err := parsePath(identifier)
	if err != nil {
		return err
	}
	n, err := t.find(p)
	if err != nil {
		return err
	}
	if len(p.steps) > 0 {
		return t.unset(p)
	}
	for _, m := range n.item.Members {
		if err := t.change(path{p.module, []step{{name: m.Name}}}, drop); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tree) unset(p path) error {
	parent, last := p.parent()
	above, err := t.find(parent)
	if err != nil {
		return err
	}
	if last.indexed || above.item.Type == "named_set" {
		return errorf("elements of lists and named sets are removed with config remove")
	}
	return t.change(p, drop)
}

// Add appends a value to a list, or adds a member to a named set. texts are the words behind the identifier: for a
// list a value or nothing, for a named set a name and perhaps a value.
func (t *Tree) Add(identifier string, texts ...string) error {
	p, err := parsePath(identifier)
	if err != nil {
		return err
	}
	n, err := t.find(p)
	if err != nil {
		return err
	}
	switch v, _ := n.value(); n.kind() {
	case "list":
		l, _ := v.([]any)
		return t.addElement(p, n, l, texts)
	case "named_set":
		m, _ := v.(map[string]any)
		return t.addMember(p, n, m, texts)
	}
	return errorf("%s is not a list or a named set", n.id)
}

// kind tells what a place can be treated as; for type any that depends on its value.
func (n node) kind() string {
	if n.item.Type != "any" {
		return n.item.Type
	}
	switch v, _ := n.value(); v.(type) {
	case []any:
		return "list"
	case map[string]any:
		return "named_set"
	}
	return "any"
}

func (t *Tree) addElement(p path, n node, l []any, texts []string) error {
	var v any
	if len(texts) > 0 { // a value typed with blanks comes in pieces
		text := texts[0]
		for _, more := range texts[1:] {
			text += " " + more
		}
		v = value.Loose(text)
	} else if v = n.newElement(); v == nil {
		return errorf("no value given and no default for %s", n.id)
	}
	if err := n.checkNew(l, v); err != nil {
		return err
	}
	return t.change(p, func(old any) (any, bool) {
		l, _ := old.([]any)
		return append(l, v), true
	})
}

// checkNew tells whether a value may become an element of the list l at n.
func (n node) checkNew(l []any, v any) error {
	if n.item.Type == "list" {
		if err := Check(n.item.Element, v); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(l, func(other any) bool { return value.Equal(v, other) }) {
		return errorf("%s already in %s", value.Plain(v), n.id)
	}
	return nil
}

// Insert puts a value into a list before the element that the identifier names: the order of rules has a meaning.
func (t *Tree) Insert(identifier, text string) error {
	p, err := parsePath(identifier)
	if err != nil {
		return err
	}
	if len(p.steps) == 0 || !p.steps[len(p.steps)-1].indexed {
		return errorf("%s does not end in the index of the element to insert before", identifier)
	}
	if _, err := t.find(p); err != nil { // no such element
		return err
	}
	list, last := p.parent()
	n, err := t.find(list)
	if err != nil {
		return err
	}
	v := value.Loose(text)
	l, _ := n.value()
	elements, _ := l.([]any)
	if err := n.checkNew(elements, v); err != nil {
		return err
	}
	return t.change(list, func(old any) (any, bool) {
		l, _ := old.([]any)
		return slices.Insert(l, last.index, v), true
	})
}

func (t *Tree) addMember(p path, n node, m map[string]any, texts []string) error {
	if len(texts) == 0 || value.Unquote(texts[0]) == "" {
		return errorf("need a name to add a new item to %s", n.id)
	}
	name := value.Unquote(texts[0])
	if _, exists := m[name]; exists {
		return errorf("%s already in %s", name, n.id)
	}
	var v any
	if len(texts) > 1 {
		v = value.Loose(texts[1])
	} else if v = n.newElement(); v == nil {
		return errorf("need a value for %s in %s", name, n.id)
	}
	if n.item.Type == "named_set" {
		if err := Check(n.item.Element, v); err != nil {
			return err
		}
	}
	return t.change(p, func(old any) (any, bool) {
		m, ok := old.(map[string]any)
		if !ok {
			m = map[string]any{}
		}
		m[name] = v
		return m, true
	})
}

// newElement is the value that an element added without one begins with, or nil.
func (n node) newElement() any {
	element := n.item.Element
	switch {
	case element == nil: // of type any
		return nil
	case element.Default != nil:
		return value.Clone(element.Default)
	case element.Type == "map" || element.Type == "named_set":
		return map[string]any{}
	case element.Type == "list":
		return []any{}
	}
	return nil
}

// Remove removes an element of a list or a member of a named set: the one the identifier ends in, or the one that the
// text names by value or name. A value that is not in the list is ignored.
func (t *Tree) Remove(identifier string, text *string) error {
	p, err := parsePath(identifier)
	if err != nil {
		return err
	}
	n, err := t.find(p)
	if err != nil {
		return err
	}
	if text == nil {
		return t.removeHere(p, n)
	}
	v, _ := n.value()
	switch n.kind() {
	case "list":
		gone := value.Loose(*text)
		if n.item.Type == "list" {
			if err := Check(n.item.Element, gone); err != nil {
				return err
			}
		}
		l, _ := v.([]any)
		i := slices.IndexFunc(l, func(other any) bool { return value.Equal(gone, other) })
		if i < 0 {
			return nil
		}
		return t.change(with(p, step{index: i, indexed: true}), drop)
	case "named_set":
		name := value.Unquote(*text)
		if m, _ := v.(map[string]any); m == nil || !contains(m, name) {
			return errorf("%s not found in %s", name, n.id)
		}
		return t.change(with(p, step{name: name}), drop)
	}
	return errorf("%s is not a list or a named set", n.id)
}

func (t *Tree) removeHere(p path, n node) error {
	if len(p.steps) > 0 {
		parent, last := p.parent()
		above, err := t.find(parent)
		if err != nil {
			return err
		}
		if last.indexed || above.kind() == "named_set" {
			return t.change(p, drop)
		}
	}
	switch n.kind() {
	case "list":
		return errorf("need an index or a value to remove from %s", n.id)
	case "named_set":
		return errorf("need a name to remove from %s", n.id)
	}
	return errorf("%s is not in a list or a named set; config unset gives it its default", n.id)
}

func contains(m map[string]any, name string) bool { _, ok := m[name]; return ok }

// with is the path one step further. It never shares the steps of p.
func with(p path, s step) path {
	return path{p.module, append(slices.Clone(p.steps), s)}
}
