package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"bundy/internal/suite/paths"
)

// describer turns struct types into items. Everything it refuses is a mistake in the program, so it panics; where says
// in which struct.
type describer struct {
	where string
	paths paths.Paths
}

func describe(where string, config any, p paths.Paths) []*Item {
	if config == nil {
		return nil
	}
	t := reflect.TypeOf(config)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("schema: %s: described by %v, which is not a struct", where, t))
	}
	return describer{where: where, paths: p}.members(t)
}

func (d describer) failf(format string, args ...any) {
	panic("schema: " + d.where + ": " + fmt.Sprintf(format, args...))
}

func (d describer) below(name string) describer {
	d.where += "/" + name
	return d
}

func (d describer) members(t reflect.Type) []*Item {
	items := []*Item{}
	for f := range fields(t) {
		if slices.ContainsFunc(items, func(i *Item) bool { return i.Name == f.name }) {
			d.failf("two items are named %q", f.name)
		}
		items = append(items, d.below(f.name).item(f))
	}
	return items
}

// item describes one field of a struct.
func (d describer) item(f field) *Item {
	item := d.value(f.Type)
	item.Name = f.name
	item.Help = f.Tag.Get("help")
	item.Title, item.Format = f.Tag.Get("title"), f.Tag.Get("format")
	pointer := f.Type.Kind() == reflect.Pointer
	item.Optional = pointer || f.Tag.Get("optional") == "true"

	if text, ok := f.Tag.Lookup("element"); ok {
		if item.Element == nil {
			d.failf("element on a %s", item.Type)
		}
		item.Element.Default = d.literal(item.Element, text)
	}
	d.limits(item, f.Tag)

	text, given := f.Tag.Lookup("default")
	switch {
	case given:
		item.Default = d.literal(item, text)
	case pointer, item.Type == Any:
		item.Default = nil
	}
	if item.Default != nil {
		if errs := check(item, item.Default, d.where); len(errs) > 0 {
			d.failf("default: %v", errs[0])
		}
	}
	return item
}

// limits reads min, max and enum, which on a list or named set concern its elements.
func (d describer) limits(item *Item, tag reflect.StructTag) {
	target := item
	for target.Element != nil {
		target = target.Element
	}
	number := func(key string) *float64 {
		text, ok := tag.Lookup(key)
		if !ok {
			return nil
		}
		if target.Type != Integer && target.Type != Real {
			d.failf("%s on a %s", key, target.Type)
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			d.failf("%s: %v", key, err)
		}
		return &n
	}
	target.Min, target.Max = number("min"), number("max")
	if text, ok := tag.Lookup("enum"); ok {
		if target.Type != String {
			d.failf("enum on a %s", target.Type)
		}
		target.Enum = strings.Split(text, ",")
	}
	if target == item || target.Default == nil {
		return
	}
	// Zero may lie outside of the limits; then a new element has no value to start with.
	if errs := check(target, target.Default, d.where); len(errs) > 0 {
		if _, given := tag.Lookup("element"); given && target == item.Element {
			d.failf("element: %v", errs[0])
		}
		target.Default = nil
	}
}

var rawMessage = reflect.TypeFor[json.RawMessage]()

// value describes a type, with its zero value as the default.
func (d describer) value(t reflect.Type) *Item {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == rawMessage {
		return &Item{Type: Any}
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &Item{Type: Integer, Default: int64(0)}
	case reflect.Float32, reflect.Float64:
		return &Item{Type: Real, Default: int64(0)}
	case reflect.Bool:
		return &Item{Type: Boolean, Default: false}
	case reflect.String:
		return &Item{Type: String, Default: ""}
	case reflect.Interface:
		return &Item{Type: Any}
	case reflect.Slice:
		return &Item{Type: List, Default: []any{}, Element: d.below("[]").value(t.Elem())}
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			d.failf("a named set needs text as key, not %v", t.Key())
		}
		return &Item{Type: NamedSet, Default: map[string]any{}, Element: d.below("<name>").value(t.Elem())}
	case reflect.Struct:
		return &Item{Type: Map, Default: map[string]any{}, Members: d.members(t)}
	}
	d.failf("%v cannot be described", t)
	return nil
}

// literal reads a default from a tag. Texts of a string item stand there bare or as JSON.
func (d describer) literal(item *Item, text string) any {
	if item.Type == String && !strings.HasPrefix(text, `"`) {
		return d.paths.Expand(text)
	}
	v, err := Parse([]byte(text))
	if err != nil {
		d.failf("default %q: %v", text, err)
	}
	return d.expand(v)
}

func (d describer) expand(v any) any {
	switch v := v.(type) {
	case string:
		return d.paths.Expand(v)
	case []any:
		for i := range v {
			v[i] = d.expand(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = d.expand(v[k])
		}
	}
	return v
}
