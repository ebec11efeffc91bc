package dhcp4

import (
	"encoding/binary"
	"iter"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/class"
	"bundy/internal/dhcp/packet4"
	"bundy/internal/naming/policy"
)

// respond builds the answer (RFC 2131 table 3). RELEASE and DECLINE get none.
func (s *server) respond(x *exchange) bool {
	switch {
	case x.kind == packet4.Release || x.kind == packet4.Decline:
		return true
	case x.kind == packet4.Discover:
		x.answer = packet4.Offer
	case x.kind == bootp:
		x.answer = bootp
	case x.kind == packet4.Request && x.decision.Verdict == allocate.Refuse:
		x.answer = packet4.NAK
	default:
		x.answer = packet4.ACK
	}
	reply := x.header()
	if id, ok := x.request.Get(packet4.OptClientID); ok && x.set.echoClientID {
		reply.Set(packet4.OptClientID, id)
	}
	if x.answer != packet4.NAK {
		address := x.kind != packet4.Inform && !x.v6only
		if address && x.kind != bootp {
			x.leaseOptions(reply)
		}
		x.configured(reply)
		if address {
			x.nameOption(reply)
		}
	}
	if relay, ok := x.request.Get(packet4.OptRelayAgent); ok { // switches on the way put it in too, without giaddr
		reply.Set(packet4.OptRelayAgent, relay)
	}
	size, _ := x.request.Uint16(packet4.OptMaxMessageSize)
	var omitted []uint8
	x.reply, omitted = reply.Append(x.room, packet4.PayloadLimit(size))
	if len(omitted) > 0 {
		s.stats.optionsOmitted.Add(uint64(len(omitted)))
		s.log.Log(msgOptionsOmitted, omitted, xid(x))
	}
	x.to = x.set.ports.ReplyTo(&x.request, reply, x.packet.Source)
	if x.packet.Link.Loopback || x.to.Bound && !x.near() {
		x.to.HWAddr = "" // no frames there; the kernel delivers
	}
	return true
}

// near tells whether a client that has an address shares a wire with the interface: it sent a broadcast, or its
// network is the interface's. Others send by way of a router when they renew.
func (x *exchange) near() bool {
	return !x.unicast ||
		x.subnet.Contains(x.to.To.Addr()) && slices.ContainsFunc(x.packet.Link.Addrs, x.subnet.Contains)
}

// header is the reply without options but message type and server identifier.
func (x *exchange) header() *packet4.Message {
	m := &x.request
	zero := netip.IPv4Unspecified()
	reply := &x.output
	*reply = packet4.Message{
		Op: packet4.BootReply, HType: m.HType, Hops: m.Hops, XID: m.XID, Flags: m.Flags,
		CIAddr: zero, YIAddr: zero, SIAddr: zero, GIAddr: m.GIAddr, CHAddr: m.CHAddr,
		Options: reply.Options[:0],
	}
	if x.answer != bootp {
		reply.SetType(x.answer)
		reply.SetAddr(packet4.OptServerID, x.serverID)
	}
	if x.answer == packet4.NAK {
		if m.Relayed() {
			reply.Flags |= packet4.FlagBroadcast // RFC 2131 section 4.3.2: the relay must not use the wrong address
		}
		return reply
	}
	if x.answer == packet4.ACK {
		reply.CIAddr = m.CIAddr
	}
	if x.kind != packet4.Inform && !x.v6only {
		reply.YIAddr = x.lease.Address
	}
	boot := x.boot()
	if boot.NextServer.IsValid() && !x.classes.Has(class.ERouter) {
		reply.SIAddr = boot.NextServer
	}
	reply.SName, reply.File = []byte(boot.ServerName), []byte(boot.FileName)
	if file := x.told.Options[packet4.OptBootFileName]; x.classes.Has(class.Docsis3) && len(reply.File) == 0 && len(file) <= maxFileName {
		reply.File = file
	}
	return reply
}

func (x *exchange) leaseOptions(reply *packet4.Message) {
	valid := x.lease.ValidLifetime
	reply.SetUint32(packet4.OptLeaseTime, valid)
	t1, t2 := x.subnet.Timers.Tees(valid)
	if t1 > 0 {
		reply.SetUint32(packet4.OptRenewalTime, t1)
	}
	if t2 > 0 {
		reply.SetUint32(packet4.OptRebindingTime, t2)
	}
}

// serverOwned are options whose value is the server's affair, not the configuration's.
func serverOwned(code uint8) bool {
	switch code {
	case packet4.OptPad, packet4.OptRequestedIP, packet4.OptLeaseTime, packet4.OptOverload, packet4.OptMessageType,
		packet4.OptServerID, packet4.OptParameterList, packet4.OptMaxMessageSize, packet4.OptRenewalTime,
		packet4.OptRebindingTime, packet4.OptClientID, packet4.OptFQDN, packet4.OptRelayAgent, packet4.OptEnd:
		return true
	}
	return false
}

// configured adds the subnet mask, routers, servers and domain, which every client gets, what the configuration says is
// always to be sent, and what the client asks for, in its order.
func (x *exchange) configured(reply *packet4.Message) {
	values := x.told.Options
	if _, own := values[packet4.OptSubnetMask]; !own && !x.told.Never[packet4.OptSubnetMask] {
		reply.Set(packet4.OptSubnetMask, net.CIDRMask(x.subnet.Prefix.Bits(), 32))
	}
	if chosen, ok := x.request.Get(packet4.OptSubnetSelection); ok { // RFC 3011 section 2
		reply.Set(packet4.OptSubnetSelection, chosen)
	}
	asked, _ := x.request.Get(packet4.OptParameterList)
	for _, code := range [...]uint8{packet4.OptSubnetMask, packet4.OptRouters, packet4.OptDNSServers, packet4.OptDomainName} {
		x.add(reply, code)
	}
	for _, code := range x.told.Always {
		x.add(reply, uint8(code))
	}
	for _, code := range asked {
		if code != packet4.OptIPv6Only || x.kind != packet4.Discover || x.v6only { // with an address it makes no sense
			x.add(reply, code)
		}
	}
	if data := x.vendorOptions(); len(data) > 0 {
		reply.Set(packet4.OptVendorSpecific, data)
	}
}

func (x *exchange) add(reply *packet4.Message, code uint8) {
	if data, ok := x.told.Options[uint16(code)]; ok && !serverOwned(code) && !x.superseded(code) {
		reply.Set(code, data)
	}
}

// superseded tells whether an option is left out for a client that gets classless routes in its place (RFC 3442: it would
// have to ignore it). One that is always to be sent is sent.
func (x *exchange) superseded(code uint8) bool {
	if code != packet4.OptRouters && code != packet4.OptStaticRoutes || !x.request.Asks(packet4.OptClasslessRoutes) {
		return false
	}
	_, has := x.told.Options[packet4.OptClasslessRoutes]
	return has && !slices.Contains(x.told.Always, uint16(code))
}

// vendorOptions gives the contents of option 125 (RFC 3925): of each enterprise what is always sent, what the client's
// option request option among its own of that enterprise names (DOCSIS, code 1), or all when it asks for option 125 and
// names the enterprise there or in option 124.
func (x *exchange) vendorOptions() []byte {
	const requestOption, maxBlock = 1, 255
	if len(x.told.Vendor) == 0 {
		return nil
	}
	asked, named := map[uint32][]byte{}, map[uint32]bool{}
	class, _ := x.request.Get(packet4.OptVendorClassID)
	for enterprise := range enterprises(class) {
		named[enterprise] = true
	}
	specific, _ := x.request.Get(packet4.OptVendorSpecific)
	for enterprise, block := range enterprises(specific) {
		named[enterprise] = true
		if codes, ok := packet4.Sub(block, requestOption); ok && asked[enterprise] == nil {
			asked[enterprise] = codes
		}
	}
	all := x.request.Asks(packet4.OptVendorSpecific)
	var out []byte
	for _, enterprise := range slices.Sorted(maps.Keys(x.told.Vendor)) {
		codes, chosen := asked[enterprise]
		var options []byte
		for _, code := range slices.Sorted(maps.Keys(x.told.Vendor[enterprise])) {
			data := x.told.Vendor[enterprise][code]
			wanted := all && named[enterprise] && !chosen || slices.Contains(codes, byte(code)) || slices.Contains(x.told.VendorAlways[enterprise], code)
			if wanted && len(options)+2+len(data) <= maxBlock {
				options = append(append(options, byte(code), byte(len(data))), data...)
			}
		}
		if len(options) > 0 {
			out = binary.BigEndian.AppendUint32(out, enterprise)
			out = append(append(out, byte(len(options))), options...)
		}
	}
	return out
}

// enterprises gives the parts of option 124 or 125 by enterprise number, as far as they are well-formed (RFC 3925
// section 3).
func enterprises(data []byte) iter.Seq2[uint32, []byte] {
	const head = 5
	return func(yield func(uint32, []byte) bool) {
		for len(data) >= head && len(data) >= head+int(data[4]) {
			block := data[head : head+int(data[4])]
			if !yield(binary.BigEndian.Uint32(data), block) {
				return
			}
			data = data[head+len(block):]
		}
	}
}

// nameOption tells the client its name, in the option that it used.
func (x *exchange) nameOption(reply *packet4.Message) {
	switch x.names.Source {
	case policy.FromFQDN:
		reply.Set(packet4.OptFQDN, x.names.ReplyFQDN)
	case policy.FromHostName:
		reply.Set(packet4.OptHostName, []byte(x.names.ReplyHostName))
	case policy.NoSource:
		if x.host != nil && x.host.HostName != "" {
			reply.Set(packet4.OptHostName, []byte(strings.TrimSuffix(x.host.HostName, ".")))
		}
	}
}
