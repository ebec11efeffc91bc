package shell

import (
	"fmt"
	"strconv"
	"strings"

	"bundy/internal/shell/spec"
	"bundy/internal/shell/tree"
	"bundy/internal/shell/value"
)

// convert makes a value of what was typed for an argument of a module's command.
func convert(item *spec.Item, text string) (any, error) {
	plain := value.Unquote(text)
	var v any
	var err error
	switch item.Type {
	case "integer":
		v, err = strconv.ParseInt(plain, 10, 64)
	case "real":
		v, err = strconv.ParseFloat(plain, 64)
	case "boolean":
		v = !strings.EqualFold(plain, "false")
	case "string":
		v = plain
	case "list":
		v, err = convertList(text)
	case "map", "named_set":
		v, err = value.Parse([]byte(text))
	default:
		v = value.Loose(text)
	}
	if err == nil {
		err = tree.Check(item, v)
	}
	if err != nil {
		return nil, tree.TypeError(fmt.Sprintf("Invalid parameter value for \"%s\", the type should be \"%s\" \n%v", item.Name, item.Type, err))
	}
	return v, nil
}

func convertList(text string) (any, error) {
	if strings.HasPrefix(text, "[") {
		return value.Parse([]byte(text))
	}
	l := []any{}
	for _, word := range strings.FieldsFunc(value.Unquote(text), func(r rune) bool { return r == ',' || r == ' ' }) {
		l = append(l, word)
	}
	return l, nil
}
