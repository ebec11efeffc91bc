package dhcp6

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"

	"bundy/internal/dhcp/class"
	"bundy/internal/dhcp/option"
	"bundy/internal/dhcp/packet6"
)

// maxReply bounds a reply without its envelopes: three datagrams of Ethernet. Options beyond are left out.
const maxReply = 4096

// standardPort is the port of servers and relay agents (RFC 9915 section 7.2).
const standardPort = 547

// respond builds the answer (RFC 9915 sections 18.3 and 19.3).
func (s *server) respond(x *exchange) bool {
	x.answer = packet6.Reply
	switch {
	case x.kind == packet6.Solicit && !x.rapid:
		x.answer = packet6.Advertise
	case x.kind == packet6.AddrRegInform:
		x.answer = packet6.AddrRegReply
	}
	x.reply = x.request.AppendReply(x.room, func(dst []byte) []byte { return s.message(x, dst) })
	x.to = x.destination()
	return true
}

// message adds the reply itself. The options are in the order that the client can do without them in, those of the
// configuration last.
func (s *server) message(x *exchange, dst []byte) []byte {
	start := len(dst)
	dst = packet6.AppendHeader(dst, x.answer, x.message.ID)
	if x.answer == packet6.AddrRegReply {
		address, _ := x.message.Options.Get(packet6.OptIAAddr)
		return packet6.AppendOption(dst, packet6.OptIAAddr, address)
	}
	if x.duid != "" {
		dst = packet6.AppendOption(dst, packet6.OptClientID, []byte(x.duid))
	}
	dst = packet6.AppendOption(dst, packet6.OptServerID, []byte(s.id))
	for i := range x.ias {
		dst = x.ias[i].Append(dst)
	}
	if x.status != nil {
		dst = packet6.AppendStatus(dst, *x.status)
	}
	if x.rapid {
		dst = packet6.AppendOption(dst, packet6.OptRapidCommit, nil)
	}
	switch x.kind {
	case packet6.Release, packet6.Decline, packet6.Confirm:
		return dst
	}
	if x.status != nil && x.status.Code == packet6.UseMulticast {
		return dst
	}
	dst = s.acceptance(x, dst)
	if data := x.names.ReplyFQDN6(); data != nil && (x.fqdn != nil || x.message.Options.Asks(packet6.OptFQDN)) {
		dst = packet6.AppendOption(dst, packet6.OptFQDN, data)
	}
	if x.set.registration && x.message.Options.Asks(packet6.OptAddrRegEnable) {
		dst = packet6.AppendOption(dst, packet6.OptAddrRegEnable, nil)
	}
	return s.configured(x, dst, start)
}

// values gives the options configured for the client: for its pool, its subnet and everybody, unless its classes or its
// reservation say something.
func (s *server) values(x *exchange) *option.Wire {
	var own option.Set
	for _, name := range slices.Backward(x.classes) { // the first class counts most
		own = own.Override(x.set.told[name].options)
	}
	base := &x.set.wire
	switch {
	case x.pool != nil:
		base = &x.pool.Wire
	case x.subnet != nil:
		base = &x.subnet.Wire
	}
	if own.Len() == 0 && (x.host == nil || x.host.Options.Len() == 0) {
		return base
	}
	set := x.set.global.Override(own)
	if x.subnet != nil {
		set = set.Override(x.subnet.Options)
	}
	if x.pool != nil {
		set = set.Override(x.pool.Options)
	}
	if x.host != nil {
		set = set.Override(x.host.Options)
	}
	w, err := x.set.catalog.Wire(set)
	if err != nil { // together they are too long; each alone was good
		s.log.Log(msgOptionsOmitted, err, xid(x))
		return base
	}
	return &w
}

// serverOwned are options whose value is the server's affair, not the configuration's.
func serverOwned(code uint16) bool {
	switch code {
	case packet6.OptClientID, packet6.OptServerID, packet6.OptIANA, packet6.OptIATA, packet6.OptIAAddr, packet6.OptORO,
		packet6.OptElapsedTime, packet6.OptRelayMessage, packet6.OptAuth, packet6.OptStatusCode, packet6.OptRapidCommit,
		packet6.OptInterfaceID, packet6.OptReconfMessage, packet6.OptReconfAccept, packet6.OptIAPD, packet6.OptIAPrefix,
		packet6.OptFQDN, packet6.OptRSOO, packet6.OptPDExclude, packet6.OptAddrRegEnable:
		return true
	}
	return false
}

// configured adds the preference and the unicast address, which clients do not ask for, what is always sent, and what
// the client asks for, in its order.
func (s *server) configured(x *exchange, dst []byte, start int) []byte {
	x.classes = x.required(s)
	values := s.values(x)
	var sent []uint16
	omitted := 0
	add := func(code uint16, data []byte, ok bool) {
		if !ok || slices.Contains(sent, code) || serverOwned(code) {
			return
		}
		if len(dst)-start+4+len(data) > maxReply {
			omitted++
			return
		}
		sent = append(sent, code)
		dst = packet6.AppendOption(dst, code, data)
	}
	configured := func(code uint16) {
		data, ok := values.Options[code]
		add(code, data, ok)
	}
	if x.answer == packet6.Advertise {
		configured(packet6.OptPreference)
	} else {
		sent = append(sent, packet6.OptPreference)
	}
	configured(packet6.OptUnicast)
	for _, code := range values.Always {
		configured(code)
	}
	asked, _ := x.message.Options.Get(packet6.OptORO)
	for ; len(asked) >= 2; asked = asked[2:] {
		configured(binary.BigEndian.Uint16(asked))
	}
	for i := len(x.request.Relays) - 1; i >= 0; i-- { // that next to the client first (RFC 6422 section 6)
		for _, o := range x.request.Relays[i].Supplied() {
			if slices.Contains(x.set.supplied, o.Code) && !values.Never[o.Code] {
				add(o.Code, o.Data, true)
			}
		}
	}
	for _, block := range x.vendorOptions(values) {
		if len(dst)-start+4+len(block) > maxReply {
			omitted++
			continue
		}
		dst = packet6.AppendOption(dst, packet6.OptVendorOpts, block)
	}
	if omitted > 0 {
		s.stats.optionsOmitted.Add(uint64(omitted))
		s.log.Log(msgOptionsOmitted, omitted, xid(x))
	}
	return dst
}

// required adds the classes that are looked at only for clients of the subnet and the pool.
func (x *exchange) required(s *server) class.Set {
	classes := x.classes
	if x.subnet != nil {
		classes = x.set.classes.Additional(s.evaluator, x, classes, x.subnet.Limit.Required)
	}
	if x.pool != nil {
		classes = x.set.classes.Additional(s.evaluator, x, classes, x.pool.Limit.Required)
	}
	return classes
}

// vendorOptions gives the contents of vendor options (option 17), one for each enterprise: what is always sent, what the
// client's option request option in its own vendor options names (DOCSIS, code 1), or all of an enterprise that the
// client names when it asks for vendor options.
func (x *exchange) vendorOptions(values *option.Wire) [][]byte {
	const requestOption, head = 1, 4
	asked := map[uint32][]byte{}
	named := map[uint32]bool{}
	for data := range x.message.Options.Each(packet6.OptVendorClass) {
		named[binary.BigEndian.Uint32(data)] = true
	}
	for data := range x.message.Options.Each(packet6.OptVendorOpts) {
		enterprise := binary.BigEndian.Uint32(data)
		named[enterprise] = true
		for rest := data[head:]; len(rest) >= 4; {
			n := int(binary.BigEndian.Uint16(rest[2:]))
			if len(rest) < 4+n {
				break
			}
			if binary.BigEndian.Uint16(rest) == requestOption {
				asked[enterprise] = rest[4 : 4+n]
			}
			rest = rest[4+n:]
		}
	}
	all := x.message.Options.Asks(packet6.OptVendorOpts)
	var out [][]byte
	for _, enterprise := range slices.Sorted(maps.Keys(values.Vendor)) {
		block := binary.BigEndian.AppendUint32(nil, enterprise)
		for _, code := range slices.Sorted(maps.Keys(values.Vendor[enterprise])) {
			codes, has := asked[enterprise]
			wanted := all && named[enterprise] && !has || contains(codes, code)
			if wanted || slices.Contains(values.VendorAlways[enterprise], code) {
				block = packet6.AppendOption(block, code, values.Vendor[enterprise][code])
			}
		}
		if len(block) > head {
			out = append(out, block)
		}
	}
	return out
}

func contains(codes []byte, code uint16) bool {
	for ; len(codes) >= 2; codes = codes[2:] {
		if binary.BigEndian.Uint16(codes) == code {
			return true
		}
	}
	return false
}

// destination tells where the reply goes: to the relay agent that handed the message to us, at the port that it asks for
// (RFC 8357), or to the client. A server on a port of its own, as when the suite runs unprivileged, cannot expect others
// on the standard ones: it answers at the port that the message came from.
func (x *exchange) destination() netip.AddrPort {
	port := x.set.clientPort
	if len(x.request.Relays) > 0 {
		port = standardPort
		if x.request.Relays[0].Options.Has(packet6.OptRelayPort) {
			port = x.packet.Source.Port()
		}
	}
	if x.set.serverPort != standardPort {
		port = x.packet.Source.Port()
	}
	return netip.AddrPortFrom(x.packet.Source.Addr(), port)
}
