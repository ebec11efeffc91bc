package dhcp4

import (
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
	"bundy/internal/dhcp/packet4"
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
	ours     func(netip.Addr) bool // is it an address of a served interface
	transmit func(o *netif.Outbox, tag packet4.Type, l *netif.Link, payload []byte, from netip.Addr, to netif.Destination)
	atOnce   *netif.Outbox             // answers that wait for nothing
	onDisk   *netif.Outbox             // answers whose leases are on disk, used by the store's goroutine
	over     sync.Pool                 // of *exchange
	single   bool                      // the store does not tell when it has written several: each answer is sent by itself
	refuse   func(subnet uint32)       // counts a client that found nothing free
	duties   func() *redundancy.Duties // what this node is to serve

	*ledger.Ledger // leases and offers
	set            *settings
	decliners      decline.Decliners
	evaluator      *class.Evaluator
	merged         map[scope]option.Wire // options for clients with classes and reservations, as long as s.set
	full           map[uint32]bool       // subnets where nothing is free, by identifier
	resting        resting
	ping           func(netip.Addr) error
	asked          map[netip.Addr]*probing // addresses that were asked for

	noSubnet, noRelaySubnet, storeFailed, sendFailed, mergeFailed, pingFailed *rate.Sometimes // limit messages that anybody can cause
}

func newServer(log *logging.Logger, stats *counters, names *announce.Announcer) *server {
	s := &server{
		log: log, now: time.Now, stats: stats, announce: names, decliners: decline.NewDecliners(),
		evaluator: class.NewEvaluator(option.Family4), merged: map[scope]option.Wire{}, full: map[uint32]bool{},
		resting:  newResting(),
		noSubnet: logging.Seldom(), noRelaySubnet: logging.Seldom(), storeFailed: logging.Seldom(), sendFailed: logging.Seldom(), mergeFailed: logging.Seldom(),
		transmit: transmit, refuse: func(uint32) {},
		duties: func() *redundancy.Duties { return nil },
		asked:  map[netip.Addr]*probing{}, pingFailed: logging.Seldom(),
		ping: func(netip.Addr) error { return errNoPing },
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
// pipeline returns; what is used afterwards, when the lease is on disk, are the fields of the second part.
type exchange struct {
	set      *settings
	packet   netif.Packet
	now      time.Time
	request  packet4.Message
	kind     packet4.Type
	client   allocate.Client // as decisions know it
	clientID string          // for the lease
	unicast  bool            // sent to an address of ours
	foreign  bool            // a REQUEST for another server
	fqdn     *policy.FQDN
	classes  class.Set
	subnet   *subnet.Subnet   // the one selected, then that of the address; nil only for RELEASE and DECLINE
	usable   []*subnet.Subnet // of the client's link
	host     *subnet.Host     // its reservation; nil: none
	decision allocate.Decision
	names    policy.Decision
	told     option.Wire // configured options for this client
	cached   bool        // the lease stays as it is
	probed   int         // addresses that were in use
	v6only   bool        // the client can do without an address (RFC 8925)

	local    netip.Addr  // our address that the client or relay gets its answer from
	serverID netip.Addr  // by which the client is to know us
	lease    lease.Lease // to be stored; for RELEASE and DECLINE the one that is given up
	reply    []byte      // nil: no answer
	room     []byte      // for it
	answer   packet4.Type
	to       netif.Destination
	changes  []nameChange

	output packet4.Message // the reply while it is made
	users  atomic.Int32    // who still works with the exchange
}

type nameChange struct {
	change ncr.Change
	lease  lease.Lease
}

// serve takes one packet through the whole exchange. It may rest twice, while others are served: until what is known
// about the client is read, and while somebody is asked whether the address is in use. What the client is told and what
// is told about its names leaves only when commit has made the lease durable.
func (s *server) serve(p netif.Packet) {
	x := s.begin(p)
	defer s.done(x)
	ok := s.parse(x) &&
		s.accept(x) &&
		s.classify(x) &&
		s.selectSubnet(x) &&
		s.onDuty(x) &&
		s.reservation(x)
	if ok {
		s.read(x, s.decide)
	}
}

// begin makes an exchange, of one that is over if there is one: they are large.
func (s *server) begin(p netif.Packet) *exchange {
	x, _ := s.over.Get().(*exchange)
	if x == nil {
		x = &exchange{}
	}
	x.set, x.packet, x.now = s.set, p, s.now()
	x.users.Store(1)
	return x
}

// done ends the use of an exchange by one of its users. The last one leaves it with the memory that it has.
func (s *server) done(x *exchange) {
	if x.users.Add(-1) > 0 {
		return
	}
	clear(x.output.Options)
	if x.reply != nil {
		x.room = x.reply[:0]
	}
	request, output, room := x.request.Options[:0], x.output.Options[:0], x.room
	*x = exchange{}
	x.request.Options, x.output.Options, x.room = request, output, room
	s.over.Put(x)
}

func (s *server) decide(x *exchange) {
	if s.allocate(x) {
		s.probe(x, s.finish)
	}
}

func (s *server) finish(x *exchange) {
	if !s.respond(x) {
		return
	}
	s.commit(x, func(o *netif.Outbox) {
		s.send(x, o)
		s.announceNames(x)
	})
}

func (s *server) parse(x *exchange) bool {
	var err error
	if err = x.request.Parse(x.packet.Data); err == nil {
		if data, ok := x.request.Get(packet4.OptFQDN); ok {
			x.fqdn, err = policy.ParseFQDN(data)
		}
	}
	if err == nil {
		err = checkLengths(&x.request)
	}
	if err != nil {
		count(&s.stats.received, 0)
		s.stats.parseFailed.Add(1)
		s.log.Log(msgPacketParseFail, x.packet.Source, x.packet.Link.Name, err)
		return false
	}
	x.kind = x.request.Type()
	count(&s.stats.received, x.kind)
	if s.log.Enabled(msgPacketReceived) {
		s.log.Log(msgPacketReceived, x.kind, int(x.kind), x.packet.Link.Name)
	}
	return true
}

// checkLengths refuses options of fixed length that have another one: the client means something that we would guess.
func checkLengths(m *packet4.Message) error {
	for _, o := range m.Options {
		want := 0
		switch o.Code {
		case packet4.OptRequestedIP, packet4.OptServerID, packet4.OptLeaseTime, packet4.OptSubnetSelection:
			want = 4
		case packet4.OptMaxMessageSize:
			want = 2
		}
		if want != 0 && len(o.Data) != want {
			return fmt.Errorf("%w: option %d of %d octets", packet4.ErrMalformed, o.Code, len(o.Data))
		}
	}
	return nil
}

// accept tells whether the message is for this server and its client can be identified.
func (s *server) accept(x *exchange) bool {
	m := &x.request
	drop := func(why string) bool { return s.drop(x, why) }
	if m.Op != packet4.BootRequest {
		return drop("it is a reply")
	}
	switch x.kind {
	case packet4.Discover, packet4.Request, packet4.Decline, packet4.Release, packet4.Inform:
	case bootp:
		if _, has := m.Get(packet4.OptMessageType); has {
			return drop("its type cannot be read")
		}
	default:
		return drop("its type is not one that clients send")
	}
	if m.Relayed() != (m.Hops > 0) { // a relay that sets giaddr also counts hops (RFC 1542 section 4.1.1)
		return drop("only one of giaddr and hops is set")
	}
	x.client = allocate.Client{HWType: m.HType, HWAddr: string(m.CHAddr)}
	if data, ok := m.Get(packet4.OptClientID); ok {
		if id, err := duid.ParseClientID(data); err == nil { // others cannot tell clients apart
			x.client.ID = string(id)
		}
	}
	x.clientID = x.client.ID
	if x.client.ID == "" && allZero(x.client.HWAddr) {
		return drop("the client has neither client identifier nor hardware address")
	}
	if x.kind == packet4.Discover && s.decliners.Resting(x.decliner(), x.port(), x.now) {
		return drop("the client, or those on its port of the relay, declined too many addresses")
	}
	x.unicast = x.packet.Destination.Is4() && s.ours(x.packet.Destination)
	switch {
	case x.unicast:
		x.local = x.packet.Destination
	case len(x.packet.Link.Addrs) > 0:
		x.local = x.packet.Link.Addrs[0]
	default:
		return drop("the interface has no address")
	}
	override, overridden := overriddenID(m)
	if id, ok := m.Addr(packet4.OptServerID); ok && !s.ours(id) && !(overridden && id == override) {
		if x.kind != packet4.Request {
			s.stats.receiveDrop.Add(1)
			s.log.Log(msgPacketNotForUs, x.kind, x.packet.Link.Name, id)
			return false
		}
		x.foreign = true // allocate forgets the offer
	}
	return true
}

func (s *server) drop(x *exchange, why string) bool {
	s.stats.receiveDrop.Add(1)
	s.log.Log(msgPacketProcessFail, x.kind, x.packet.Source, why)
	return false
}

func allZero(s string) bool {
	for i := range len(s) {
		if s[i] != 0 {
			return false
		}
	}
	return true
}

// overriddenID is the server identifier that the relay wants the client to see, so that renewals come by way of the
// relay (RFC 5107). It is the relay's address: answers do not leave from it.
func overriddenID(m *packet4.Message) (netip.Addr, bool) {
	const override = 11
	b, ok := m.SubOption(override)
	if !ok || len(b) != 4 || !m.Relayed() {
		return netip.Addr{}, false
	}
	a := netip.AddrFrom4([4]byte(b))
	return a, !a.IsUnspecified()
}

// identify chooses the address by which the client knows this server: what the relay wants, else where it sent to,
// else one that it can reach (RFC 2131 section 4.1): of an interface with several addresses that in the client's
// network.
func (x *exchange) identify() {
	if !x.unicast && !x.request.Relayed() {
		for _, a := range x.packet.Link.Addrs {
			if x.subnet.Contains(a) {
				x.local = a
				break
			}
		}
	}
	x.serverID = x.local
	if id, ok := overriddenID(&x.request); ok {
		x.serverID = id
	}
}

func (s *server) classify(x *exchange) bool {
	vendor, _ := x.request.Get(packet4.OptVendorClass)
	x.classes = class.Of(vendor)
	if x.kind == bootp {
		x.classes = x.classes.With(class.BOOTP)
	}
	x.classes = x.set.classes.Early(s.evaluator, x, x.classes)
	for _, c := range x.classes {
		s.log.Log(msgClassAssigned, xid(x), c)
	}
	return s.undropped(x)
}

// undropped drops what is in the class that says so.
func (s *server) undropped(x *exchange) bool {
	if x.classes.Has(class.Drop) {
		return s.drop(x, "it is in the class DROP")
	}
	return true
}

func xid(x *exchange) string { return fmt.Sprintf("%08x", x.request.XID) }

// selectSubnet finds where the client is. RELEASE and DECLINE are about an address, wherever it is.
func (s *server) selectSubnet(x *exchange) bool {
	m := &x.request
	if x.kind == packet4.Release || x.kind == packet4.Decline {
		return true
	}
	w := subnet.Where{Relay: m.GIAddr, Interface: x.packet.Link.Name, Local: x.packet.Link.Addrs}
	w.Link, _ = m.Addr(packet4.OptSubnetSelection)                 // RFC 3011
	if b, ok := m.SubOption(5); ok && len(b) == 4 && m.Relayed() { // link selection, RFC 3527, comes first
		w.Link = netip.AddrFrom4([4]byte(b))
	}
	if x.unicast {
		w.Client = m.CIAddr
	}
	var err error
	x.subnet, err = x.set.subnets.Select(w, x.classes)
	switch {
	case err == nil:
		if s.log.Enabled(msgSubnetSelected) {
			s.log.Log(msgSubnetSelected, x.subnet.Prefix, xid(x))
		}
		x.identify()
		if x.subnet.IgnoreClientIDs && !allZero(x.client.HWAddr) {
			x.client.ID = ""
		}
		return true
	case m.Relayed():
		s.noRelaySubnet.Do(func() { s.log.Log(msgSubnetSelectionFailed, xid(x), m.GIAddr, x.packet.Source) })
	default:
		s.noSubnet.Do(func() { s.log.Log(msgNoSubnetDirect, xid(x), x.packet.Link.Name) })
	}
	s.stats.receiveDrop.Add(1)
	return false
}

// onDuty tells whether the client is this node's to serve, and not another one's of the redundancy group.
func (s *server) onDuty(x *exchange) bool {
	d := s.duties()
	if d.Empty() {
		return true
	}
	var at netip.Addr
	switch {
	case x.subnet != nil:
		at = x.subnet.Prefix.Addr()
	case x.kind == packet4.Decline:
		at, _ = x.request.Addr(packet4.OptRequestedIP)
	default:
		at = x.request.CIAddr
	}
	return d.Serves(at, x.packet.Link.Name) || s.drop(x, "this node is backup of the redundancy group "+d.Group(at, x.packet.Link.Name))
}

// send puts the answer into an outbox. Called by the store's goroutine when the exchange changed a lease.
func (s *server) send(x *exchange, o *netif.Outbox) {
	if x.reply != nil {
		s.transmit(o, x.answer, x.packet.Link, x.reply, x.local, x.to)
	}
}

// transmit puts an answer into an outbox.
func transmit(o *netif.Outbox, tag packet4.Type, l *netif.Link, payload []byte, from netip.Addr, to netif.Destination) {
	l.Add(o, uint8(tag), payload, from, to)
}

// sent counts an answer that was sent, or could not be.
func (s *server) sent(answer uint8, to netip.AddrPort, err error) {
	if err != nil {
		s.stats.sendFailed.Add(1)
		s.sendFailed.Do(func() { s.log.Log(msgSendFail, packet4.Type(answer), to, err) })
		return
	}
	count(&s.stats.sent, packet4.Type(answer))
}

// announceNames tells the DHCP-DDNS server what changed. Called by the store's goroutine.
func (s *server) announceNames(x *exchange) {
	for _, c := range x.changes {
		s.announce.Tell(x.set.requests, c.change, c.lease)
	}
}
