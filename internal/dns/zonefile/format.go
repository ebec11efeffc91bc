package zonefile

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"

	"bundy/internal/dns/wire"
)

// FormatRR gives the text form of a record on one line without line feed: absolute owner, TTL, class, type, RDATA.
// The text holds printable ASCII only, whatever the record holds.
func FormatRR(rr wire.RR) string { return string(AppendRR(nil, rr)) }

// AppendRR appends what FormatRR gives.
func AppendRR(dst []byte, rr wire.RR) []byte {
	dst = append(dst, rr.Name.String()...)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, uint64(rr.TTL), 10)
	dst = append(dst, ' ')
	dst = append(dst, rr.Class.String()...)
	dst = append(dst, ' ')
	dst = append(dst, rr.Type.String()...)
	dst = append(dst, ' ')
	return AppendData(dst, rr.Type, rr.Data)
}

// FormatData gives the text form of RDATA in uncompressed wire form. Types without a text form, and data
// that is not of its type's form, take the form of RFC 3597 section 5. ParseData gives the same octets back, but refuses
// data that is not of its type's form.
func FormatData(t wire.Type, data []byte) string { return string(AppendData(nil, t, data)) }

// AppendData appends what FormatData gives.
func AppendData(dst []byte, t wire.Type, data []byte) []byte {
	if fields := layout(t); fields != "" {
		if out, ok := appendLayout(dst, fields, data); ok {
			return out
		}
	} else if text, ok := libraryText(t, data); ok {
		return append(dst, text...)
	}
	return appendGeneric(dst, data)
}

// appendGeneric appends the form of RFC 3597 section 5.
func appendGeneric(dst, data []byte) []byte {
	dst = append(dst, `\# `...)
	dst = strconv.AppendUint(dst, uint64(len(data)), 10)
	if len(data) > 0 {
		dst = append(dst, ' ')
		dst = hex.AppendEncode(dst, data)
	}
	return dst
}

// appendLayout appends the fields of data; false if data is not of that layout.
func appendLayout(dst []byte, fields string, data []byte) ([]byte, bool) {
	for i, f := range []byte(fields) {
		if i > 0 && (f != fieldParams || len(data) > 0) {
			dst = append(dst, ' ')
		}
		size, ok := fieldSize(f, data)
		if !ok {
			return nil, false
		}
		one := data[:size]
		data = data[size:]
		switch f {
		case fieldName:
			dst = append(dst, wire.Name(one).String()...)
		case field8:
			dst = strconv.AppendUint(dst, uint64(one[0]), 10)
		case fieldScheme:
			if one[0] == 1 {
				dst = append(dst, schemeNotify...)
			} else {
				dst = strconv.AppendUint(dst, uint64(one[0]), 10)
			}
		case fieldType:
			dst = append(dst, wire.Type(binary.BigEndian.Uint16(one)).String()...)
		case field64:
			dst = strconv.AppendUint(dst, binary.BigEndian.Uint64(one), 10)
		case fieldParams:
			if dst, ok = appendParamsText(dst, one); !ok {
				return nil, false
			}
		case fieldHex:
			dst = hex.AppendEncode(append(dst, "0x"...), one)
		case fieldPorts:
			if dst, ok = appendServicesText(dst, one); !ok {
				return nil, false
			}
		case fieldA6:
			if dst, ok = appendA6Text(dst, one); !ok {
				return nil, false
			}
		case fieldOld:
			if dst, ok = appendOldTypesText(dst, one); !ok {
				return nil, false
			}
		case fieldATMA:
			if dst, ok = appendATMAText(dst, one); !ok {
				return nil, false
			}
		case fieldRelay:
			if dst, ok = appendRelayText(dst, one); !ok {
				return nil, false
			}
		case field16:
			dst = strconv.AppendUint(dst, uint64(binary.BigEndian.Uint16(one)), 10)
		case field32, fieldTime:
			dst = strconv.AppendUint(dst, uint64(binary.BigEndian.Uint32(one)), 10)
		case fieldIPv4:
			dst = netip.AddrFrom4([4]byte(one)).AppendTo(dst)
		case fieldIPv6:
			dst = netip.AddrFrom16([16]byte(one)).AppendTo(dst)
		case fieldBase64:
			dst = base64.StdEncoding.AppendEncode(dst, one)
		case fieldString, fieldStrings, fieldTwo:
			for len(one) > 0 {
				n := 1 + int(one[0])
				dst = appendQuoted(dst, one[1:n])
				if one = one[n:]; len(one) > 0 {
					dst = append(dst, ' ')
				}
			}
		}
	}
	return dst, len(data) == 0
}

// fieldSize tells how many octets at the beginning of data the field takes; false if it does not fit.
func fieldSize(f byte, data []byte) (int, bool) {
	size := 0
	switch f {
	case fieldName:
		size = nameSize(data)
	case field8, fieldScheme:
		size = 1
	case field16, fieldType:
		size = 2
	case field64:
		size = 8
	case field32, fieldTime, fieldIPv4:
		size = 4
	case fieldIPv6:
		size = 16
	case fieldParams:
		return len(data), true
	case fieldBase64, fieldRelay, fieldHex, fieldPorts, fieldA6, fieldOld, fieldATMA:
		size = len(data)
	case fieldString:
		if len(data) > 0 {
			size = 1 + int(data[0])
		}
	case fieldStrings, fieldTwo:
		for n := 0; size < len(data) && (f == fieldStrings || n < 2); n++ {
			size += 1 + int(data[size])
		}
	}
	return size, size > 0 && size <= len(data)
}

// nameSize gives the length of the uncompressed name at the beginning of data, 0 if there is none.
func nameSize(data []byte) int {
	for i := 0; i < len(data) && i < wire.MaxName; i += 1 + int(data[i]) {
		switch {
		case data[i] == 0:
			return i + 1
		case data[i] > 63:
			return 0
		}
	}
	return 0
}

// appendQuoted appends a character string in quotes, everything outside printable ASCII as \DDD.
func appendQuoted(dst []byte, text []byte) []byte {
	dst = append(dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
