package tree

import (
	"fmt"

	"bundy/internal/shell/spec"
	"bundy/internal/shell/value"
)

// Check tells whether a value has the type of an item. The members of maps are left to the configuration manager,
// which knows more about them.
func Check(item *spec.Item, v any) error {
	ok := true
	switch item.Type {
	case "integer":
		_, ok = v.(int64)
	case "real":
		switch v.(type) {
		case int64, float64:
		default:
			ok = false
		}
	case "boolean":
		_, ok = v.(bool)
	case "string":
		_, ok = v.(string)
	case "list":
		l, isList := v.([]any)
		ok = isList
		for _, element := range l {
			if err := Check(item.Element, element); err != nil {
				return err
			}
		}
	case "map":
		_, ok = v.(map[string]any)
	case "named_set":
		m, isMap := v.(map[string]any)
		ok = isMap
		for _, member := range m {
			if err := Check(item.Element, member); err != nil && member != nil {
				return err
			}
		}
	}
	if ok {
		return nil
	}
	article := "a"
	if item.Type == "integer" {
		article = "an"
	}
	return TypeError(fmt.Sprintf("%s is not %s %s (%s was passed)", value.Plain(v), article, item.Type, value.TypeName(v)))
}
