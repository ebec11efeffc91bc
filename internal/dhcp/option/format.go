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

var errShort = errors.New("data ends inside a value")

// Format gives the comma separated form of wire data, the reverse of what Encode reads. Data behind the values of an
// option that encapsulates a space are its sub-options and are left out.
func (d *Definition) Format(data []byte) (string, error) {
	values, err := d.values(data)
	if err != nil {
		return "", fmt.Errorf("option %q: %x: %w", d.Name, data, err)
	}
	switch d.Type {
	case String, Binary, routes, dnr4, dnr6, uri:
	default:
		for i, v := range values {
			values[i] = strings.ReplaceAll(v, ",", `\,`)
		}
	}
	return strings.Join(values, ", "), nil
}

// checkWire tells whether data has the form of the definition.
func (d *Definition) checkWire(data []byte) error {
	if _, err := d.values(data); err != nil {
		return fmt.Errorf("%x does not fit the definition of %q: %w", data, d.Name, err)
	}
	return nil
}

func (d *Definition) values(data []byte) ([]string, error) {
	fields := d.Fields
	if d.Type != Record {
		fields = []Type{d.Type}
	}
	switch {
	case d.Type == routes:
		text, err := formatRoutes(data)
		return []string{text}, err
	case d.Type == dnr4 || d.Type == dnr6:
		text, err := formatResolvers(data, d.Type)
		return []string{text}, err
	case d.compressed:
		var err error
		if data, err = decompress(data); err != nil {
			return nil, err
		}
	}
	if d.Type == Empty {
		if len(data) > 0 && d.Encapsulates == "" {
			return nil, errors.New("an empty option holds data")
		}
		return nil, nil
	}
	var out []string
	for i := 0; i < len(fields) || d.Array && len(data) > 0; i++ {
		text, n, err := fields[min(i, len(fields)-1)].next(data, d.family)
		if err != nil {
			return nil, err
		}
		out, data = append(out, text), data[n:]
	}
	if len(data) > 0 && d.Encapsulates == "" {
		return nil, fmt.Errorf("%d octets too many", len(data))
	}
	return out, nil
}

// next reads one value and tells its length.
func (t Type) next(data []byte, family Family) (string, int, error) {
	if n := t.size(); len(data) < n {
		return "", 0, errShort
	}
	switch t {
	case Boolean:
		if data[0] > 1 {
			return "", 0, fmt.Errorf("boolean is %d", data[0])
		}
		return strconv.FormatBool(data[0] == 1), 1, nil
	case Uint8:
		return strconv.Itoa(int(data[0])), 1, nil
	case Uint16:
		return strconv.Itoa(int(binary.BigEndian.Uint16(data))), 2, nil
	case Uint32:
		return strconv.FormatUint(uint64(binary.BigEndian.Uint32(data)), 10), 4, nil
	case Int8:
		return strconv.Itoa(int(int8(data[0]))), 1, nil
	case Int16:
		return strconv.Itoa(int(int16(binary.BigEndian.Uint16(data)))), 2, nil
	case Int32:
		return strconv.Itoa(int(int32(binary.BigEndian.Uint32(data)))), 4, nil
	case IPv4, IPv6:
		a, _ := netip.AddrFromSlice(data[:t.size()])
		return a.String(), t.size(), nil
	case FQDN:
		n := nameLength(data)
		if n == 0 {
			return "", 0, errShort
		}
		return wire.Name(data[:n]).String(), n, nil
	case String:
		if len(data) == 0 {
			return "", 0, errors.New("empty string")
		}
		return string(data), len(data), nil
	case uri:
		return string(data), len(data), checkURI(string(data), family)
	case Prefix6:
		return nextPrefix(data)
	case PSID:
		bits, n := data[0], binary.BigEndian.Uint16(data[1:])
		if bits > 16 || uint32(n)<<bits&0xffff != 0 {
			return "", 0, fmt.Errorf("port set %d with %d bits", n, bits)
		}
		return fmt.Sprintf("%d/%d", uint32(n)>>(16-bits), bits), 3, nil
	case Tuple:
		size := family.codeSize()
		if len(data) < size {
			return "", 0, errShort
		}
		n := int(data[0])
		if size == 2 {
			n = int(binary.BigEndian.Uint16(data))
		}
		if len(data) < size+n {
			return "", 0, errShort
		}
		return string(data[size : size+n]), size + n, nil
	}
	return hex.EncodeToString(data), len(data), nil
}

// nameLength is the length of the uncompressed name that data begins with, or 0.
func nameLength(data []byte) int {
	for i := 0; i < len(data) && i < wire.MaxName; i += 1 + int(data[i]) {
		if data[i] == 0 {
			return i + 1
		}
		if data[i] > 63 {
			return 0
		}
	}
	return 0
}

// nextPrefix reads an IPv6 prefix: its length in bits, and the octets that it needs, with no bits behind them.
func nextPrefix(data []byte) (string, int, error) {
	if len(data) < 1 {
		return "", 0, errShort
	}
	size := (int(data[0]) + 7) / 8
	switch {
	case data[0] > 128:
		return "", 0, fmt.Errorf("prefix of %d bits", data[0])
	case len(data) < 1+size:
		return "", 0, errShort
	}
	var a [16]byte
	copy(a[:], data[1:1+size])
	p := netip.PrefixFrom(netip.AddrFrom16(a), int(data[0]))
	if p.Masked() != p || p.Addr().Is4In6() {
		return "", 0, fmt.Errorf("%s is not a prefix", p)
	}
	return p.String(), 1 + size, nil
}
