package memfile

import (
	"net/netip"
	"time"

	"bundy/internal/dhcp/lease"
)

// record is a lease without pointers. Its texts stand one behind the other in a piece of the slab: hardware address,
// client (client identifier or DUID), host name, user context.
type record struct {
	address   [16]byte // IPv4 as IPv4-mapped
	start     int64    // seconds since 1970
	valid     uint32
	preferred uint32
	subnet    uint32
	iaid      uint32
	text      uint32 // where the texts are in the slab
	context   uint32 // lengths of the texts
	client    uint16
	host      uint16
	hwAddr    uint8

	kind     lease.Kind
	prefix   uint8
	hwType   uint8
	hwSource uint8
	state    lease.State
	forward  bool
	reverse  bool

	place  uint32       // where it stands in its timeline
	chains [2]neighbour // the other leases of the same association and of the same owner
}

// neighbour are the records before and behind one in a chain; 0 none.
type neighbour struct{ before, behind uint32 }

func (r *record) length() int {
	return int(r.hwAddr) + int(r.client) + int(r.host) + int(r.context)
}

func (r *record) end() int64 { return r.start + int64(r.valid) }

// addressOf is the form of an address in records.
func addressOf(a netip.Addr) [16]byte { return a.As16() }

// clientOf is what the client of a lease calls itself.
func clientOf(l *lease.Lease) string {
	if l.Kind == lease.V4 {
		return l.ClientID
	}
	return l.DUID
}

// Texts of a lease are cut to these lengths, which no message and no row that is read reaches.
const (
	maxHWAddr  = 1<<8 - 1
	maxText    = 1<<16 - 1
	maxContext = lease.MaxLine
)

// encode makes a record of a lease, without its text's place and its places in timelines and chains, and appends its
// texts.
func encode(l *lease.Lease, texts []byte) (record, []byte) {
	hw, client, host, context := l.HWAddr, clientOf(l), l.Hostname, l.UserContext
	hw, client = hw[:min(len(hw), maxHWAddr)], client[:min(len(client), maxText)]
	host, context = host[:min(len(host), maxText)], context[:min(len(context), maxContext)]
	r := record{
		address: addressOf(l.Address), start: l.Start.Unix(), valid: l.ValidLifetime, preferred: l.Preferred,
		subnet: l.SubnetID, iaid: l.IAID, context: uint32(len(context)), client: uint16(len(client)),
		host: uint16(len(host)), hwAddr: uint8(len(hw)), kind: l.Kind, hwType: l.HWType, hwSource: l.HWSource,
		state: l.State, forward: l.FQDNForward, reverse: l.FQDNReverse,
	}
	switch l.Kind {
	case lease.V4:
		r.preferred, r.iaid, r.hwSource = 0, 0, 0
	case lease.PD:
		r.prefix = l.PrefixLength
	}
	texts = append(append(append(append(texts, hw...), client...), host...), context...)
	return r, texts
}

// decode makes a lease of a record and its texts, which it copies.
func (r *record) decode(octets []byte) lease.Lease {
	texts := string(octets)
	l := lease.Lease{
		Address: netip.AddrFrom16(r.address), Kind: r.kind, PrefixLength: r.prefix, HWType: r.hwType, HWSource: r.hwSource,
		HWAddr: texts[:r.hwAddr], IAID: r.iaid, ValidLifetime: r.valid, Preferred: r.preferred,
		Start: time.Unix(r.start, 0).UTC(), SubnetID: r.subnet, FQDNForward: r.forward, FQDNReverse: r.reverse, State: r.state,
	}
	if r.kind == lease.V4 {
		l.Address = l.Address.Unmap()
	}
	texts = texts[r.hwAddr:]
	if r.kind == lease.V4 {
		l.ClientID = texts[:r.client]
	} else {
		l.DUID = texts[:r.client]
	}
	texts = texts[r.client:]
	l.Hostname, l.UserContext = texts[:r.host], texts[r.host:]
	return l
}
