package lease

import (
	"strconv"
)

// AppendHeader appends the header line of a lease file of a family.
func AppendHeader(dst []byte, f Family) []byte { return append(append(dst, f.Header()...), '\n') }

// AppendRow appends the row of l with its line feed, in the columns of its family's Header.
func AppendRow(dst []byte, l Lease) []byte {
	dst = append(l.Address.AppendTo(dst), ',')
	if l.Kind == V4 {
		dst = append(appendHex(dst, l.HWAddr), ',')
		dst = append(appendHex(dst, l.ClientID), ',')
	} else if l.DUID == "" {
		dst = append(dst, "00:00:00,"...) // Kea reads no empty one
	} else {
		dst = append(appendHex(dst, l.DUID), ',')
	}
	dst = append(strconv.AppendUint(dst, uint64(l.ValidLifetime), 10), ',')
	dst = append(strconv.AppendInt(dst, l.Start.Unix()+int64(l.ValidLifetime), 10), ',')
	dst = append(strconv.AppendUint(dst, uint64(l.SubnetID), 10), ',')
	if l.Kind != V4 {
		dst = append(strconv.AppendUint(dst, uint64(l.Preferred), 10), ',')
		dst = append(strconv.AppendUint(dst, uint64(l.Kind-NA), 10), ',')
		dst = append(strconv.AppendUint(dst, uint64(l.IAID), 10), ',')
		dst = append(strconv.AppendInt(dst, int64(l.Prefix().Bits()), 10), ',')
	}
	dst = append(appendBool(dst, l.FQDNForward), ',')
	dst = append(appendBool(dst, l.FQDNReverse), ',')
	dst = append(appendEscaped(dst, l.Hostname), ',')
	if l.Kind != V4 {
		dst = append(appendHex(dst, l.HWAddr), ',')
	}
	dst = append(strconv.AppendUint(dst, uint64(l.State), 10), ',')
	dst = appendEscaped(dst, l.UserContext)
	if l.Kind != V4 {
		dst = append(dst, ',')
		dst = append(strconv.AppendUint(dst, uint64(l.HWType), 10), ',')
		dst = strconv.AppendUint(dst, uint64(l.HWSource), 10)
	}
	return append(dst, '\n')
}

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hexDigits[s[i]>>4], hexDigits[s[i]&15])
	}
	return dst
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, '1')
	}
	return append(dst, '0')
}

// appendEscaped writes free text so that it cannot break a row: comma, ampersand and all bytes outside printable
// ASCII become "&#x" and two hexadecimal digits, which Kea reads back.
func appendEscaped(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == ',' || c == '&' || c < 0x20 || c > 0x7e {
			dst = append(dst, '&', '#', 'x', hexDigits[c>>4], hexDigits[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
