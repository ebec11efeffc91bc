package dhcp6

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/class"
	"bundy/internal/dhcp/decline"
	"bundy/internal/dhcp/duid"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/ledger"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/option"
	"bundy/internal/dhcp/packet6"
	"bundy/internal/dhcp/redundancy"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/naming/announce"
	"bundy/internal/naming/ncr"
	"bundy/internal/naming/policy"
	"bundy/internal/suite/logging"
)

// server answers clients. The methods are called by one goroutine, except those that say otherwise.
type server struct {
	log      *logging.Logger
	now      func() time.Time
	stats    *counters
	announce *announce.Announcer
	id       string                // by which clients know us: a DUID, raw octets
	ours     func(netip.Addr) bool // is it an address of a served interface
	transmit func(o *netif.Outbox, tag packet6.Type, l *netif.Link6, payload []byte, to netip.AddrPort)
	atOnce   *netif.Outbox             // answers that wait for nothing
	onDisk   *netif.Outbox             // answers whose leases are on disk, used by the store's goroutine
	over     sync.Pool                 // of *exchange
	single   bool                      // the store does not tell when it has written several: each answer is sent by itself
	refuse   func(subnet uint32)       // counts a client that found nothing free
	duties   func() *redundancy.Duties // what this node is to serve

	*ledger.Ledger // leases and offers
	set            *settings
	evaluator      *class.Evaluator
	full           map[scarcity]bool // what nothing is free of
	decliners      decline.Decliners
	caller         *caller

	noSubnet, storeFailed, sendFailed *rate.Sometimes // limit messages that anybody can cause
}

// scarcity is what can run out: the addresses or the prefixes of a subnet, by identifier.
type scarcity struct {
	subnet   uint32
	prefixes bool
}

func newServer(log *logging.Logger, stats *counters, names *announce.Announcer, id string) *server {
	s := &server{
		log: log, now: time.Now, stats: stats, announce: names, id: id, decliners: decline.NewDecliners(),
		full: map[scarcity]bool{}, evaluator: class.NewEvaluator(option.Family6),
		noSubnet: logging.Seldom(), storeFailed: logging.Seldom(), sendFailed: logging.Seldom(),
		caller: newCaller(log, stats, id), transmit: transmit, refuse: func(uint32) {},
		duties: func() *redundancy.Duties { return nil },
	}
	s.Ledger = ledger.New(func() time.Time { return s.now() }, ledger.Events{
		Failed: func(a netip.Addr, err error) {
			stats.storeFailed.Add(1)
			s.storeFailed.Do(func() { s.log.Log(msgStoreFail, a, err) })
		},
		Reclaimed: func(a netip.Addr) {
			stats.reclaimed.Add(1)
			s.log.Log(msgReclaimed, a)
		},
		Behind: func(goes int) { s.log.Log(msgReclaimBehind, goes) },
	})
	s.atOnce, s.onDisk = netif.NewOutbox(s.sent), netif.NewOutbox(s.sent)
	return s
}

// exchange is one message on its way to its answer. Slices of request point into the packet and are gone when the
// pipeline returns; what is used afterwards, when the leases are on disk, are the fields of the last part.
type exchange struct {
	set     *settings
	packet  netif.Packet6
	now     time.Time
	request packet6.Packet
	message *packet6.Message // of the client, in request
	kind    packet6.Type
	duid    string // of the client; empty only for an INFORMATION-REQUEST without
	hw      hardware
	unicast bool // sent by the client itself to an address of ours
	lost    bool // a REQUEST to another server
	fqdn    *policy.FQDN
	classes class.Set
	subnet  *subnet.Subnet   // nil: none fits
	subnets []*subnet.Subnet // of the client's link, as its classes allow; subnet in front
	host    *subnet.Host     // its reservation; nil: none
	names   policy.Decision
	said    policy.Said // what names were decided from
	named   bool        // names is decided

	// What the client is told.
	rapid  bool            // a REPLY to SOLICIT
	ias    []packet6.IA    // answered
	status *packet6.Status // of the whole message
	pool   *subnet.Pool    // of the first lease, whose options count; nil: none
	chosen []netip.Addr

	// What it changes.
	offers []offered
	puts   []lease.Lease
	drops  []lease.Lease // to be removed

	answer  packet6.Type
	reply   []byte       // nil: no answer
	room    []byte       // for it
	users   atomic.Int32 // who still works with the exchange
	to      netip.AddrPort
	changes []nameChange
	pending int // writes under way; the store's goroutine counts them down
	failed  bool
}

// offered is what an association is offered.
type offered struct {
	client    allocate.Client
	addresses []netip.Addr // of prefixes the first ones
}

type nameChange struct {
	change ncr.Change
	lease  lease.Lease
}

// serve takes one packet through the whole exchange. What the client is told and what is told about its names leaves
// only when commit has made the leases durable.
func (s *server) serve(p netif.Packet6) {
	x := s.begin(p)
	defer s.done(x)
	ok := s.parse(x) &&
		s.accept(x) &&
		s.classify(x) &&
		s.selectSubnet(x) &&
		s.onDuty(x) &&
		s.reservation(x) &&
		s.allocate(x) &&
		s.respond(x)
	if !ok {
		return
	}
	s.commit(x, func(o *netif.Outbox) {
		s.send(x, o)
		s.announceNames(x)
	})
}

// begin makes an exchange, of one that is over if there is one: they are large.
func (s *server) begin(p netif.Packet6) *exchange {
	x, _ := s.over.Get().(*exchange)
	if x == nil {
		x = &exchange{}
	}
	x.set, x.packet, x.now = s.set, p, s.now()
	x.users.Store(1)
	return x
}

// done ends the use of an exchange by one of its users. The last one leaves it with the memory for replies.
func (s *server) done(x *exchange) {
	if x.users.Add(-1) > 0 {
		return
	}
	if x.reply != nil {
		x.room = x.reply[:0]
	}
	room := x.room
	*x = exchange{}
	x.room = room
	s.over.Put(x)
}

func (s *server) parse(x *exchange) bool {
	var err error
	if x.request, err = packet6.Parse(x.packet.Data); err == nil {
		x.message = &x.request.Message
		if data, ok := x.message.Options.Get(packet6.OptFQDN); ok {
			x.fqdn, err = policy.ParseFQDN6(data)
		}
	}
	if err != nil {
		count(&s.stats.received, 0)
		s.stats.parseFailed.Add(1)
		s.log.Log(msgPacketParseFail, x.packet.Source, x.packet.Link.Name, err)
		return false
	}
	x.kind = x.message.Type
	count(&s.stats.received, x.kind)
	if s.log.Enabled(msgPacketReceived) {
		s.log.Log(msgPacketReceived, x.kind, int(x.kind), x.packet.Link.Name)
	}
	return true
}

func (s *server) drop(x *exchange, why string) bool {
	s.stats.receiveDrop.Add(1)
	s.log.Log(msgPacketProcessFail, x.kind, x.packet.Source, why)
	return false
}

// rule is what RFC 9915 section 16 asks of a kind of message.
type rule struct {
	client    bool // it must tell its client
	server    bool // it must name its server; else it must name none, or us
	anonymous bool // it must name no server
	multicast bool // a client must send it to the group
}

func ruleOf(t packet6.Type) (rule, bool) {
	switch t {
	case packet6.Solicit, packet6.Confirm, packet6.Rebind:
		return rule{client: true, anonymous: true, multicast: true}, true
	case packet6.Request, packet6.Renew, packet6.Release, packet6.Decline:
		return rule{client: true, server: true}, true
	case packet6.InformationRequest:
		return rule{multicast: true}, true
	case packet6.AddrRegInform:
		return rule{client: true, anonymous: true}, true
	}
	return rule{}, false
}

// accept tells whether the message is for this server and its client can be identified.
func (s *server) accept(x *exchange) bool {
	r, known := ruleOf(x.kind)
	if !known {
		return s.drop(x, "its type is not one that clients send")
	}
	options := x.message.Options
	servers, clients := options.Count(packet6.OptServerID), options.Count(packet6.OptClientID)
	switch {
	case servers > 1 || r.server && servers == 0 || r.anonymous && servers > 0:
		return s.drop(x, "it names no server, or one that it must not")
	case clients > 1 || r.client && clients == 0:
		return s.drop(x, "it does not have the one client identifier that it must have")
	}
	if id, ok := options.Get(packet6.OptServerID); ok && string(id) != s.id {
		s.stats.receiveDrop.Add(1)
		s.log.Log(msgPacketNotForUs, x.kind, x.packet.Link.Name, duid.Hex(string(id)))
		if x.lost = x.kind == packet6.Request; !x.lost {
			return false
		}
	}
	id, _ := options.Get(packet6.OptClientID)
	x.duid = string(id)
	x.unicast = len(x.request.Relays) == 0 && !x.packet.Destination.IsMulticast()
	if x.unicast && r.multicast {
		return s.drop(x, "it must be sent to the group of servers")
	}
	if x.kind == packet6.InformationRequest && len(x.message.IAs()) > 0 {
		return s.drop(x, "it asks for addresses")
	}
	if s.decliners.Resting(x.duid, x.port(), x.now) && (x.kind == packet6.Solicit || x.kind == packet6.Request) {
		return s.drop(x, "the client, or those on its port of the relay, declined too many addresses")
	}
	x.hw = hardwareOf(&x.request, x.duid, x.packet.Source.Addr())
	return true
}

// forget drops the offers to a client that chose another server.
func (s *server) forget(x *exchange) {
	if x.subnet == nil {
		return
	}
	for _, ia := range x.message.IAs() {
		for _, a := range s.Book.Offers.AllFor(x.clientOf(&ia), x.subnet.Network.Subnets[0].ID, x.now) {
			s.Book.Offers.Drop(a)
			s.Book.Sync(a, x.now)
		}
	}
}

// classify finds what the client says about itself (option 16: enterprise and texts, of which the first counts), and the
// operator's classes.
func (s *server) classify(x *exchange) bool {
	const enterprise, length = 4, 2
	for data := range x.message.Options.Each(packet6.OptVendorClass) {
		data = data[enterprise:]
		if len(data) >= length && len(data)-length >= int(binary.BigEndian.Uint16(data)) {
			for _, name := range class.Of(data[length : length+int(binary.BigEndian.Uint16(data))]) {
				x.classes = x.classes.With(name)
			}
		}
	}
	x.classes = x.set.classes.Early(s.evaluator, x, x.classes)
	for _, c := range x.classes {
		s.log.Log(msgClassAssigned, xid(x), c)
	}
	if x.dropped() {
		return s.drop(x, "it is in the class DROP")
	}
	return true
}

func (x *exchange) dropped() bool {
	for _, c := range x.classes {
		if c == class.Drop {
			return true
		}
	}
	return false
}

func xid(x *exchange) string { return fmt.Sprintf("%06x", x.message.ID) }

// selectSubnet finds where the client is. Not to know it is an answer to many messages.
func (s *server) selectSubnet(x *exchange) bool {
	var w subnet.Where
	if len(x.request.Relays) > 0 {
		id, _ := x.request.Nearest().Options.Get(packet6.OptInterfaceID)
		w.Relay, w.InterfaceID = x.request.Link(), string(id)
	}
	var err error
	x.subnet, err = x.set.subnets.Select(w, x.classes)
	if !w.Relay.IsValid() && err != nil { // also those of relay agents in switches on our own link (RFC 6221)
		w = subnet.Where{Interface: x.packet.Link.Name, Local: x.packet.Link.Addrs}
		if a := x.packet.Source.Addr(); len(x.request.Relays) == 0 && !a.IsLinkLocalUnicast() {
			w.Client = a
		}
		x.subnet, err = x.set.subnets.Select(w, x.classes)
	}
	if err != nil {
		x.subnet = nil
		s.noSubnet.Do(func() { s.log.Log(msgNoSubnet, xid(x), x.packet.Link.Name, x.packet.Source) })
		return true
	}
	if s.log.Enabled(msgSubnetSelected) {
		s.log.Log(msgSubnetSelected, x.subnet.Prefix, xid(x))
	}
	x.subnets = append(x.subnets, x.subnet)
	for _, other := range x.subnet.Network.Subnets {
		if other != x.subnet && other.Limit.Allows(x.classes) {
			x.subnets = append(x.subnets, other)
		}
	}
	return true
}

// onDuty tells whether the client is this node's to serve, and not another one's of the redundancy group.
func (s *server) onDuty(x *exchange) bool {
	d := s.duties()
	if d.Empty() {
		return true
	}
	var at netip.Addr
	if x.subnet != nil {
		at = x.subnet.Prefix.Addr()
	}
	return d.Serves(at, x.packet.Link.Name) || s.drop(x, "this node is backup of the redundancy group "+d.Group(at, x.packet.Link.Name))
}

// reservation finds what is reserved for the client, and the classes that depend on it.
func (s *server) reservation(x *exchange) bool {
	ids := s.identifiers(x)
	for _, in := range x.subnets {
		if x.host = in.Host(ids); x.host != nil {
			break
		}
	}
	known := class.Unknown
	if x.host != nil {
		known = class.Known
		for _, name := range x.host.Classes {
			x.classes = x.classes.With(name)
		}
	}
	x.classes = x.set.classes.Late(s.evaluator, x, x.classes.With(known))
	if x.dropped() {
		return s.drop(x, "it is in the class DROP")
	}
	return true
}

// send puts the answer into an outbox. Called by the store's goroutine when the exchange changed a lease.
func (s *server) send(x *exchange, o *netif.Outbox) {
	if x.reply != nil {
		s.transmit(o, x.answer, x.packet.Link, x.reply, x.to)
	}
}

// transmit puts an answer into an outbox.
func transmit(o *netif.Outbox, tag packet6.Type, l *netif.Link6, payload []byte, to netip.AddrPort) {
	l.Add(o, uint8(tag), payload, to)
}

// sent counts an answer that was sent, or could not be.
func (s *server) sent(answer uint8, to netip.AddrPort, err error) {
	if err != nil {
		s.stats.sendFailed.Add(1)
		s.sendFailed.Do(func() { s.log.Log(msgSendFail, packet6.Type(answer), to, err) })
		return
	}
	count(&s.stats.sent, packet6.Type(answer))
}

// announceNames tells the DHCP-DDNS server what changed. Called by the store's goroutine.
func (s *server) announceNames(x *exchange) {
	for _, c := range x.changes {
		s.announce.Tell(x.set.requests, c.change, c.lease)
	}
}
