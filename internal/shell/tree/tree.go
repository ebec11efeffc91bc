package tree

import (
	"fmt"
	"maps"
	"slices"

	"bundy/internal/shell/spec"
	"bundy/internal/shell/value"
)

// Tree holds the configuration of all modules. It is not safe for use from several goroutines.
type Tree struct {
	modules map[string]*spec.Module
	stored  map[string]any
	local   map[string]any // changes by module; never holds an empty map for a module
}

// New makes an empty tree.
func New() *Tree { return &Tree{local: map[string]any{}} }

// Refresh takes over what the control interface has just told. Local changes stay.
func (t *Tree) Refresh(modules map[string]*spec.Module, stored map[string]any) {
	t.modules, t.stored = modules, stored
}

// Modules lists the names of the known modules in order.
func (t *Tree) Modules() []string { return slices.Sorted(maps.Keys(t.modules)) }

// Module returns a module's specification, or nil.
func (t *Tree) Module(name string) *spec.Module { return t.modules[name] }

// Changes returns the local changes by module, in the form of a commit. It is the tree's own: read only.
func (t *Tree) Changes() map[string]any { return t.local }

// Revert drops all local changes, also when they have been committed.
func (t *Tree) Revert() { t.local = map[string]any{} }

// TypeError says that a value has the wrong type.
type TypeError string

func (e TypeError) Error() string { return string(e) }

// Error says why something cannot be shown or changed.
type Error string

func (e Error) Error() string { return string(e) }

func errorf(format string, args ...any) error { return Error(fmt.Sprintf(format, args...)) }

func notFound(identifier string) error { return errorf("%s not found", identifier) }

// status tells where a value comes from.
type status int

const (
	unset status = iota
	isDefault
	isStored
	isLocal
)

func (s status) flag() string {
	switch s {
	case isDefault:
		return "(default)"
	case isLocal:
		return "(modified)"
	}
	return ""
}

// layer is what one of the three sources has at a place.
type layer struct {
	v  any
	ok bool
}

func some(v any) layer { return layer{v, true} }

func (l layer) member(name string) layer {
	m, isMap := l.v.(map[string]any)
	if !l.ok || !isMap {
		return layer{}
	}
	v, ok := m[name]
	return layer{v, ok}
}

// node is one place of the tree: its description, and what each source has there.
type node struct {
	id                      string
	item                    *spec.Item
	local, stored, byDesign layer
}

// value returns the value in force. Maps in several sources are not merged: ask for their members.
func (n node) value() (any, status) {
	switch {
	case n.local.ok && n.local.v != nil:
		return n.local.v, isLocal
	case n.stored.ok && !n.local.ok:
		return n.stored.v, isStored
	case n.byDesign.ok:
		return n.byDesign.v, isDefault
	}
	return nil, unset
}

// module gives the place of a whole module. It is described like a map.
func (t *Tree) module(name string) (node, error) {
	m := t.modules[name]
	if m == nil {
		return node{}, errorf("Module '%s' unknown or not running", name)
	}
	all := layer{t.stored, true}
	changes := layer{t.local, true}
	item := &spec.Item{Name: name, Type: "map", Members: m.Config}
	return node{id: name, item: item, local: changes.member(name), stored: all.member(name)}, nil
}

// find walks to the place of an identifier.
func (t *Tree) find(p path) (node, error) {
	n, err := t.module(p.module)
	for _, s := range p.steps {
		if err != nil {
			return node{}, err
		}
		n, err = n.child(s)
	}
	return n, err
}

func (n node) child(s step) (node, error) {
	if s.indexed {
		return n.element(s.index)
	}
	switch n.item.Type {
	case "map":
		return n.member(s.name)
	case "named_set", "any":
		return n.entry(s.name)
	}
	return node{}, notFound(n.id + "/" + s.name)
}

// member is a place in a map, where every source may have something.
func (n node) member(name string) (node, error) {
	item := spec.Member(n.item.Members, name)
	id := n.id + "/" + name
	if item == nil {
		return node{}, notFound(id)
	}
	out := node{id: id, item: item, local: n.local.member(name), stored: n.stored.member(name), byDesign: n.byDesign.member(name)}
	if n.local.ok && n.local.v == nil { // the whole map was unset
		out.local = some(nil)
	}
	if !out.byDesign.ok && item.Default != nil {
		out.byDesign = some(item.Default)
	}
	return out, nil
}

// entry is a member of a named set, or of a map of type any: they come from one source with all they hold.
func (n node) entry(name string) (node, error) {
	id := n.id + "/" + name
	v, from := n.value()
	m, ok := v.(map[string]any)
	if !ok {
		return node{}, notFound(id)
	}
	inner, ok := m[name]
	if !ok {
		return node{}, notFound(id)
	}
	return n.within(id, inner, from), nil
}

func (n node) element(index int) (node, error) {
	id := fmt.Sprintf("%s[%d]", n.id, index)
	v, from := n.value()
	if n.item.Type != "list" && n.item.Type != "any" {
		return node{}, errorf("%s is not a list", n.id)
	}
	l, ok := v.([]any)
	if !ok && v != nil {
		return node{}, errorf("%s is not a list", n.id)
	}
	if index >= len(l) {
		return node{}, errorf("%s not found: index out of range, the list has %d elements", id, len(l))
	}
	return n.within(id, l[index], from), nil
}

// within is a place inside a value that comes whole from one source.
func (n node) within(id string, v any, from status) node {
	out := node{id: id, item: n.item.Element}
	if n.item.Type == "any" {
		out.item = &spec.Item{Name: n.item.Name, Type: "any"}
	}
	if v == nil && (out.item.Type == "map" || out.item.Type == "named_set") {
		v = map[string]any{} // a member added without a value: all defaults
	}
	switch from {
	case isLocal:
		out.local = some(v)
	case isStored:
		out.stored = some(v)
	default:
		out.byDesign = some(v)
	}
	return out
}

// merged gives the value at a place with local changes laid over what is stored, without defaults inside.
func (n node) merged() (any, status) {
	local, localMap := n.local.v.(map[string]any)
	stored, storedMap := n.stored.v.(map[string]any)
	if n.item.Type != "map" || !localMap || !storedMap {
		return n.value()
	}
	return merge(stored, local), isLocal
}

// merge lays changes over a map as a commit does.
func merge(base, changes map[string]any) map[string]any {
	out := maps.Clone(base)
	for name, v := range changes {
		inner, isMap := v.(map[string]any)
		old, wasMap := out[name].(map[string]any)
		switch {
		case v == nil:
			delete(out, name)
		case isMap && wasMap:
			out[name] = merge(old, inner)
		default:
			out[name] = value.Clone(v)
		}
	}
	return out
}
