package policy

import "fmt"

// Flag bits of option 39 in DHCPv6 (RFC 4704 section 4.1). The name is in wire form always, and there is no result.
const (
	flag6S = 1 << 0
	flag6O = 1 << 1
	flag6N = 1 << 2
)

// ParseFQDN6 reads the contents of option 39. Errors wrap ErrFQDN.
func ParseFQDN6(option []byte) (*FQDN, error) {
	if len(option) < 1 {
		return nil, fmt.Errorf("%w: no octets", ErrFQDN)
	}
	flags := byte(flagE)
	if option[0]&flag6S != 0 {
		flags |= flagS
	}
	if option[0]&flag6N != 0 {
		flags |= flagN
	}
	return ParseFQDN(append([]byte{flags, 0, 0}, option[1:]...))
}

// ReplyFQDN6 gives the contents of option 39 for the reply; nil unless the client's name came in one.
func (d Decision) ReplyFQDN6() []byte {
	const head = 3 // of option 81: flags and two results
	if len(d.ReplyFQDN) < head {
		return nil
	}
	var flags byte
	for _, f := range []struct {
		set bool
		bit byte
	}{{d.N, flag6N}, {d.S, flag6S}, {d.O, flag6O}} {
		if f.set {
			flags |= f.bit
		}
	}
	return append([]byte{flags}, d.ReplyFQDN[head:]...)
}
