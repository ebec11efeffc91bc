package class

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"

	"bundy/internal/dhcp/option"
)

// errTooLong ends an expression that makes too much of a packet.
var errTooLong = errors.New("value is too long")

// everything is the length that "all" stands for.
const everything = 1 << 30

// functions are what the translated expressions call. The types let the library check calls when it compiles.
func functions() []expr.Option {
	text1 := new(func(string) string)
	out := []expr.Option{
		expr.Function("octets", func(p ...any) (any, error) { return p[0], nil }, text1),
		expr.Function("option", func(p ...any) (any, error) {
			b, _ := p[0].(*view).Option(uint16(p[1].(int)))
			return string(b), nil
		}, new(func(*view, int) string)),
		expr.Function("has", func(p ...any) (any, error) {
			_, ok := p[0].(*view).Option(uint16(p[1].(int)))
			return ok, nil
		}, new(func(*view, int) bool)),
		expr.Function("inner", func(p ...any) (any, error) {
			s, _ := p[0].(*view).inner(uint16(p[1].(int)), uint16(p[2].(int)))
			return s, nil
		}, new(func(*view, int, int) string)),
		expr.Function("hasInner", func(p ...any) (any, error) {
			_, ok := p[0].(*view).inner(uint16(p[1].(int)), uint16(p[2].(int)))
			return ok, nil
		}, new(func(*view, int, int) bool)),
		expr.Function("relayOption", func(p ...any) (any, error) {
			b, _ := p[0].(*view).RelayOption(p[1].(int), uint16(p[2].(int)))
			return string(b), nil
		}, new(func(*view, int, int) string)),
		expr.Function("hasRelayOption", func(p ...any) (any, error) {
			_, ok := p[0].(*view).RelayOption(p[1].(int), uint16(p[2].(int)))
			return ok, nil
		}, new(func(*view, int, int) bool)),
		expr.Function("field", func(p ...any) (any, error) {
			return p[0].(*view).Field(p[1].(string), p[2].(int)), nil
		}, new(func(*view, string, int) string)),
		expr.Function("vendor", func(p ...any) (any, error) {
			s, _ := p[0].(*view).vendor(p[1].(int), p[2].(int))
			return s, nil
		}, new(func(*view, int, int) string)),
		expr.Function("hasVendor", func(p ...any) (any, error) {
			_, ok := p[0].(*view).vendor(p[1].(int), p[2].(int))
			return ok, nil
		}, new(func(*view, int, int) bool)),
		expr.Function("vendorClass", func(p ...any) (any, error) {
			s, _ := p[0].(*view).vendorClass(p[1].(int), p[2].(int))
			return s, nil
		}, new(func(*view, int, int) string)),
		expr.Function("hasVendorClass", func(p ...any) (any, error) {
			_, ok := p[0].(*view).vendorClass(p[1].(int), 0)
			return ok, nil
		}, new(func(*view, int) bool)),
		expr.Function("enterprise", func(p ...any) (any, error) {
			return p[0].(*view).enterprise(p[1].(bool)), nil
		}, new(func(*view, bool) string)),
		expr.Function("member", func(p ...any) (any, error) {
			return p[0].(*view).classes.Has(p[1].(string)), nil
		}, new(func(*view, string) bool)),
		expr.Function("substring", func(p ...any) (any, error) {
			return substring(p[0].(string), p[1].(int), p[2].(int)), nil
		}, new(func(string, int, int) string)),
		expr.Function("concat", func(p ...any) (any, error) {
			return bounded(p[0].(string), p[1].(string))
		}, new(func(string, string) string)),
		expr.Function("ifelse", func(p ...any) (any, error) {
			if p[0].(bool) {
				return p[1], nil
			}
			return p[2], nil
		}, new(func(bool, string, string) string)),
		expr.Function("hexstring", func(p ...any) (any, error) {
			return hexstring(p[0].(string), p[1].(string))
		}, new(func(string, string) string)),
		expr.Function("lcase", func(p ...any) (any, error) { return ascii(p[0].(string), 'A', 'Z'), nil }, text1),
		expr.Function("ucase", func(p ...any) (any, error) { return ascii(p[0].(string), 'a', 'z'), nil }, text1),
		expr.Function("split", func(p ...any) (any, error) {
			return split(p[0].(string), p[1].(string), p[2].(int)), nil
		}, new(func(string, string, int) string)),
		expr.Function("match", func(p ...any) (any, error) {
			return p[0].(*regexp.Regexp).MatchString(p[1].(string)), nil
		}, new(func(*regexp.Regexp, string) bool)),
		expr.Function("addrtotext", func(p ...any) (any, error) {
			if a, ok := netip.AddrFromSlice([]byte(p[0].(string))); ok {
				return a.String(), nil
			}
			return "", nil
		}, text1),
	}
	for _, size := range []int{8, 16, 32} {
		for _, signed := range []bool{true, false} {
			name := fmt.Sprintf("uint%dtotext", size)
			if signed {
				name = name[1:]
			}
			out = append(out, expr.Function(name, func(p ...any) (any, error) {
				return inDigits(p[0].(string), size, signed), nil
			}, text1))
		}
	}
	return out
}

func bounded(a, b string) (string, error) {
	if len(a)+len(b) > maxValue {
		return "", errTooLong
	}
	return a + b, nil
}

// substring takes length octets from start; negative numbers count from the end and towards the beginning.
func substring(s string, start, length int) string {
	if start < 0 {
		start += len(s)
	}
	if start < 0 || start >= len(s) {
		return ""
	}
	if length < 0 {
		return s[max(start+length, 0):start]
	}
	return s[start:min(start+length, len(s))]
}

func hexstring(s, separator string) (string, error) {
	if len(s)*(2+len(separator)) > maxValue {
		return "", errTooLong
	}
	parts := make([]string, len(s))
	for i := range s {
		parts[i] = hex.EncodeToString([]byte{s[i]})
	}
	return strings.Join(parts, separator), nil
}

// ascii changes the case of the letters from first to last.
func ascii(s string, first, last byte) string {
	b := []byte(s)
	for i, c := range b {
		if first <= c && c <= last {
			b[i] = c ^ 0x20
		}
	}
	return string(b)
}

// split gives a field by its number from 1.
func split(s, delimiters string, field int) string {
	if delimiters == "" {
		return s
	}
	for i := 1; ; i++ {
		end := -1
		for at := range len(s) {
			if strings.IndexByte(delimiters, s[at]) >= 0 {
				end = at
				break
			}
		}
		switch {
		case i == field && end < 0:
			return s
		case i == field:
			return s[:end]
		case end < 0:
			return ""
		}
		s = s[end+1:]
	}
}

func inDigits(s string, size int, signed bool) string {
	if len(s) != size/8 {
		return ""
	}
	var b [8]byte
	copy(b[8-len(s):], s)
	n := binary.BigEndian.Uint64(b[:])
	if signed {
		return strconv.FormatInt(int64(n)<<(64-size)>>(64-size), 10)
	}
	return strconv.FormatUint(n, 10)
}

// number is how expressions see a number.
func number(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// inner finds an option inside another.
func (v *view) inner(outer, code uint16) (string, bool) {
	b, _ := v.Option(outer)
	return v.sub(b, code)
}

// sub finds an option in a chain of options.
func (v *view) sub(b []byte, code uint16) (string, bool) {
	for {
		var at, n int
		if v.family == option.Family6 {
			if len(b) < 4 {
				return "", false
			}
			at, n = int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:]))
			b = b[4:]
		} else {
			if len(b) < 2 {
				return "", false
			}
			at, n = int(b[0]), int(b[1])
			b = b[2:]
		}
		if n > len(b) {
			return "", false
		}
		if at == int(code) {
			return string(b[:n]), true
		}
		b = b[n:]
	}
}

// anyone stands for whatever enterprise or option of a vendor.
const anyone = -1

// vendor finds an option of an enterprise in the vendor options: option 125 (RFC 3925 section 4) holds blocks of several
// enterprises, option 17 (RFC 9915 section 21.17) is one. With anyone for the code it tells whether there is the block.
func (v *view) vendor(enterprise, code int) (string, bool) {
	if v.family == option.Family6 {
		b, _ := v.Option(17)
		if len(b) < 4 || enterprise != anyone && int(binary.BigEndian.Uint32(b)) != enterprise {
			return "", false
		}
		if code == anyone {
			return "", true
		}
		return v.sub(b[4:], uint16(code))
	}
	b, _ := v.Option(125)
	for len(b) >= 5 && len(b) >= 5+int(b[4]) {
		block := b[5 : 5+int(b[4])]
		if enterprise == anyone || int(binary.BigEndian.Uint32(b)) == enterprise {
			if code == anyone {
				return "", true
			}
			return v.sub(block, uint16(code))
		}
		b = b[5+len(block):]
	}
	return "", false
}

// vendorClass finds the piece of that number in the vendor class of an enterprise (RFC 3925 section 3, RFC 9915 section
// 21.16), and tells whether there is the vendor class.
func (v *view) vendorClass(enterprise, piece int) (string, bool) {
	code, size := uint16(124), 1
	if v.family == option.Family6 {
		code, size = 16, 2
	}
	b, _ := v.Option(code)
	if len(b) < 4 || enterprise != anyone && int(binary.BigEndian.Uint32(b)) != enterprise {
		return "", false
	}
	b = b[4:]
	if v.family == option.Family4 && len(b) > 0 { // the length of the block
		b = b[1:min(len(b), 1+int(b[0]))]
	}
	for ; len(b) >= size; piece-- {
		n := int(b[0])
		if size == 2 {
			n = int(binary.BigEndian.Uint16(b))
		}
		b = b[size:]
		if n > len(b) {
			break
		}
		if piece == 0 {
			return string(b[:n]), true
		}
		b = b[n:]
	}
	return "", true
}

// enterprise is the number in the vendor options, or in the vendor class.
func (v *view) enterprise(class bool) string {
	code := uint16(125)
	switch {
	case v.family == option.Family6 && class:
		code = 16
	case v.family == option.Family6:
		code = 17
	case class:
		code = 124
	}
	if b, _ := v.Option(code); len(b) >= 4 {
		return string(b[:4])
	}
	return ""
}
