package option

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"bundy/internal/dns/wire"
)

// MaxData and MaxData6 bound the data of one configured option in octets. In DHCPv4 longer data could never be sent: it is
// beyond an Ethernet frame. DHCPv6 messages may be cut into fragments, which much longer ones seldom survive.
const (
	MaxData  = 1400
	MaxData6 = 4096
)

// Setting is the text of one option-data entry. Zero Code or empty Name: only the other one is given.
type Setting struct {
	Name  string
	Code  int
	Data  string
	CSV   bool // Data is comma separated text; else hexadecimal digits
	Space string
	Use   Use
}

// Use says when a configured option is sent.
type Use uint8

const (
	Asked  Use = iota // when the client asks for it
	Always            // to every client
	Never             // to nobody, not even by the server of its own accord
)

// Value is an option's data in wire form, without the sub-options it may carry.
type Value struct {
	Space string
	Code  uint16
	Data  []byte
	Use   Use
}

// Encode finds the definition of a setting and turns its text into wire form. Errors name the option and the text.
func (c *Catalog) Encode(s Setting) (Value, error) {
	fail := func(format string, args ...any) (Value, error) {
		return Value{}, fmt.Errorf("option %q code %d in space %q: %w", s.Name, s.Code, s.Space, fmt.Errorf(format, args...))
	}
	if s.Space == "" {
		s.Space = c.family.Main()
	}
	if !spaceName(s.Space) {
		return fail("the space may hold only letters, digits, - and _")
	}
	if _, vendor := Enterprise(s.Space); !c.spaces[s.Space] && !vendor {
		return fail("no such option space")
	}
	if strings.ContainsAny(s.Name, " \t\r\n") {
		return fail("the name must not hold blanks")
	}
	if s.Code < 0 || s.Code > c.family.MaxCode()+1 || s.Code == 0 && s.Name == "" {
		return fail("the code must be in 1 to %d", c.family.MaxCode())
	}
	d := c.Lookup(s.Space, uint16(s.Code))
	switch {
	case s.Code == 0:
		if d = c.ByName(s.Space, s.Name); d == nil {
			return fail("no option of that name is defined")
		}
		s.Code = int(d.Code)
	case s.Code > c.family.MaxCode():
		return fail("code %d is the end mark, or beyond all", s.Code)
	case d != nil && s.Name != "" && s.Name != d.Name:
		return fail("code %d is the option %q", s.Code, d.Name)
	case d == nil && s.CSV:
		return fail("the option has no definition: its data can only be given as hexadecimal digits")
	}
	v := Value{Space: s.Space, Code: uint16(s.Code), Use: s.Use}
	var err error
	if s.CSV {
		v.Data, err = d.parse(s.Data)
	} else {
		v.Data, err = parseHex(s.Data)
		if err == nil && d != nil {
			err = d.checkWire(v.Data)
		}
	}
	switch {
	case err != nil:
		return fail("%w", err)
	case len(v.Data) > c.family.maxData():
		return fail("data of %d octets is longer than %d", len(v.Data), c.family.maxData())
	}
	return v, nil
}

// parseHex reads hexadecimal digits; blanks and colons between them are ignored, an odd count gets a leading 0.
func parseHex(text string) ([]byte, error) {
	digits := strings.NewReplacer(" ", "", "\t", "", ":", "").Replace(text)
	digits = strings.TrimPrefix(strings.TrimPrefix(digits, "0x"), "0X")
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	out, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("%q is not hexadecimal", text)
	}
	return out, nil
}

// split cuts comma separated text; \, is a comma inside a value. Blanks around values are dropped.
func split(text string) []string {
	var out []string
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == ',':
			b.WriteByte(',')
			i++
		case text[i] == ',':
			out = append(out, strings.TrimSpace(b.String()))
			b.Reset()
		default:
			b.WriteByte(text[i])
		}
	}
	return append(out, strings.TrimSpace(b.String()))
}

// parse reads the comma separated form of an option.
func (d *Definition) parse(text string) ([]byte, error) {
	switch {
	case d.Type == Empty:
		if strings.TrimSpace(text) != "" {
			return nil, fmt.Errorf("%q: the option carries no data of its own", text)
		}
		return nil, nil
	case d.Type == String || d.Type == uri: // one value: a comma needs no escape
		text = strings.TrimSpace(strings.ReplaceAll(text, `\,`, ","))
		return d.Type.append(nil, text, d.family)
	case d.Type == Binary:
		return d.Type.append(nil, text, d.family)
	case d.Type == routes:
		return parseRoutes(text)
	case d.Type == dnr4 || d.Type == dnr6:
		return parseResolvers(text, d.Type)
	}
	values, fields := split(text), d.Fields
	if d.Type != Record {
		fields = []Type{d.Type}
	}
	if len(values) < len(fields) || len(values) > len(fields) && !d.Array {
		return nil, fmt.Errorf(`%q holds %d values instead of %d (a comma inside a value is written "\,")`, text, len(values), len(fields))
	}
	var out []byte
	for i, v := range values {
		var err error
		if out, err = fields[min(i, len(fields)-1)].append(out, v, d.family); err != nil {
			return nil, err
		}
	}
	if d.compressed {
		return compress(out), nil
	}
	return out, nil
}

// append adds the wire form of one value.
func (t Type) append(dst []byte, text string, family Family) ([]byte, error) {
	bad := func() ([]byte, error) { return nil, fmt.Errorf("%q is not a value of type %s", text, t) }
	switch t {
	case Boolean:
		switch text {
		case "true", "1":
			return append(dst, 1), nil
		case "false", "0":
			return append(dst, 0), nil
		}
		return bad()
	case Uint8, Uint16, Uint32:
		n, err := strconv.ParseUint(text, 0, 8*t.size())
		if err != nil {
			return bad()
		}
		return appendInt(dst, uint32(n), t.size()), nil
	case Int8, Int16, Int32:
		n, err := strconv.ParseInt(text, 0, 8*t.size())
		if err != nil {
			return bad()
		}
		return appendInt(dst, uint32(n), t.size()), nil
	case IPv4, IPv6:
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" || a.Is4() != (t == IPv4) {
			return bad()
		}
		return append(dst, a.AsSlice()...), nil
	case FQDN:
		n, err := wire.ParseName(text)
		if err != nil {
			return nil, err
		}
		return append(dst, n...), nil
	case String:
		if text == "" {
			return nil, errors.New("a string must not be empty")
		}
		return append(dst, text...), nil
	case uri:
		return append(dst, text...), checkURI(text, family)
	case Binary:
		b, err := parseHex(text)
		return append(dst, b...), err
	case Prefix6:
		p, err := netip.ParsePrefix(text)
		if err != nil || !p.Addr().Is6() || p.Addr().Is4In6() {
			return bad()
		}
		dst = append(dst, byte(p.Bits()))
		return append(dst, p.Masked().Addr().AsSlice()[:(p.Bits()+7)/8]...), nil
	case PSID:
		return appendPSID(dst, text)
	case Tuple:
		if len(text) >= 1<<(8*family.codeSize()) {
			return bad()
		}
		return append(appendInt(dst, uint32(len(text)), family.codeSize()), text...), nil
	}
	return bad()
}

// appendPSID reads "value/length": the value stands in the upper bits of 16 (RFC 7598 section 4.5).
func appendPSID(dst []byte, text string) ([]byte, error) {
	value, length, ok := strings.Cut(text, "/")
	n, err := strconv.ParseUint(value, 0, 16)
	bits, lerr := strconv.ParseUint(length, 10, 8)
	if !ok || err != nil || lerr != nil || bits > 16 || n>>bits != 0 {
		return nil, fmt.Errorf("%q is not a value of type psid: a number of so many bits, a slash and the number of bits, at most 16", text)
	}
	return appendInt(append(dst, byte(bits)), uint32(n)<<(16-bits), 2), nil
}

func appendInt(dst []byte, n uint32, size int) []byte {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return append(dst, b[4-size:]...)
}
