package packet6

import (
	"encoding/binary"
	"net/netip"
)

// IA is an identity association: what a client has, wants or gets under one number.
type IA struct {
	Code   uint16 // OptIANA, OptIATA or OptIAPD
	IAID   uint32
	T1, T2 uint32 // seconds; not of OptIATA
	Leases []Lease
	Status *Status // nil: none, which means success
}

// Lease is one address or prefix of an association. In what a client asks for it may be unspecified: a wish for no
// certain one, with the length alone.
type Lease struct {
	Prefix    netip.Prefix // an address has a length of 128; bits behind a prefix are kept as they came
	Preferred uint32       // seconds
	Valid     uint32
	Exclude   []byte  // contents of the option of RFC 6603; nil: none
	Status    *Status // nil: none
}

// Status is the contents of a status code option.
type Status struct {
	Code StatusCode
	Text string
}

// StatusCode says how something ended (RFC 9915 section 21.13, RFC 5007 section 4.1.3).
type StatusCode uint16

const (
	Success       StatusCode = 0
	UnspecFail    StatusCode = 1
	NoAddrsAvail  StatusCode = 2
	NoBinding     StatusCode = 3
	NotOnLink     StatusCode = 4
	UseMulticast  StatusCode = 5
	NoPrefixAvail StatusCode = 6
)

// IAs gives the identity associations of a message, in their order. Parse has found them well-formed.
func (m *Message) IAs() []IA {
	var out []IA
	for _, o := range m.Options {
		switch o.Code {
		case OptIANA, OptIATA, OptIAPD:
			if ia, err := parseIA(o); err == nil {
				out = append(out, ia)
			}
		}
	}
	return out
}

func parseIA(o Option) (IA, error) {
	ia := IA{Code: o.Code}
	head := 12
	if o.Code == OptIATA {
		head = 4
	}
	if len(o.Data) < head {
		return ia, malformed("identity association of %d octets", len(o.Data))
	}
	ia.IAID = binary.BigEndian.Uint32(o.Data)
	if head > 4 {
		ia.T1, ia.T2 = binary.BigEndian.Uint32(o.Data[4:]), binary.BigEndian.Uint32(o.Data[8:])
	}
	options, err := parseOptions(o.Data[head:])
	if err != nil {
		return ia, err
	}
	for _, inner := range options {
		switch {
		case inner.Code == OptStatusCode:
			if ia.Status, err = parseStatus(inner.Data); err != nil {
				return ia, err
			}
		case inner.Code == OptIAAddr && o.Code != OptIAPD, inner.Code == OptIAPrefix && o.Code == OptIAPD:
			l, err := parseLease(inner)
			if err != nil {
				return ia, err
			}
			if len(ia.Leases) == MaxLeases {
				return ia, malformed("more than %d addresses or prefixes in an association", MaxLeases)
			}
			ia.Leases = append(ia.Leases, l)
		}
	}
	return ia, nil
}

// ParseAddress reads the contents of an IA Address option.
func ParseAddress(data []byte) (Lease, error) { return parseLease(Option{OptIAAddr, data}) }

func parseLease(o Option) (Lease, error) {
	var l Lease
	head, d := 24, o.Data
	if o.Code == OptIAPrefix {
		head = 25
	}
	if len(d) < head {
		return l, malformed("option %d of %d octets", o.Code, len(d))
	}
	if o.Code == OptIAAddr {
		l = Lease{
			Prefix:    netip.PrefixFrom(netip.AddrFrom16([16]byte(d)), 128),
			Preferred: binary.BigEndian.Uint32(d[16:]), Valid: binary.BigEndian.Uint32(d[20:]),
		}
	} else {
		if d[8] > 128 {
			return l, malformed("prefix of %d bits", d[8])
		}
		l = Lease{
			Preferred: binary.BigEndian.Uint32(d), Valid: binary.BigEndian.Uint32(d[4:]),
			Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte(d[9:])), int(d[8])),
		}
	}
	options, err := parseOptions(d[head:])
	if err != nil {
		return l, err
	}
	for _, inner := range options {
		switch inner.Code {
		case OptStatusCode:
			if l.Status, err = parseStatus(inner.Data); err != nil {
				return l, err
			}
		case OptPDExclude:
			l.Exclude = inner.Data
		}
	}
	return l, nil
}

func parseStatus(data []byte) (*Status, error) {
	if len(data) < 2 {
		return nil, malformed("status of %d octets", len(data))
	}
	return &Status{StatusCode(binary.BigEndian.Uint16(data)), string(data[2:])}, nil
}

// MessageStatus gives the status of a whole message; Success if it has none.
func (m *Message) MessageStatus() StatusCode {
	if data, ok := m.Options.Get(OptStatusCode); ok {
		if s, err := parseStatus(data); err == nil {
			return s.Code
		}
	}
	return Success
}
