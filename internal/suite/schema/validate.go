package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Names that may stand in every stored section beside the module's items. The configuration manager sets them.
const (
	VersionKey    = "version"
	GenerationKey = "_generation_id"
)

// maxName bounds the name of a member of a named set: it is shown in tables and is part of identifiers.
const maxName = 255

// Validate checks a section against its module's description and returns all that is wrong, each error beginning with
// the path of the item as "Dhcp4/subnet4[0]/pool[1]: ". Items that are absent are fine.
func Validate(m *Module, s Section) []error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if name == VersionKey || name == GenerationKey {
			continue
		}
		errs = append(errs, checkMember(m.Config, name, s[name], m.Name)...)
	}
	return errs
}

func checkMember(items []*Item, name string, v any, path string) []error {
	item := find(items, name)
	if item == nil {
		return []error{fmt.Errorf("%s/%s: unknown item %s", path, name, name)}
	}
	return check(item, v, path+"/"+name)
}

func find(items []*Item, name string) *Item {
	for _, item := range items {
		if item.Name == name {
			return item
		}
	}
	return nil
}

// check compares one value with its item. Null stands for "no value" and passes only for an optional item.
func check(item *Item, v any, path string) []error {
	if v == nil {
		if item.Optional || item.Type == Any {
			return nil
		}
		return []error{fmt.Errorf("%s: null is not allowed, the item is not optional", path)}
	}
	wrong := func() []error {
		return []error{fmt.Errorf("%s: %s should be %s", path, show(v), article(item.Type))}
	}
	switch item.Type {
	case Integer, Real:
		n, ok := numeric(v)
		if _, integral := integer(v); !ok || item.Type == Integer && !integral {
			return wrong()
		}
		return checkRange(item, n, v, path)
	case Boolean:
		if _, ok := v.(bool); !ok {
			return wrong()
		}
	case String:
		s, ok := v.(string)
		if !ok {
			return wrong()
		}
		if item.Enum != nil && !slices.Contains(item.Enum, s) {
			return []error{fmt.Errorf("%s: %s should be one of %s", path, show(v), strings.Join(item.Enum, ", "))}
		}
	case List:
		list, ok := v.([]any)
		if !ok {
			return wrong()
		}
		var errs []error
		for i, e := range list {
			errs = append(errs, check(item.Element, e, path+"["+strconv.Itoa(i)+"]")...)
		}
		return errs
	case NamedSet:
		set, ok := v.(map[string]any)
		if !ok {
			return wrong()
		}
		var errs []error
		for _, name := range slices.Sorted(maps.Keys(set)) {
			if err := checkName(name); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", path, err))
				continue
			}
			errs = append(errs, check(item.Element, set[name], path+"/"+name)...)
		}
		return errs
	case Map:
		members, ok := v.(map[string]any)
		if !ok {
			return wrong()
		}
		var errs []error
		for _, name := range slices.Sorted(maps.Keys(members)) {
			errs = append(errs, checkMember(item.Members, name, members[name], path)...)
		}
		return errs
	case Any:
		if err := checkAny(v, 0); err != nil {
			return []error{fmt.Errorf("%s: %w", path, err)}
		}
	}
	return nil
}

// checkName refuses names of members that an identifier could not address.
func checkName(name string) error {
	bad := func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '/' || r == '[' || r == ']' || r == utf8.RuneError
	}
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%s is not a name: it needs 1 to %d octets without control characters, '/', '[' and ']'", show(name), maxName)
	}
	return nil
}

func checkRange(item *Item, n float64, v any, path string) []error {
	low := item.Min != nil && n < *item.Min
	high := item.Max != nil && n > *item.Max
	switch {
	case (low || high) && item.Min != nil && item.Max != nil:
		return []error{fmt.Errorf("%s: %s should be from %s to %s", path, show(v), limit(*item.Min), limit(*item.Max))}
	case low:
		return []error{fmt.Errorf("%s: %s should be at least %s", path, show(v), limit(*item.Min))}
	case high:
		return []error{fmt.Errorf("%s: %s should be at most %s", path, show(v), limit(*item.Max))}
	}
	return nil
}

func limit(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func checkAny(v any, depth int) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	switch v := v.(type) {
	case nil, bool, int64, float64, string:
		return nil
	case []any:
		for _, e := range v {
			if err := checkAny(e, depth+1); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		for _, e := range v {
			if err := checkAny(e, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%T is not a JSON value", v)
}

func numeric(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// integer returns the value of a number that is integral. Parse makes int64 of every such number, encoding/json does not.
func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) <= exactFloat
	}
	return 0, false
}

func article(t Type) string {
	if t == Integer {
		return "an integer"
	}
	if t == Any {
		return "any value"
	}
	return "a " + string(t)
}

// maxShown bounds how much of an offending value an error repeats.
const maxShown = 80

// show gives a value as JSON for an error text, cut when it is long.
func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%T", v)
	}
	if len(text) > maxShown {
		return strings.ToValidUTF8(string(text[:maxShown]), "") + "..."
	}
	return string(text)
}
