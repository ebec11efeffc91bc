package option

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"bundy/internal/dns/wire"
)

// Service parameters of encrypted resolvers (RFC 9460 section 14.3.2, RFC 9461 section 5).
const (
	svcMandatory     = 0
	svcALPN          = 1
	svcNoDefaultALPN = 2
	svcPort          = 3
	svcIPv4Hint      = 4
	svcIPv6Hint      = 6
	svcDoHPath       = 7
)

// parseResolvers reads encrypted resolvers (RFC 9463) as
// "100, dot.example.org, 192.0.2.1 192.0.2.2, alpn=dot\,doq port=8530 dohpath=/q{?dns}": the priority, the name, and, unless
// the name alone is told, the addresses and the service parameters. In DHCPv4 | stands between several; in DHCPv6 each
// needs an option of its own.
func parseResolvers(text string, t Type) ([]byte, error) {
	if t == dnr6 {
		return appendResolver(nil, text, t)
	}
	var out []byte
	for one := range strings.SplitSeq(text, "|") {
		instance, err := appendResolver(nil, one, t)
		if err != nil {
			return nil, err
		}
		out = binary.BigEndian.AppendUint16(out, uint16(len(instance)))
		out = append(out, instance...)
	}
	return out, nil
}

// lengthSize is the size of the lengths inside a resolver.
func (t Type) lengthSize() int {
	if t == dnr6 {
		return 2
	}
	return 1
}

func (t Type) address() Type {
	if t == dnr6 {
		return IPv6
	}
	return IPv4
}

func appendResolver(dst []byte, text string, t Type) ([]byte, error) {
	parts := make([]string, 0, 4)
	for rest, more := text, true; more; { // \, belongs to the parameters, which stand behind the third comma
		var part string
		if len(parts) == 3 {
			part, more = rest, false
		} else {
			part, rest, more = strings.Cut(rest, ",")
		}
		parts = append(parts, strings.TrimSpace(part))
	}
	bad := func(why string) ([]byte, error) {
		return nil, fmt.Errorf(`%q is not a resolver "priority, name[, addresses, parameters]": %s`, strings.TrimSpace(text), why)
	}
	if len(parts) < 2 || len(parts) == 3 {
		return bad("it has neither two nor four parts")
	}
	priority, err := strconv.ParseUint(parts[0], 10, 16)
	if err != nil {
		return bad("the priority is no number up to 65535")
	}
	name, err := wire.ParseName(parts[1])
	if err != nil || name == wire.Root {
		return bad("the name is none")
	}
	dst = appendInt(dst, uint32(priority), 2)
	dst = append(appendInt(dst, uint32(len(name)), t.lengthSize()), name...)
	if len(parts) == 2 {
		return dst, nil
	}
	var addresses []byte
	for field := range strings.FieldsSeq(parts[2]) {
		if addresses, err = t.address().append(addresses, field, 0); err != nil {
			return nil, err
		}
	}
	if len(addresses) == 0 || len(addresses) >= 1<<(8*t.lengthSize()) {
		return bad("it has no addresses, or too many")
	}
	dst = append(appendInt(dst, uint32(len(addresses)), t.lengthSize()), addresses...)
	parameters, err := parseParameters(parts[3])
	return append(dst, parameters...), err
}

type parameter struct {
	key   uint16
	value []byte
}

func parseParameters(text string) ([]byte, error) {
	var all []parameter
	for field := range strings.FieldsSeq(strings.ReplaceAll(text, `\,`, ",")) {
		p, err := parseParameter(field)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b parameter) int { return int(a.key) - int(b.key) })
	var out []byte
	for i, p := range all {
		if i > 0 && all[i-1].key == p.key {
			return nil, fmt.Errorf("%q names a service parameter twice", text)
		}
		out = appendInt(appendInt(out, uint32(p.key), 2), uint32(len(p.value)), 2)
		out = append(out, p.value...)
	}
	if err := checkParameters(out); err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	return out, nil
}

func parseParameter(field string) (parameter, error) {
	key, value, has := strings.Cut(field, "=")
	bad := func() (parameter, error) { return parameter{}, fmt.Errorf("%q is not a service parameter", field) }
	switch key {
	case "alpn":
		p := parameter{key: svcALPN}
		for id := range strings.SplitSeq(value, ",") {
			if id == "" || len(id) > 255 {
				return bad()
			}
			p.value = append(append(p.value, byte(len(id))), id...)
		}
		return p, nil
	case "port":
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			return bad()
		}
		return parameter{svcPort, appendInt(nil, uint32(n), 2)}, nil
	case "dohpath":
		if value == "" {
			return bad()
		}
		return parameter{svcDoHPath, []byte(value)}, nil
	case "no-default-alpn":
		if has {
			return bad()
		}
		return parameter{key: svcNoDefaultALPN}, nil
	}
	digits, ok := strings.CutPrefix(key, "key")
	n, err := strconv.ParseUint(digits, 10, 16)
	if !ok || err != nil || n <= svcDoHPath && n != svcMandatory && n != 5 {
		return bad()
	}
	b, err := parseHex(value)
	return parameter{uint16(n), b}, err
}

// checkParameters wants what RFC 9463 section 3.1.5 says: the protocols are told, and the addresses are not.
func checkParameters(data []byte) error {
	alpn := false
	return eachParameter(data, func(p parameter) error {
		switch p.key {
		case svcALPN:
			alpn = true
		case svcIPv4Hint, svcIPv6Hint:
			return errors.New("addresses are not to be given as parameters")
		}
		return nil
	}, func() error {
		if !alpn {
			return errors.New("the parameter alpn is missing")
		}
		return nil
	})
}

func eachParameter(data []byte, each func(parameter) error, end func() error) error {
	last := -1
	for len(data) > 0 {
		if len(data) < 4 {
			return errShort
		}
		p := parameter{key: binary.BigEndian.Uint16(data)}
		n := int(binary.BigEndian.Uint16(data[2:]))
		if len(data) < 4+n {
			return errShort
		}
		if int(p.key) <= last {
			return errors.New("service parameters are not in order")
		}
		last = int(p.key)
		p.value, data = data[4:4+n], data[4+n:]
		if err := each(p); err != nil {
			return err
		}
	}
	return end()
}

func formatResolvers(data []byte, t Type) (string, error) {
	if t == dnr6 {
		return formatResolver(data, t)
	}
	var out []string
	for len(data) > 0 {
		if len(data) < 2 {
			return "", errShort
		}
		n := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+n {
			return "", errShort
		}
		text, err := formatResolver(data[2:2+n], t)
		if err != nil {
			return "", err
		}
		out, data = append(out, text), data[2+n:]
	}
	if len(out) == 0 {
		return "", errors.New("no resolver")
	}
	return strings.Join(out, " | "), nil
}

func formatResolver(data []byte, t Type) (string, error) {
	if len(data) < 2 {
		return "", errShort
	}
	priority := binary.BigEndian.Uint16(data)
	name, data, err := piece(data[2:], t)
	if err != nil {
		return "", err
	}
	if n := nameLength(name); n < 2 || n != len(name) {
		return "", errors.New("the name is none")
	}
	text := fmt.Sprintf("%d, %s", priority, wire.Name(name))
	if len(data) == 0 {
		return text, nil
	}
	addresses, data, err := piece(data, t)
	size := t.address().size()
	if err != nil || len(addresses) == 0 || len(addresses)%size != 0 {
		return "", errors.New("the addresses are none")
	}
	var list []string
	for ; len(addresses) > 0; addresses = addresses[size:] {
		a, _ := netip.AddrFromSlice(addresses[:size])
		list = append(list, a.String())
	}
	if err := checkParameters(data); err != nil {
		return "", err
	}
	var parameters []string
	err = eachParameter(data, func(p parameter) error {
		one, err := p.format()
		parameters = append(parameters, one)
		return err
	}, func() error { return nil })
	return text + ", " + strings.Join(list, " ") + ", " + strings.Join(parameters, " "), err
}

// piece cuts off data that stands behind its length.
func piece(data []byte, t Type) (head, tail []byte, err error) {
	size := t.lengthSize()
	if len(data) < size {
		return nil, nil, errShort
	}
	n := int(data[0])
	if size == 2 {
		n = int(binary.BigEndian.Uint16(data))
	}
	if len(data) < size+n {
		return nil, nil, errShort
	}
	return data[size : size+n], data[size+n:], nil
}

func (p parameter) format() (string, error) {
	bad := fmt.Errorf("service parameter %d holds %x", p.key, p.value)
	switch p.key {
	case svcALPN:
		var ids []string
		for v := p.value; len(v) > 0; v = v[1+int(v[0]):] {
			if v[0] == 0 || len(v) < 1+int(v[0]) || strings.ContainsAny(string(v[1:1+int(v[0])]), ", \\|") {
				return "", bad
			}
			ids = append(ids, string(v[1:1+int(v[0])]))
		}
		if len(ids) == 0 {
			return "", bad
		}
		return "alpn=" + strings.Join(ids, `\,`), nil
	case svcNoDefaultALPN:
		if len(p.value) != 0 {
			return "", bad
		}
		return "no-default-alpn", nil
	case svcPort:
		if len(p.value) != 2 {
			return "", bad
		}
		return "port=" + strconv.Itoa(int(binary.BigEndian.Uint16(p.value))), nil
	case svcDoHPath:
		if len(p.value) == 0 || strings.ContainsFunc(string(p.value), unicode.IsSpace) || strings.ContainsAny(string(p.value), `|\`) {
			return "", bad
		}
		return "dohpath=" + string(p.value), nil
	}
	return fmt.Sprintf("key%d=%x", p.key, p.value), nil
}
