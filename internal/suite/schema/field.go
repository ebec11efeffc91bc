package schema

import (
	"iter"
	"reflect"
	"strings"
)

// field is one item of a struct: its name in the configuration, and where the value stands.
type field struct {
	reflect.StructField
	name string
	path []int // for Value.FieldByIndex, from the struct that was asked for
}

// fields lists the items of a struct type in source order, those of embedded structs among them. Fields that are
// unexported or tagged json:"-" are none.
func fields(t reflect.Type) iter.Seq[field] {
	return func(yield func(field) bool) { walkFields(t, nil, yield) }
}

func walkFields(t reflect.Type, path []int, yield func(field) bool) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]int(nil), path...), i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			if !walkFields(f.Type, at, yield) {
				return false
			}
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if !yield(field{StructField: f, name: name, path: at}) {
			return false
		}
	}
	return true
}
