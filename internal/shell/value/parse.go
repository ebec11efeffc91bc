package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxDepth bounds how deep values may nest; what is beyond cannot be a configuration.
const MaxDepth = 64

var errDepth = fmt.Errorf("nested deeper than %d levels", MaxDepth)

// Parse reads one JSON value.
func Parse(text []byte) (any, error) {
	if err := checkDepth(text); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the value")
	}
	return normal(v), nil
}

// checkDepth counts brackets outside strings, before anything recursive sees the text.
func checkDepth(text []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > MaxDepth {
				return errDepth
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
}

// Loose reads what a person typed as a value: JSON, or else the text itself as a string (quotation marks removed that
// are around it, if what is between them is no JSON string).
func Loose(text string) any {
	if v, err := Parse([]byte(text)); err == nil {
		return v
	}
	return Unquote(text)
}

// Unquote removes the double quotation marks around a text, if there are.
func Unquote(text string) string {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text
	}
	var s string
	if json.Unmarshal([]byte(text), &s) == nil {
		return s
	}
	return text[1 : len(text)-1]
}

func normal(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil { // beyond all numbers: keep the text, whoever checks the type refuses it
			return v.String()
		}
		return f
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = normal(v[k])
		}
	}
	return v
}

// Equal compares two values. 5 equals 5.0.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k := range a {
			if other, ok := b[k]; !ok || !Equal(a[k], other) {
				return false
			}
		}
		return true
	case int64:
		if f, ok := b.(float64); ok {
			return float64(a) == f
		}
	case float64:
		if n, ok := b.(int64); ok {
			return a == float64(n)
		}
	}
	return a == b
}

// Clone copies a value with all it holds.
func Clone(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = Clone(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = Clone(v[k])
		}
		return out
	}
	return v
}

// TypeName names the type of a value as specifications do.
func TypeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case int64:
		return "integer"
	case float64:
		return "real"
	case string:
		return "string"
	case []any:
		return "list"
	}
	return "map"
}

// Plain gives a value as it stands in a sentence: strings bare, the rest as Literal.
func Plain(v any) string {
	if s, ok := v.(string); ok {
		return strings.ToValidUTF8(s, "?")
	}
	return Literal(v)
}
