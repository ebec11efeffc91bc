package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Decode validates a section, fills in the defaults and stores the result in the struct that into points to, which is
// of the type the module was made from. The error joins everything that is wrong, with paths; then *into is untouched.
// A number that does not fit the field's type is an error as well.
func Decode(m *Module, s Section, into any) error {
	if errs := Validate(m, s); len(errs) > 0 {
		return errors.Join(errs...)
	}
	target := reflect.ValueOf(into).Elem()
	fresh := reflect.New(target.Type()).Elem()
	if err := assignStruct(fresh, Complete(m.Config, s), m.Name); err != nil {
		return err
	}
	target.Set(fresh)
	return nil
}

func assignStruct(target reflect.Value, members map[string]any, path string) error {
	var errs []error
	for f := range fields(target.Type()) {
		if v, ok := members[f.name]; ok {
			errs = append(errs, assign(target.FieldByIndex(f.path), v, path+"/"+f.name))
		}
	}
	return errors.Join(errs...)
}

// assign stores a value that passed its item's check. Null leaves the field at its zero value.
func assign(target reflect.Value, v any, path string) error {
	if v == nil {
		return nil
	}
	if target.Type() == rawMessage {
		raw, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		target.SetBytes(raw)
		return nil
	}
	misfit := func() error { return fmt.Errorf("%s: %s does not fit %v", path, show(v), target.Type()) }
	switch target.Kind() {
	case reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		return assign(target.Elem(), v, path)
	case reflect.Interface:
		target.Set(reflect.ValueOf(v))
	case reflect.Bool:
		target.SetBool(v.(bool))
	case reflect.String:
		target.SetString(v.(string))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, _ := integer(v)
		if target.OverflowInt(n) {
			return misfit()
		}
		target.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, _ := integer(v)
		if n < 0 || target.OverflowUint(uint64(n)) {
			return misfit()
		}
		target.SetUint(uint64(n))
	case reflect.Float32, reflect.Float64:
		n, _ := numeric(v)
		target.SetFloat(n)
	case reflect.Slice:
		list := v.([]any)
		out := reflect.MakeSlice(target.Type(), len(list), len(list))
		var errs []error
		for i, e := range list {
			errs = append(errs, assign(out.Index(i), e, fmt.Sprintf("%s[%d]", path, i)))
		}
		target.Set(out)
		return errors.Join(errs...)
	case reflect.Map:
		set := v.(map[string]any)
		out := reflect.MakeMapWithSize(target.Type(), len(set))
		var errs []error
		for name, e := range set {
			member := reflect.New(target.Type().Elem()).Elem()
			errs = append(errs, assign(member, e, path+"/"+name))
			out.SetMapIndex(reflect.ValueOf(name).Convert(target.Type().Key()), member)
		}
		target.Set(out)
		return errors.Join(errs...)
	case reflect.Struct:
		return assignStruct(target, v.(map[string]any), path)
	default:
		return misfit()
	}
	return nil
}
