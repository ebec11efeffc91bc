package logging

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxValue bounds what one argument adds to a line: room for the dump of a message of common size. A client chooses
// the values, so a line must not grow with them.
const maxValue = 8192

const timeLayout = "2006-01-02 15:04:05.000"

// record is a message with its values, ready for any destination.
type record struct {
	time    time.Time
	process string
	library string
	message *Message
	text    string // filled in, escaped
}

// appendLine writes the form for consoles and files:
//
//	2026-11-23 10:00:00.000 INFO  [bundy-auth.auth/1234] AUTH_SERVER_STARTED text
func (r *record) appendLine(dst []byte, pid int) []byte {
	dst = r.time.AppendFormat(dst, timeLayout)
	dst = append(dst, ' ')
	dst = r.appendHead(dst, "/"+strconv.Itoa(pid))
	return append(dst, '\n')
}

func (r *record) appendHead(dst []byte, pid string) []byte {
	severity := r.message.severity.String()
	dst = append(dst, severity...)
	dst = append(dst, "     "[len(severity):]...)
	dst = append(dst, " ["...)
	dst = append(dst, r.process...)
	dst = append(dst, '.')
	dst = append(dst, r.library...)
	dst = append(dst, pid...)
	dst = append(dst, "] "...)
	dst = append(dst, r.message.id...)
	dst = append(dst, ' ')
	return append(dst, r.text...)
}

// fill replaces the placeholders of text, in order, by the escaped args. A placeholder without argument stays as it
// is, an argument without placeholder is appended: neither may cost the operator the message.
func fill(text string, args []any) string {
	var b []byte
	for len(args) > 0 {
		before, rest, open := strings.Cut(text, "{")
		_, after, closed := strings.Cut(rest, "}")
		if !open || !closed {
			break
		}
		b = append(b, before...)
		b = appendValue(b, args[0])
		text, args = after, args[1:]
	}
	b = append(b, text...)
	for _, a := range args {
		b = append(b, ' ')
		b = appendValue(b, a)
	}
	return string(b)
}

func appendValue(dst []byte, arg any) []byte {
	switch v := arg.(type) {
	case string:
		return appendEscaped(dst, v)
	case []byte:
		return appendEscaped(dst, string(v[:min(len(v), maxValue+1)]))
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	}
	return appendEscaped(dst, fmt.Sprint(arg))
}

// appendEscaped writes what is printable as it is and the rest as \n, \x1b or \u202e, so that a value can neither
// begin a new line nor steer a terminal nor turn the writing direction.
func appendEscaped(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	long := len(s) > maxValue
	if long {
		s = s[:maxValue]
	}
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1 || r < ' ' && r != '\n' && r != '\t' || r == 0x7f:
			dst = append(dst, '\\', 'x', hex[s[0]>>4], hex[s[0]&15])
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == ' ' || unicode.IsPrint(r):
			dst = append(dst, s[:size]...)
		case r > 0xffff:
			dst = fmt.Appendf(dst, `\U%08x`, r)
		default:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
		s = s[size:]
	}
	if long {
		dst = append(dst, "..."...)
	}
	return dst
}
