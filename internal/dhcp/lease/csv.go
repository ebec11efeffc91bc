package lease

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Header is the first line of a lease file as we write it: the columns of Kea 1.5 to 2.2, so that files can be
// exchanged with Kea.
const Header = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"

// MaxLine is the longest line of a lease file that is read, in bytes. The longest row we write has a hardware address
// of 255 octets, a client identifier of 255 and a host name of 255, all escaped; user contexts of others may be longer.
const MaxLine = 64 << 10

// ErrHeader says that a file does not begin like a lease file.
var ErrHeader = errors.New("not a DHCPv4 lease file")

type column uint8

const (
	colAddress column = iota
	colHWAddr
	colClientID
	colValidLifetime
	colExpire
	colSubnetID
	colFQDNForward
	colFQDNReverse
	colHostname
	colState
	colUserContext
	colUnknown
)

// Columns is the order of columns in one file. Files of older and newer versions have fewer or more.
type Columns struct{ order []column }

// ParseHeader reads the first line of a lease file, without its line feed. Unknown columns are passed over; the ones
// of the first version must be there.
func ParseHeader(line string) (Columns, error) {
	names := strings.Split(Header, ",")
	var c Columns
	seen := 0
	for _, text := range strings.Split(strings.TrimSuffix(line, "\r"), ",") {
		kind := colUnknown
		for i, name := range names {
			if text == name {
				kind = column(i)
			}
		}
		if kind <= colHostname {
			seen |= 1 << kind
		}
		c.order = append(c.order, kind)
	}
	for i := colAddress; i <= colHostname; i++ {
		if seen&(1<<i) == 0 {
			return Columns{}, fmt.Errorf("%w: no column %q in the first line %q", ErrHeader, names[i], clip(line))
		}
	}
	return c, nil
}

// Current tells whether the file has exactly the columns that we write.
func (c Columns) Current() bool {
	if len(c.order) != int(colUnknown) {
		return false
	}
	for i, k := range c.order {
		if k != column(i) {
			return false
		}
	}
	return true
}

// Parse reads one row without its line feed. A row shorter than the header takes defaults for what is missing. A
// lifetime of 0 marks a tombstone: the lease of that address is gone.
func (c Columns) Parse(line string) (Lease, error) {
	l := Lease{HWType: 1}
	var expire uint64
	bad := func(name, text string) (Lease, error) {
		return Lease{}, fmt.Errorf("%s: bad value %q", name, clip(text))
	}
	rest, more := strings.TrimSuffix(line, "\r"), true
	fields := 0
	for _, kind := range c.order {
		if !more {
			break
		}
		var text string
		text, rest, more = strings.Cut(rest, ",")
		fields++
		var err error
		switch kind {
		case colAddress:
			if l.Address, err = netip.ParseAddr(text); err != nil || !l.Address.Is4() {
				return bad("address", text)
			}
		case colHWAddr:
			if l.HWAddr, err = parseHex(text); err != nil {
				return bad("hwaddr", text)
			}
		case colClientID:
			if l.ClientID, err = parseHex(text); err != nil {
				return bad("client_id", text)
			}
		case colValidLifetime:
			v, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				return bad("valid_lifetime", text)
			}
			l.ValidLifetime = uint32(v)
		case colExpire:
			if expire, err = strconv.ParseUint(text, 10, 40); err != nil {
				return bad("expire", text)
			}
		case colSubnetID:
			v, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				return bad("subnet_id", text)
			}
			l.SubnetID = uint32(v)
		case colFQDNForward:
			if l.FQDNForward, err = parseBool(text); err != nil {
				return bad("fqdn_fwd", text)
			}
		case colFQDNReverse:
			if l.FQDNReverse, err = parseBool(text); err != nil {
				return bad("fqdn_rev", text)
			}
		case colHostname:
			l.Hostname = unescape(text)
		case colState:
			if text == "" {
				break
			}
			v, err := strconv.ParseUint(text, 10, 8)
			if err != nil {
				return bad("state", text)
			}
			l.State = State(v)
		case colUserContext:
			l.UserContext = unescape(text)
		}
	}
	if more {
		return Lease{}, fmt.Errorf("more than %d columns: %q", len(c.order), clip(line))
	}
	if fields <= int(colHostname) {
		return Lease{}, fmt.Errorf("only %d columns: %q", fields, clip(line))
	}
	l.Start = time.Unix(int64(expire)-int64(l.ValidLifetime), 0).UTC()
	return l, nil
}

// AppendHeader appends the header line.
func AppendHeader(dst []byte) []byte { return append(append(dst, Header...), '\n') }

// AppendRow appends the row of l with its line feed.
func AppendRow(dst []byte, l Lease) []byte {
	dst = l.Address.AppendTo(dst)
	dst = append(dst, ',')
	dst = appendHex(dst, l.HWAddr)
	dst = append(dst, ',')
	dst = appendHex(dst, l.ClientID)
	dst = append(dst, ',')
	dst = strconv.AppendUint(dst, uint64(l.ValidLifetime), 10)
	dst = append(dst, ',')
	dst = strconv.AppendInt(dst, l.Start.Unix()+int64(l.ValidLifetime), 10)
	dst = append(dst, ',')
	dst = strconv.AppendUint(dst, uint64(l.SubnetID), 10)
	dst = append(dst, ',')
	dst = appendBool(dst, l.FQDNForward)
	dst = append(dst, ',')
	dst = appendBool(dst, l.FQDNReverse)
	dst = append(dst, ',')
	dst = appendEscaped(dst, l.Hostname)
	dst = append(dst, ',')
	dst = strconv.AppendUint(dst, uint64(l.State), 10)
	dst = append(dst, ',')
	dst = appendEscaped(dst, l.UserContext)
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

func parseHex(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if len(text)%3 != 2 {
		return "", strconv.ErrSyntax
	}
	out := make([]byte, 0, (len(text)+1)/3)
	for i := 0; i < len(text); i += 3 {
		a, b := unhex(text[i]), unhex(text[i+1])
		if a < 0 || b < 0 || i+2 < len(text) && text[i+2] != ':' {
			return "", strconv.ErrSyntax
		}
		out = append(out, byte(a<<4|b))
	}
	return string(out), nil
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, '1')
	}
	return append(dst, '0')
}

func parseBool(text string) (bool, error) {
	switch text {
	case "1", "true":
		return true, nil
	case "0", "false", "":
		return false, nil
	}
	return false, strconv.ErrSyntax
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

func unescape(s string) string {
	if !strings.Contains(s, "&#x") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], "&#x") && i+4 < len(s) {
			if a, b := unhex(s[i+3]), unhex(s[i+4]); a >= 0 && b >= 0 {
				out = append(out, byte(a<<4|b))
				i += 4
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

// clip bounds offending text in an error.
func clip(s string) string {
	if len(s) > 120 {
		return s[:120] + "…"
	}
	return s
}
