package wire

import (
	"errors"
	"fmt"
	"strings"
)

// MaxName is the longest name in octets, lengths and root included (RFC 1035 section 2.3.4).
const MaxName = 255

// Name is an absolute domain name in uncompressed wire form: labels behind their length octets, ended by the root
// label. The case of letters is kept; use Lower for a key. It is comparable and immutable. The zero value is no name.
type Name string

// Root is the name of the root.
const Root Name = "\x00"

// ErrName is wrapped by every error about the form of a name.
var ErrName = errors.New("bad domain name")

// ParseName reads the presentation form of RFC 1035 section 5.1 with escapes \DDD and \X. A missing final dot is
// added: the name is taken as absolute. The error names the text and the reason.
func ParseName(text string) (Name, error) {
	bad := func(why string) (Name, error) { return "", fmt.Errorf("%w %q: %s", ErrName, text, why) }
	if text == "" {
		return bad("empty")
	}
	if text == "." {
		return Root, nil
	}
	var out, label [MaxName + 1]byte
	n, l := 0, 0
	flush := func() bool {
		if n+1+l > MaxName-1 {
			return false
		}
		out[n] = byte(l)
		copy(out[n+1:], label[:l])
		n += 1 + l
		l = 0
		return true
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '.':
			if l == 0 {
				return bad("empty label")
			}
			if !flush() {
				return bad("longer than 255 octets")
			}
			continue
		case c == '\\':
			if i+1 >= len(text) {
				return bad("ends in a backslash")
			}
			i++
			c = text[i]
			if c >= '0' && c <= '9' {
				if i+2 >= len(text) || !digit(text[i+1]) || !digit(text[i+2]) {
					return bad("escape needs three digits")
				}
				v := int(c-'0')*100 + int(text[i+1]-'0')*10 + int(text[i+2]-'0')
				if v > 255 {
					return bad("escape above 255")
				}
				c = byte(v)
				i += 2
			}
		}
		if l == 63 {
			return bad("label longer than 63 octets")
		}
		label[l] = c
		l++
	}
	if l > 0 && !flush() {
		return bad("longer than 255 octets")
	}
	out[n] = 0
	return Name(out[:n+1]), nil
}

// MustParseName is ParseName for constants and tests; it panics on a bad name.
func MustParseName(text string) Name {
	n, err := ParseName(text)
	if err != nil {
		panic(err)
	}
	return n
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// String gives the presentation form with final dot. Special characters of master files and bytes outside printable
// ASCII are escaped, so that the text is safe in a log, a page or a file.
func (n Name) String() string {
	if len(n) <= 1 {
		return "."
	}
	var b strings.Builder
	b.Grow(len(n) + 8)
	for i := 0; i < len(n) && n[i] != 0; {
		end := i + 1 + int(n[i])
		for i++; i < end && i < len(n); i++ {
			switch c := n[i]; {
			case c == '.' || c == '\\' || c == '"' || c == '(' || c == ')' || c == ';' || c == '@' || c == '$':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c <= ' ' || c >= 0x7f:
				fmt.Fprintf(&b, "\\%03d", c)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('.')
	}
	return b.String()
}

// Lower gives the name with ASCII letters in lower case (RFC 4343): the key for maps and the canonical form of
// RFC 4034 section 6.2. Length octets are below 64 and so never letters.
func (n Name) Lower() Name {
	for i := 0; i < len(n); i++ {
		if c := n[i]; 'A' <= c && c <= 'Z' {
			b := []byte(n)
			for j := i; j < len(b); j++ {
				b[j] = lower(b[j])
			}
			return Name(b)
		}
	}
	return n
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// Equal compares without case (RFC 4343).
func (n Name) Equal(m Name) bool {
	if len(n) != len(m) {
		return false
	}
	for i := 0; i < len(n); i++ {
		if lower(n[i]) != lower(m[i]) {
			return false
		}
	}
	return true
}

// Labels counts the labels without the root.
func (n Name) Labels() int {
	c := 0
	for i := 0; i < len(n) && n[i] != 0; i += 1 + int(n[i]) {
		c++
	}
	return c
}

// Parent gives the name without its first label; the parent of the root is the root.
func (n Name) Parent() Name {
	if len(n) <= 1 {
		return Root
	}
	return n[1+int(n[0]):]
}

// Label gives the first label without its length octet; empty for the root.
func (n Name) Label() string {
	if len(n) <= 1 {
		return ""
	}
	return string(n[1 : 1+int(n[0])])
}

// IsBelow tells whether n equals zone or lies below it, without case.
func (n Name) IsBelow(zone Name) bool {
	if len(n) < len(zone) {
		return false
	}
	for i := 0; i < len(n); i += 1 + int(n[i]) {
		if len(n)-i == len(zone) {
			return n[i:].Equal(zone)
		}
		if n[i] == 0 {
			break
		}
	}
	return false
}

// IsWildcard tells whether the first label is "*" (RFC 4592 section 2.1.1).
func (n Name) IsWildcard() bool { return len(n) > 2 && n[0] == 1 && n[1] == '*' }

// Child gives the name with label put before it.
func (n Name) Child(label string) (Name, error) {
	if len(label) == 0 || len(label) > 63 || len(n)+1+len(label) > MaxName {
		return "", fmt.Errorf("%w: label %q before %s: too long or empty", ErrName, label, n)
	}
	return Name(string([]byte{byte(len(label))})+label) + n, nil
}

// Compare orders names canonically (RFC 4034 section 6.1): -1, 0 or +1.
func (n Name) Compare(m Name) int {
	var a, b [128]uint8
	x, y := n.offsets(&a), m.offsets(&b)
	for x > 0 && y > 0 {
		x--
		y--
		i, j := int(a[x]), int(b[y])
		li, lj := int(n[i]), int(m[j])
		for k := 1; k <= li && k <= lj; k++ {
			c, d := lower(n[i+k]), lower(m[j+k])
			if c != d {
				if c < d {
					return -1
				}
				return 1
			}
		}
		if li != lj {
			if li < lj {
				return -1
			}
			return 1
		}
	}
	switch {
	case x > 0:
		return 1
	case y > 0:
		return -1
	}
	return 0
}

func (n Name) offsets(o *[128]uint8) int {
	c := 0
	for i := 0; i < len(n) && n[i] != 0; i += 1 + int(n[i]) {
		o[c] = uint8(i)
		c++
	}
	return c
}
