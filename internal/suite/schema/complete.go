package schema

import "maps"

// Complete returns the values of all items: what is configured, and the defaults of what is not. A map that is
// configured in part takes its other members from the default of the whole map where that names them, else from the
// members' own defaults; so "lease-database" {"name": "x"} keeps the type that an untouched lease-database has. Items
// without a value are absent. Nothing is validated, and nothing of s is changed or shared with parts that are filled.
func Complete(items []*Item, s Section) map[string]any {
	return completeMembers(items, s, nil)
}

func completeMembers(items []*Item, given, preset map[string]any) map[string]any {
	out := map[string]any{}
	for _, item := range items {
		v := given[item.Name]
		if v == nil {
			v = preset[item.Name]
		}
		if v = completeValue(item, v); v != nil {
			out[item.Name] = v
		}
	}
	return out
}

func completeValue(item *Item, v any) any {
	if v == nil {
		v = item.Default
	}
	switch item.Type {
	case List:
		list, ok := v.([]any)
		if !ok {
			return v
		}
		out := make([]any, len(list))
		for i, e := range list {
			out[i] = completeValue(item.Element, e)
		}
		return out
	case NamedSet:
		set, ok := v.(map[string]any)
		if !ok {
			return v
		}
		out := maps.Clone(set)
		for name, e := range set {
			out[name] = completeValue(item.Element, e)
		}
		return out
	case Map:
		members, ok := v.(map[string]any)
		if !ok {
			return v
		}
		preset, _ := item.Default.(map[string]any)
		return completeMembers(item.Members, members, preset)
	}
	return v
}
