package dhcp6

import (
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/packet6"
	"bundy/internal/naming/ncr"
)

// register takes note of an address that a client chose itself (RFC 9686 section 4.2): the one that the message came
// from, if it is right for the link and nobody else's.
func (s *server) register(x *exchange) bool {
	source := x.packet.Source.Addr()
	if nearest := x.request.Nearest(); nearest != nil {
		source = nearest.Peer
	}
	data, ok := x.message.Options.Get(packet6.OptIAAddr)
	if !x.set.registration || !ok || x.message.Options.Count(packet6.OptIAAddr) != 1 || len(x.message.IAs()) > 0 {
		return s.drop(x, "it is no registration of one address, or they are off")
	}
	named, err := packet6.ParseAddress(data)
	switch {
	case err != nil:
		return s.drop(x, err.Error())
	case named.Prefix.Addr() != source:
		return s.drop(x, "it does not come from the address that it registers")
	case x.subnet == nil || !x.subnet.Contains(source):
		return s.drop(x, "the address does not belong to the client's link")
	case x.subnet.Pool(source) != nil || x.subnet.Holder(source) != nil || s.ours(source):
		return s.drop(x, "the address is one that the server gives out")
	}
	before, known := s.Store.Get(source)
	if known && before.InUse(x.now) && before.DUID != x.duid {
		return s.drop(x, "the address is registered for another client")
	}
	valid := max(named.Valid, 1)
	own := lease.Lease{}
	if known && before.DUID == x.duid {
		own = before
	}
	x.name(source, x.subnet, own)
	l := lease.Lease{
		Address: source, Kind: lease.NA, HWType: x.hw.kind, HWAddr: x.hw.address, HWSource: x.hw.source, DUID: x.duid,
		ValidLifetime: valid, Preferred: min(named.Preferred, valid), Start: lease.StartAt(x.now), SubnetID: x.subnet.ID,
		State: lease.Registered, UserContext: x.said.Note(own.UserContext),
		FQDNForward: x.names.Forward, FQDNReverse: x.names.Reverse, Hostname: x.names.LeaseHostname(),
	}
	if known && (before.Hostname != l.Hostname || before.FQDNForward != l.FQDNForward || before.FQDNReverse != l.FQDNReverse) {
		x.changes = append(x.changes, nameChange{ncr.Remove, before})
	}
	x.changes = append(x.changes, nameChange{ncr.Add, l})
	x.puts = append(x.puts, l)
	return true
}
