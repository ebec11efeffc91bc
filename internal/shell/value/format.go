package value

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// form is a way to write values down. The forms are those of the original, which was written in Python: its json
// module, and its literals.
type form struct {
	null, yes, no string
	quote         func(string) string
	indent        string // of one level; empty: all on one line
}

var (
	compact = form{"null", "true", "false", quoteJSON, ""}
	pretty  = form{"null", "true", "false", quoteJSON, "    "}
	literal = form{"None", "True", "False", quoteLiteral, ""}
)

// Compact gives JSON on one line, with a blank after commas and colons, names in order. It is plain ASCII.
func Compact(v any) string { return compact.String(v) }

// Pretty gives JSON with a value a line, indented by 4, names in order. It is plain ASCII.
func Pretty(v any) string { return pretty.String(v) }

// Literal gives a literal of the Python language, as config diff prints.
func Literal(v any) string { return literal.String(v) }

func (f form) String(v any) string {
	var out strings.Builder
	f.write(&out, v, 0)
	return out.String()
}

func (f form) write(out *strings.Builder, v any, level int) {
	switch v := v.(type) {
	case nil:
		out.WriteString(f.null)
	case bool:
		if v {
			out.WriteString(f.yes)
		} else {
			out.WriteString(f.no)
		}
	case int64:
		out.WriteString(strconv.FormatInt(v, 10))
	case float64:
		out.WriteString(formatFloat(v))
	case string:
		out.WriteString(f.quote(v))
	case []any:
		f.sequence(out, "[", "]", len(v), level, func(i int) { f.write(out, v[i], level+1) })
	case map[string]any:
		names := slices.Sorted(maps.Keys(v))
		f.sequence(out, "{", "}", len(v), level, func(i int) {
			out.WriteString(f.quote(names[i]))
			out.WriteString(": ")
			f.write(out, v[names[i]], level+1)
		})
	default: // not a value; a mistake in the program, made visible
		fmt.Fprintf(out, "%T(%v)", v, v)
	}
}

func (f form) sequence(out *strings.Builder, open, end string, n, level int, element func(i int)) {
	out.WriteString(open)
	for i := range n {
		switch {
		case f.indent != "" && i > 0:
			out.WriteString(",\n" + strings.Repeat(f.indent, level+1))
		case f.indent != "":
			out.WriteString("\n" + strings.Repeat(f.indent, level+1))
		case i > 0:
			out.WriteString(", ")
		}
		element(i)
	}
	if f.indent != "" && n > 0 {
		out.WriteString("\n" + strings.Repeat(f.indent, level))
	}
	out.WriteString(end)
}

// formatFloat never looks like an integer.
func formatFloat(f float64) string {
	if math.Abs(f) >= 1e16 || f != 0 && math.Abs(f) < 1e-4 {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func quoteJSON(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range s { // octets that are no UTF-8 become U+FFFD
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\b':
			out.WriteString(`\b`)
		case r == '\f':
			out.WriteString(`\f`)
		case r >= ' ' && r <= '~':
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	out.WriteByte('"')
	return out.String()
}

func quoteLiteral(s string) string {
	mark := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		mark = '"'
	}
	var out strings.Builder
	out.WriteRune(mark)
	for _, r := range s {
		switch {
		case r == mark || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case !unicode.IsPrint(r) && r > 0xff:
			fmt.Fprintf(&out, `\U%08x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&out, `\x%02x`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteRune(mark)
	return out.String()
}
