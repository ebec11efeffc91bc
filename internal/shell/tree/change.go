package tree

import (
	"slices"

	"bundy/internal/shell/spec"
	"bundy/internal/shell/value"
)

// edit turns the value at a place, or nil, into another; with keep false the place is removed.
type edit func(old any) (v any, keep bool)

func put(v any) edit { return func(any) (any, bool) { return v, true } }

func drop(any) (any, bool) { return nil, false }

// change makes a local change at a place. The first list, named set or value of type any on the way is copied whole.
func (t *Tree) change(p path, e edit) error {
	for i := range p.steps {
		n, err := t.find(path{p.module, p.steps[:i]})
		if err != nil {
			return err
		}
		if n.item.Type == "map" {
			continue
		}
		v, _ := n.value()
		changed, err := rewrite(n.item, value.Clone(v), p.steps[i:], n.id, e)
		if err != nil {
			return err
		}
		t.setLocal(path{p.module, p.steps[:i]}, changed)
		return nil
	}
	n, err := t.find(p)
	if err != nil {
		return err
	}
	v, _ := n.value()
	if changed, keep := e(value.Clone(v)); keep {
		t.setLocal(p, changed)
	} else {
		t.unsetLocal(p, n.stored.ok)
	}
	return nil
}

// rewrite applies an edit inside a value. The value may be changed in place.
func rewrite(item *spec.Item, v any, steps []step, id string, e edit) (any, error) {
	s := steps[0]
	if s.indexed {
		l, _ := v.([]any)
		if s.index >= len(l) {
			return nil, errorf("%s[%d] not found: index out of range, the list has %d elements", id, s.index, len(l))
		}
		inner, keep, err := rewriteInner(innerItem(item, s.name), l[s.index], steps[1:], id, e)
		if err != nil {
			return nil, err
		}
		if !keep {
			return slices.Delete(l, s.index, s.index+1), nil
		}
		l[s.index] = inner
		return l, nil
	}
	id += "/" + s.name
	child := innerItem(item, s.name)
	if child == nil {
		return nil, notFound(id)
	}
	m, ok := v.(map[string]any)
	if !ok {
		m = map[string]any{}
	}
	old, exists := m[s.name]
	if !exists && child.Type != "map" { // of maps, what is not set stays with its default
		old = value.Clone(child.Default)
	}
	inner, keep, err := rewriteInner(child, old, steps[1:], id, e)
	if err != nil {
		return nil, err
	}
	if keep {
		m[s.name] = inner
	} else {
		delete(m, s.name)
	}
	return m, nil
}

func rewriteInner(item *spec.Item, v any, steps []step, id string, e edit) (any, bool, error) {
	if len(steps) == 0 {
		v, keep := e(v)
		return v, keep, nil
	}
	v, err := rewrite(item, v, steps, id, e)
	return v, true, err
}

// innerItem describes what is inside an item, or nil.
func innerItem(item *spec.Item, name string) *spec.Item {
	switch item.Type {
	case "map":
		return spec.Member(item.Members, name)
	case "any":
		return item
	}
	return item.Element
}

// setLocal stores a change at a place outside lists and named sets.
func (t *Tree) setLocal(p path, v any) {
	if len(p.steps) == 0 {
		t.local[p.module] = v
		return
	}
	m := t.localMap(t.local, p.module, path{module: p.module})
	for i, s := range p.steps[:len(p.steps)-1] {
		m = t.localMap(m, s.name, path{p.module, p.steps[:i+1]})
	}
	m[p.steps[len(p.steps)-1].name] = v
}

// localMap finds or makes the map at a name. Where the whole map had been unset, its stored members still are.
func (t *Tree) localMap(m map[string]any, name string, p path) map[string]any {
	if inner, ok := m[name].(map[string]any); ok {
		return inner
	}
	made := map[string]any{}
	if _, unset := m[name]; unset {
		if n, err := t.find(p); err == nil {
			stored, _ := n.stored.v.(map[string]any)
			for member := range stored {
				made[member] = nil
			}
		}
	}
	m[name] = made
	return made
}

// unsetLocal makes a place fall back to its default: a committed value has to be removed by the commit, a local one is
// just forgotten. Maps that become empty go as well.
func (t *Tree) unsetLocal(p path, stored bool) {
	if stored {
		t.setLocal(p, nil)
		return
	}
	names := []string{p.module}
	for _, s := range p.steps {
		names = append(names, s.name)
	}
	prune(t.local, names)
}

func prune(m map[string]any, names []string) {
	if len(names) > 1 {
		inner, ok := m[names[0]].(map[string]any)
		if !ok {
			return
		}
		if prune(inner, names[1:]); len(inner) > 0 {
			return
		}
	}
	delete(m, names[0])
}
