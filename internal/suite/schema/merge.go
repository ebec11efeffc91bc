package schema

import (
	"maps"
	"reflect"
)

// Merge returns the section that results when changes are laid over s: maps are merged member by member, lists and
// named sets are replaced whole, and null removes what stands there. Neither argument is changed. What the module does
// not know is merged like a map, so that validation of the result can name it.
func (m *Module) Merge(s, changes Section) Section {
	return mergeMembers(m.Config, s, changes)
}

func mergeMembers(items []*Item, old, changes map[string]any) map[string]any {
	out := maps.Clone(old)
	if out == nil {
		out = map[string]any{}
	}
	for name, v := range changes {
		before, wasMap := out[name].(map[string]any)
		after, isMap := v.(map[string]any)
		item := find(items, name)
		switch {
		case v == nil:
			delete(out, name)
		case item != nil && item.Type == Map && isMap:
			if !wasMap {
				before = nil
			}
			out[name] = mergeMembers(item.Members, before, after)
		default:
			out[name] = withoutNulls(item, v)
		}
	}
	return out
}

// withoutNulls drops null members of the maps inside a list or named set that is replaced whole: there null says "no
// value", as it does when a single item is unset. Values of type any keep theirs.
func withoutNulls(item *Item, v any) any {
	if item == nil {
		return v
	}
	switch v := v.(type) {
	case []any:
		if item.Type != List {
			return v
		}
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = withoutNulls(item.Element, e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			var member *Item
			switch item.Type {
			case NamedSet:
				member = item.Element
			case Map:
				member = find(item.Members, name)
			default:
				return v
			}
			if e != nil {
				out[name] = withoutNulls(member, e)
			}
		}
		return out
	}
	return v
}

// Diff returns the changes that make b of a, in the form that Merge takes: null for what only a has. It is nil when
// the sections are equal. The names that the configuration manager keeps are left out.
func (m *Module) Diff(a, b Section) Section {
	changes := diffMembers(m.Config, a, b)
	delete(changes, VersionKey)
	delete(changes, GenerationKey)
	if len(changes) == 0 {
		return nil
	}
	return changes
}

func diffMembers(items []*Item, a, b map[string]any) map[string]any {
	changes := map[string]any{}
	for name := range a {
		if _, stays := b[name]; !stays {
			changes[name] = nil
		}
	}
	for name, v := range b {
		old, had := a[name]
		if had && Equal(old, v) {
			continue
		}
		before, wasMap := old.(map[string]any)
		after, isMap := v.(map[string]any)
		if item := find(items, name); item != nil && item.Type == Map && wasMap && isMap {
			changes[name] = diffMembers(item.Members, before, after)
			continue
		}
		changes[name] = v
	}
	return changes
}

// Equal compares two JSON values in the form that Parse gives.
func Equal(a, b any) bool { return reflect.DeepEqual(a, b) }
