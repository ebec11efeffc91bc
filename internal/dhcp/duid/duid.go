package duid

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of identifiers. RFC 2132 section 9.14 asks for two octets at least; RFC 8415 section 11.1 limits a DUID to
// 128 octets and its type; the longest client identifier is one whole option.
const (
	MinClientID = 2
	MaxClientID = 255
	MaxDUID     = 130
)

// typeNode is the first octet of a client identifier that holds an IAID and a DUID (RFC 4361 section 6.1).
const typeNode = 255

// ErrClientID is wrapped by errors about client identifiers.
var ErrClientID = errors.New("bad client identifier")

// ClientID is the contents of option 61, raw octets. It is comparable; the zero value is none.
type ClientID string

// ParseClientID checks the contents of option 61.
func ParseClientID(data []byte) (ClientID, error) {
	if len(data) < MinClientID || len(data) > MaxClientID {
		return "", fmt.Errorf("%w %x: %d octets instead of %d to %d", ErrClientID, data, len(data), MinClientID, MaxClientID)
	}
	return ClientID(data), nil
}

// DUID gives the DUID inside an identifier of RFC 4361, raw octets.
func (c ClientID) DUID() (string, bool) {
	const iaid = 4
	if len(c) <= 1+iaid+2 || c[0] != typeNode || len(c)-1-iaid > MaxDUID {
		return "", false
	}
	return string(c[1+iaid:]), true
}

// String gives the octets as in lease files and logs: "01:00:0c:01:02:03:04".
func (c ClientID) String() string { return Hex(string(c)) }

// Hex writes raw octets in lower case hexadecimal digits with colons between octets; empty for none.
func Hex(raw string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	b.Grow(3 * len(raw))
	for i := range len(raw) {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteByte(digits[raw[i]>>4])
		b.WriteByte(digits[raw[i]&15])
	}
	return b.String()
}
