package policy

import (
	"errors"
	"fmt"
	"strings"

	"bundy/internal/dns/wire"
)

// FQDN is what a client says in the Client FQDN option (DHCPv4 option 81, RFC 4702 section 2).
type FQDN struct {
	N      bool     // the client wants no updates by the server
	S      bool     // the client wants the server to do the forward update
	E      bool     // the name is in wire form; the reply uses the same form
	Labels []string // raw label bytes, as sent; none for an empty name
	Full   bool     // the name was ended by the root label or a final dot; else it is partial
}

// Flag bits of option 81 (RFC 4702 section 2.1).
const (
	flagS = 1 << 0
	flagO = 1 << 1
	flagE = 1 << 2
	flagN = 1 << 3
)

// rcodeField is what a server puts into the two deprecated RCODE octets (RFC 4702 section 2.2).
const rcodeField = 255

// ErrFQDN is wrapped by every error of ParseFQDN.
var ErrFQDN = errors.New("bad client FQDN option")

// ParseFQDN reads the contents of option 81, joined by RFC 3396 when it was split. An error means that the whole
// packet is to be dropped: too short, both N and S set, or a wire-form name that runs over its end, is compressed or
// goes on behind its root label. Bytes inside labels are not judged here; Decide makes host names of them.
func ParseFQDN(option []byte) (*FQDN, error) {
	if len(option) < 3 {
		return nil, fmt.Errorf("%w: %d octets, want at least 3", ErrFQDN, len(option))
	}
	flags, name := option[0], option[3:]
	f := &FQDN{N: flags&flagN != 0, S: flags&flagS != 0, E: flags&flagE != 0}
	if f.N && f.S {
		return nil, fmt.Errorf("%w: both flags N and S are set", ErrFQDN)
	}
	if !f.E {
		f.Labels, f.Full = splitText(string(name))
		return f, nil
	}
	if len(name) > wire.MaxName {
		return nil, fmt.Errorf("%w: name of %d octets", ErrFQDN, len(name))
	}
	for len(name) > 0 {
		n := int(name[0])
		name = name[1:]
		switch {
		case n == 0 && len(name) > 0:
			return nil, fmt.Errorf("%w: %d octets behind the name", ErrFQDN, len(name))
		case n == 0:
			f.Full = true
		case n > 63:
			return nil, fmt.Errorf("%w: label type %#x", ErrFQDN, n)
		case n > len(name):
			return nil, fmt.Errorf("%w: label of %d octets runs over the end", ErrFQDN, n)
		default:
			f.Labels = append(f.Labels, string(name[:n]))
			name = name[n:]
		}
	}
	return f, nil
}

// splitText cuts a name given as text. Some clients end it in NUL, which is not part of it.
func splitText(text string) (labels []string, full bool) {
	text = strings.TrimRight(text, "\x00")
	text, full = strings.CutSuffix(text, ".")
	if text == "" {
		return nil, full
	}
	return strings.Split(text, "."), full
}

// appendFQDN writes the contents of the option for a reply, with the name in the form the client used. An empty name
// is written as the empty partial name.
func appendFQDN(dst []byte, n, s, o, e bool, name wire.Name) []byte {
	var flags byte
	for _, f := range []struct {
		set bool
		bit byte
	}{{n, flagN}, {s, flagS}, {o, flagO}, {e, flagE}} {
		if f.set {
			flags |= f.bit
		}
	}
	dst = append(dst, flags, rcodeField, rcodeField)
	switch {
	case name == "":
		return dst
	case e:
		return append(dst, name...)
	}
	return append(dst, name.String()...)
}
