package dhcp4

import (
	"net/netip"
	"slices"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/class"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/packet4"
	"bundy/internal/dhcp/subnet"
)

// reservation finds what is reserved for the client, and the classes that it belongs to for that. RELEASE and DECLINE
// need none.
func (s *server) reservation(x *exchange) bool {
	if x.subnet == nil {
		return true
	}
	ids := s.identifiers(x)
	x.usable = x.subnet.Network.Allowed(x.subnet, x.classes)
	for i, sub := range x.usable {
		if x.host = sub.Host(ids); x.host != nil {
			x.usable = slices.Insert(slices.Delete(slices.Clone(x.usable), i, i+1), 0, sub) // where it is known, first
			break
		}
	}
	if x.host == nil {
		x.classes = x.classes.With(class.Unknown)
	} else {
		x.classes = x.classes.With(class.Known)
		for _, name := range x.host.Classes {
			x.classes = x.classes.With(name)
		}
	}
	x.classes = x.set.classes.Late(s.evaluator, x, x.classes)
	x.usable = slices.DeleteFunc(slices.Clone(x.usable), func(sub *subnet.Subnet) bool { return !sub.Allows(x.classes) })
	if len(x.usable) == 0 {
		return s.drop(x, "its classes may not use a subnet of its link")
	}
	x.subnet = x.usable[0]
	return s.undropped(x)
}

// maxResting bounds the exchanges that wait for a slow database or an answer to a ping: at about 2 KB each some 8 MB.
const maxResting = 4096

// resting are exchanges that wait for something, to be taken up again by the server's goroutine.
type resting struct {
	back  chan func()
	count int
}

func newResting() resting { return resting{back: make(chan func(), maxResting)} }

// rest keeps an exchange while others are served. wake may be called once, from any goroutine; then the server's
// goroutine goes on with it, unless the configuration has changed, which the client's next message will see. false: too
// many wait already.
func (s *server) rest(x *exchange) (wake func(then func()), ok bool) {
	if s.resting.count >= maxResting {
		s.stats.restDrop.Add(1)
		return nil, false
	}
	s.resting.count++
	x.users.Add(1)                              // for good: it is not used again
	x.packet.Data = slices.Clone(x.packet.Data) // the buffer goes back
	x.request, _ = packet4.Parse(x.packet.Data) // the same octets were read without error before
	return func(then func()) {
		s.resting.back <- func() { // has room for all that rest
			s.resting.count--
			if x.set == s.set {
				x.now = s.now()
				then()
			}
		}
	}, true
}

// read makes what is known about the client readable and goes on: at once with leases in memory, later with a database.
func (s *server) read(x *exchange, then func(*exchange)) {
	who := lease.Who{ClientID: x.client.ID, HWType: x.client.HWType, HWAddr: x.client.HWAddr}
	if a, ok := x.request.Addr(packet4.OptRequestedIP); ok {
		who.Addresses = append(who.Addresses, a)
	}
	if !x.request.CIAddr.IsUnspecified() {
		who.Addresses = append(who.Addresses, x.request.CIAddr)
	}
	if x.host != nil {
		who.Addresses = append(who.Addresses, x.host.Addresses...)
	}
	read := make(chan error, 1)
	s.Store.Prepare(who, func(err error) { read <- err })
	select {
	case err := <-read:
		s.known(x, err, then)
		return
	default:
	}
	wake, ok := s.rest(x)
	if !ok {
		return
	}
	go func() {
		err := <-read
		wake(func() { s.known(x, err, then) })
	}()
}

func (s *server) known(x *exchange, err error, then func(*exchange)) {
	if err != nil {
		s.stats.storeFailed.Add(1)
		s.storeFailed.Do(func() { s.log.Log(msgStoreReadFail, x.request.CHAddr, err) })
		return
	}
	then(x)
}

// query is what decisions about the client's address need to know.
func (s *server) query(x *exchange) allocate.Query {
	q := allocate.Query{
		Subnets: x.usable, Classes: x.classes, Host: x.host, Client: x.client, Now: x.now,
		Occupied: func(a netip.Addr) bool { return s.ours(a) || x.request.Relayed() && a == x.request.GIAddr },
	}
	if x.subnet != nil {
		q.Authoritative = x.subnet.Authoritative
	}
	if x.kind == bootp {
		q.Only = class.BOOTP
	}
	return q
}
