package zonefile

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"bundy/internal/dns/wire"
)

const maxData = 65535 // octets of RDATA, by its length field

var (
	errFewFields  = errors.New("RDATA ends too early")
	errManyFields = errors.New("RDATA has more fields than the type")
	errString     = errors.New("character string longer than 255 octets")
	errEscape     = errors.New("bad escape")
	errDataLong   = errors.New("RDATA longer than 65535 octets")
)

// schemeNotify is the mnemonic of the one scheme of DSYNC that there is, number 1 (RFC 9859 section 2.2).
const schemeNotify = "NOTIFY"

// fault is a finding about one word.
type fault struct {
	what string
	text []byte
}

func (f *fault) Error() string { return f.what + ": " + quote(f.text) }

func bad(err error, text []byte) error { return &fault{err.Error(), text} }

// parseLayout reads the fields that a layout asks for from tokens and appends their wire form to dst.
func parseLayout(dst []byte, fields string, e *entry, tokens []token, origin wire.Name) ([]byte, error) {
	params := strings.IndexByte(fields, fieldParams) // each field before them is one word
	for i, t := range tokens {
		if t.mixed && (params < 0 || i < params) {
			return nil, bad(errQuoteIn, e.text[t.start:t.end])
		}
	}
	for _, f := range []byte(fields) {
		if f == fieldParams {
			var err error
			if dst, err = appendParams(dst, e, tokens); err != nil {
				return nil, err
			}
			tokens = nil
			continue
		}
		if len(tokens) == 0 {
			return nil, errFewFields
		}
		text := e.text[tokens[0].start:tokens[0].end]
		switch f {
		case fieldStrings, fieldTwo:
			if f == fieldTwo && len(tokens) > 2 {
				return nil, bad(errManyFields, e.text[tokens[2].start:tokens[2].end])
			}
			for _, t := range tokens {
				var err error
				if dst, err = appendString(dst, e.text[t.start:t.end]); err != nil {
					return nil, err
				}
			}
			tokens = nil
			continue
		case fieldRelay:
			if len(tokens) < relayWords {
				return nil, errFewFields
			}
			var words [relayWords][]byte
			for i := range words {
				words[i] = e.text[tokens[i].start:tokens[i].end]
			}
			var err error
			if dst, err = appendRelay(dst, words[:], origin); err != nil {
				return nil, err
			}
			tokens = tokens[relayWords:]
			continue
		case fieldPorts, fieldA6, fieldOld:
			var err error
			switch words := e.words(tokens); f {
			case fieldPorts:
				dst, err = appendServices(dst, words)
			case fieldA6:
				dst, err = appendA6(dst, words, origin)
			default:
				dst, err = appendOldTypes(dst, words)
			}
			if err != nil {
				return nil, err
			}
			tokens = nil
			continue
		case fieldBase64:
			var all []byte
			for _, t := range tokens {
				all = append(all, e.text[t.start:t.end]...)
			}
			out, err := base64.StdEncoding.AppendDecode(dst, all)
			if err != nil || len(out) == len(dst) {
				return nil, &fault{"not base64", all}
			}
			dst, tokens = out, nil
			continue
		}
		var err error
		if dst, err = appendField(dst, f, text, origin); err != nil {
			return nil, err
		}
		tokens = tokens[1:]
	}
	if len(tokens) > 0 {
		return nil, bad(errManyFields, e.text[tokens[0].start:tokens[0].end])
	}
	if len(dst) > maxData {
		return nil, errDataLong
	}
	return dst, nil
}

func appendField(dst []byte, f byte, text []byte, origin wire.Name) ([]byte, error) {
	switch f {
	case fieldName:
		n, err := parseName(text, origin)
		if err != nil {
			return nil, err
		}
		return append(dst, n...), nil
	case fieldHex:
		hexed := bytes.ReplaceAll(text, []byte("."), nil)
		if len(hexed) < 3 || hexed[0] != '0' || hexed[1]|0x20 != 'x' {
			return nil, &fault{"not 0x and hexadecimal", text}
		}
		out, err := hex.AppendDecode(dst, hexed[2:])
		if err != nil {
			return nil, &fault{"not 0x and hexadecimal", text}
		}
		return out, nil
	case fieldATMA:
		return appendATMA(dst, text)
	case field8:
		n, err := parseNumber(text, 1<<8-1)
		if err != nil {
			return nil, bad(err, text)
		}
		return append(dst, byte(n)), nil
	case fieldScheme:
		if strings.EqualFold(string(text), schemeNotify) {
			return append(dst, 1), nil
		}
		return appendField(dst, field8, text, origin)
	case fieldType:
		t, err := wire.ParseType(string(text))
		if err != nil {
			return nil, err
		}
		return binary.BigEndian.AppendUint16(dst, uint16(t)), nil
	case field64:
		n, err := parseNumber64(text)
		if err != nil {
			return nil, bad(err, text)
		}
		return binary.BigEndian.AppendUint64(dst, n), nil
	case field16:
		n, err := parseNumber(text, 1<<16-1)
		if err != nil {
			return nil, bad(err, text)
		}
		return binary.BigEndian.AppendUint16(dst, uint16(n)), nil
	case field32:
		n, err := parseNumber(text, 1<<32-1)
		if err != nil {
			return nil, bad(err, text)
		}
		return binary.BigEndian.AppendUint32(dst, uint32(n)), nil
	case fieldTime:
		n, err := parseSeconds(text)
		if err != nil {
			return nil, bad(err, text)
		}
		return binary.BigEndian.AppendUint32(dst, n), nil
	case fieldIPv4:
		a, err := netip.ParseAddr(string(text))
		if err != nil || !a.Is4() {
			return nil, &fault{"not an IPv4 address", text}
		}
		b := a.As4()
		return append(dst, b[:]...), nil
	case fieldIPv6:
		a, err := netip.ParseAddr(string(text))
		if err != nil || !a.Is6() || a.Zone() != "" {
			return nil, &fault{"not an IPv6 address", text}
		}
		b := a.As16()
		return append(dst, b[:]...), nil
	default:
		return appendString(dst, text)
	}
}

// appendString appends a character string (RFC 1035 section 5.1) with its length octet.
func appendString(dst, text []byte) ([]byte, error) {
	at := len(dst)
	dst, err := unescape(append(dst, 0), text)
	if err != nil {
		return nil, err
	}
	if len(dst)-at-1 > 255 {
		return nil, bad(errString, text)
	}
	dst[at] = byte(len(dst) - at - 1)
	return dst, nil
}

// unescape appends the octets of a character string.
func unescape(dst, text []byte) ([]byte, error) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' {
			if i++; i >= len(text) {
				return nil, bad(errEscape, text)
			}
			if c = text[i]; c >= '0' && c <= '9' {
				if i+2 >= len(text) {
					return nil, bad(errEscape, text)
				}
				n, err := parseNumber(text[i:i+3], 255)
				if err != nil {
					return nil, bad(errEscape, text)
				}
				c = byte(n)
				i += 2
			}
		}
		dst = append(dst, c)
	}
	return dst, nil
}

// parseName reads a name that is relative to origin unless it ends in a dot that is not escaped.
func parseName(text []byte, origin wire.Name) (wire.Name, error) {
	if len(text) == 1 && text[0] == '@' {
		return origin, nil
	}
	n, err := wire.ParseName(string(text))
	if err != nil {
		return "", err
	}
	if isAbsolute(text) {
		return n, nil
	}
	if len(n)-1+len(origin) > wire.MaxName {
		return "", fmt.Errorf("%w %s: longer than 255 octets below %s", wire.ErrName, quote(text), origin)
	}
	return n[:len(n)-1] + origin, nil
}

func isAbsolute(text []byte) bool {
	if text[len(text)-1] != '.' {
		return false
	}
	escaped := false
	for _, c := range text[:len(text)-1] {
		escaped = c == '\\' && !escaped
	}
	return !escaped
}

// quote shows an offending text within one short line.
func quote(text []byte) string {
	const most = 80
	if len(text) > most {
		return fmt.Sprintf("%q...", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
