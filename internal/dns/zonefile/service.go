package zonefile

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strconv"
)

// Keys of service parameters (IANA registry "Service Parameter Keys").
const (
	paramMandatory = iota
	paramALPN
	paramNoDefaultALPN
	paramPort
	paramIPv4
	paramECH
	paramIPv6
	paramDoHPath // RFC 9461
	paramOHTTP   // RFC 9540
	paramGroups  // tls-supported-groups
	namedParams

	paramInvalid = 65535
	paramHead    = 4 // octets of key and length
)

var (
	errParam      = errors.New("bad service parameter")
	errParamValue = errors.New("bad value of a service parameter")
	errParamTwice = errors.New("service parameter given twice")
	errMandatory  = errors.New("a mandatory service parameter is missing")
)

// paramName gives the mnemonic of a key, or keyNNNNN (RFC 9460 section 2.1).
func paramName(key uint16) string {
	names := [namedParams]string{"mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp", "tls-supported-groups"}
	if key < namedParams {
		return names[key]
	}
	return "key" + strconv.Itoa(int(key))
}

// parseParamKey reads what paramName gives, and keyNNNNN for those that have a mnemonic too, which says that the value
// stands as octets.
func parseParamKey(text []byte) (key uint16, octets bool, err error) {
	for k := range uint16(namedParams) {
		if string(text) == paramName(k) {
			return k, false, nil
		}
	}
	digits, ok := bytes.CutPrefix(text, []byte("key"))
	n, err := parseNumber(digits, paramInvalid-1)
	if !ok || err != nil || len(digits) > 1 && digits[0] == '0' {
		return 0, false, bad(errParam, text)
	}
	return uint16(n), true, nil
}

// appendParams reads service parameters in any order.
func appendParams(dst []byte, e *entry, tokens []token) ([]byte, error) {
	values := map[uint16][]byte{}
	for _, t := range tokens {
		text := e.text[t.start:t.end]
		name, value, _ := bytes.Cut(text, []byte("="))
		key, octets, err := parseParamKey(name)
		if err != nil || t.quoted {
			return nil, bad(errParam, text)
		}
		if _, twice := values[key]; twice {
			return nil, bad(errParamTwice, text)
		}
		if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		if holdsQuote(value) {
			return nil, bad(errQuoteIn, text)
		}
		plain, err := unescape(make([]byte, 0, len(value)), value)
		if err != nil {
			return nil, err
		}
		if !octets {
			if plain, err = paramOctets(key, plain); err != nil {
				return nil, bad(err, text)
			}
		}
		if !validParam(key, plain) {
			return nil, bad(errParamValue, text)
		}
		values[key] = plain
	}
	for all := values[paramMandatory]; len(all) > 0; all = all[2:] {
		if _, there := values[binary.BigEndian.Uint16(all)]; !there {
			return nil, errMandatory
		}
	}
	keys := make([]uint16, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if len(values[key]) > maxData {
			return nil, errDataLong
		}
		dst = binary.BigEndian.AppendUint16(dst, key)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(values[key])))
		dst = append(dst, values[key]...)
	}
	return dst, nil
}

// holdsQuote tells whether there is a quotation mark that no backslash protects.
func holdsQuote(text []byte) bool {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return true
		}
	}
	return false
}

// paramOctets turns the text of a value, from which escapes of master files are gone, into octets.
func paramOctets(key uint16, text []byte) (out []byte, err error) {
	switch key {
	case paramALPN:
		return parseProtocols(text)
	case paramPort:
		n, err := parseNumber(text, 1<<16-1)
		return binary.BigEndian.AppendUint16(nil, uint16(n)), err
	case paramECH:
		return base64.StdEncoding.AppendDecode(nil, text)
	case paramMandatory, paramGroups, paramIPv4, paramIPv6:
	default:
		return text, nil
	}
	for one := range bytes.SplitSeq(text, []byte(",")) {
		switch key {
		case paramMandatory:
			k, _, err := parseParamKey(one)
			if err != nil {
				return nil, err
			}
			out = binary.BigEndian.AppendUint16(out, k)
		case paramGroups:
			n, err := parseNumber(one, 1<<16-1)
			if err != nil {
				return nil, err
			}
			out = binary.BigEndian.AppendUint16(out, uint16(n))
		default:
			a, err := netip.ParseAddr(string(one))
			if err != nil || a.Is4() != (key == paramIPv4) || a.Zone() != "" {
				return nil, errParamValue
			}
			out = append(out, a.AsSlice()...)
		}
	}
	if key == paramMandatory { // in any order as text (RFC 9460 section 8)
		return sortedPairs(out), nil
	}
	return out, nil
}

func sortedPairs(octets []byte) []byte {
	var all []uint16
	for ; len(octets) > 0; octets = octets[2:] {
		all = append(all, binary.BigEndian.Uint16(octets))
	}
	slices.Sort(all)
	var out []byte
	for _, n := range all {
		out = binary.BigEndian.AppendUint16(out, n)
	}
	return out
}

// parseProtocols reads the names of protocols, in which a backslash protects a comma or itself (RFC 9460 appendix A.1).
func parseProtocols(text []byte) (out []byte, err error) {
	at := 0
	out = append(out, 0)
	end := func() error {
		n := len(out) - at - 1
		if n == 0 || n > 255 {
			return errParamValue
		}
		out[at] = byte(n)
		return nil
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ',':
			if err := end(); err != nil {
				return nil, err
			}
			at = len(out)
			out = append(out, 0)
		case c == '\\':
			if i++; i >= len(text) || text[i] != ',' && text[i] != '\\' {
				return nil, errParamValue
			}
			out = append(out, text[i])
		default:
			out = append(out, c)
		}
	}
	return out, end()
}

// validParam tells whether a value is of the form of its key.
func validParam(key uint16, v []byte) bool {
	switch key {
	case paramMandatory:
		for i := 0; i+1 < len(v); i += 2 {
			if k := binary.BigEndian.Uint16(v[i:]); k == paramMandatory || i > 0 && k <= binary.BigEndian.Uint16(v[i-2:]) {
				return false
			}
		}
		return len(v) > 0 && len(v)%2 == 0
	case paramALPN:
		for rest := v; len(rest) > 0; {
			n := 1 + int(rest[0])
			if n == 1 || n > len(rest) {
				return false
			}
			rest = rest[n:]
		}
		return len(v) > 0
	case paramNoDefaultALPN, paramOHTTP:
		return len(v) == 0
	case paramPort:
		return len(v) == 2
	case paramIPv4:
		return len(v) > 0 && len(v)%4 == 0
	case paramIPv6:
		return len(v) > 0 && len(v)%16 == 0
	case paramGroups:
		return len(v) > 0 && len(v)%2 == 0
	case paramECH, paramDoHPath:
		return len(v) > 0
	}
	return key != paramInvalid
}

// appendParamsText is the way back; false if data is not of the form of service parameters.
func appendParamsText(dst, data []byte) ([]byte, bool) {
	var mandatory []byte
	last := -1
	for n := 0; len(data) > 0; n++ {
		if len(data) < paramHead {
			return nil, false
		}
		key, size := binary.BigEndian.Uint16(data), paramHead+int(binary.BigEndian.Uint16(data[2:]))
		if size > len(data) || int(key) <= last || !validParam(key, data[paramHead:size]) {
			return nil, false
		}
		value := data[paramHead:size]
		data, last = data[size:], int(key)
		if key == paramMandatory {
			mandatory = value
		}
		if len(mandatory) > 0 && binary.BigEndian.Uint16(mandatory) == key { // both are in ascending order
			mandatory = mandatory[2:]
		}
		if n > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, paramName(key)...)
		if len(value) > 0 {
			dst = appendQuoted(append(dst, '='), paramText(key, value))
		}
	}
	return dst, len(mandatory) == 0
}

// paramText gives the text of a value before it is escaped for master files.
func paramText(key uint16, v []byte) (text []byte) {
	width := 2
	switch key {
	case paramALPN:
		for ; len(v) > 0; v = v[1+int(v[0]):] {
			for _, c := range v[1 : 1+int(v[0])] {
				if c == ',' || c == '\\' {
					text = append(text, '\\')
				}
				text = append(text, c)
			}
			text = append(text, ',')
		}
		return text[:len(text)-1]
	case paramECH:
		return base64.StdEncoding.AppendEncode(nil, v)
	case paramIPv4:
		width = 4
	case paramIPv6:
		width = 16
	case paramMandatory, paramPort, paramGroups:
	default:
		return v
	}
	for ; len(v) > 0; v = v[width:] {
		if len(text) > 0 {
			text = append(text, ',')
		}
		switch n := binary.BigEndian.Uint16(v); key {
		case paramMandatory:
			text = append(text, paramName(n)...)
		case paramPort, paramGroups:
			text = strconv.AppendUint(text, uint64(n), 10)
		default:
			a, _ := netip.AddrFromSlice(v[:width])
			text = a.AppendTo(text)
		}
	}
	return text
}
