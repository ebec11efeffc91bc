package dhcp6

import (
	"net/netip"
	"time"

	"bundy/internal/dhcp/duid"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet6"
	"bundy/internal/dhcp/reconfigure"
	"bundy/internal/suite/logging"
)

// callPause is between two goes at calling clients, and callsAtOnce how many are called in one: at most a thousand a
// second, since all of them answer.
const (
	callPause   = 100 * time.Millisecond
	callsAtOnce = 100
)

// maxVisitors bounds the clients without leases whose contact is known, those of INFORMATION-REQUEST, at up to some 2 KB
// each. They are forgotten when the server stops; the one longest unheard of goes first.
const maxVisitors = 4096

// caller calls clients: it sends them RECONFIGURE. It belongs to the server's goroutine.
type caller struct {
	log      *logging.Logger
	stats    *counters
	secret   *reconfigure.Secret // nil: no client is called
	server   string              // our DUID, raw octets
	link     func(name string) *netif.Link6
	transmit func(l *netif.Link6, payload []byte, to netip.AddrPort) error
	schedule reconfigure.Schedule
	timer    *time.Timer // fires when a call is due
	visitors map[string]reconfigure.Contact
	arrivals []string // the visitors, the longest known first
}

func newCaller(log *logging.Logger, stats *counters, id string) *caller {
	c := &caller{
		log: log, stats: stats, server: id, visitors: map[string]reconfigure.Contact{}, timer: time.NewTimer(0),
		link: func(string) *netif.Link6 { return nil }, transmit: (*netif.Link6).Send,
	}
	c.timer.Stop()
	return c
}

// willing tells whether the client of a message accepts to be called, and we might.
func (s *server) willing(x *exchange) bool {
	if s.caller.secret == nil || !x.set.reconfigure || x.duid == "" || !x.message.Options.Has(packet6.OptReconfAccept) {
		return false
	}
	switch x.kind {
	case packet6.Solicit, packet6.Request, packet6.Renew, packet6.Rebind, packet6.InformationRequest:
		return true
	}
	return false
}

// keyed tells whether the answer tells the client its key (RFC 9915 section 20.4.2).
func (x *exchange) keyed() bool {
	switch x.kind {
	case packet6.Request, packet6.InformationRequest:
		return true
	}
	return x.rapid
}

// acceptance adds to an answer that the client may be called, and its key.
func (s *server) acceptance(x *exchange, dst []byte) []byte {
	if !s.willing(x) {
		return dst
	}
	dst = packet6.AppendOption(dst, packet6.OptReconfAccept, nil)
	if x.keyed() {
		dst = packet6.AppendReconfigureKey(dst, s.caller.schedule.Replay(x.now), s.caller.secret.Key(x.duid))
	}
	return dst
}

// contact notes in the user context of a lease where its client can be called. It follows a client that renews from
// another place, and is gone when one gets its lease anew without accepting calls.
func (s *server) contact(x *exchange, context string) string {
	_, known := reconfigure.Noted(context)
	switch {
	case s.willing(x) && (known || x.keyed()):
		with, err := reconfigure.Of(&x.request, x.packet.Link.Name, x.destination()).Note(context)
		if err != nil {
			s.log.Log(msgUnreachable, duid.Hex(x.duid), err)
		}
		return with
	case known && x.keyed():
		return reconfigure.Forget(context)
	}
	return context
}

// visited remembers a client that has no lease and accepts to be called.
func (s *server) visited(x *exchange) {
	if x.kind != packet6.InformationRequest || !s.willing(x) {
		return
	}
	c := reconfigure.Of(&x.request, x.packet.Link.Name, x.destination())
	if _, err := c.Note(""); err != nil { // too long
		return
	}
	v := s.caller
	if _, known := v.visitors[x.duid]; !known {
		if len(v.arrivals) == maxVisitors {
			delete(v.visitors, v.arrivals[0])
			v.arrivals = append(v.arrivals[:0], v.arrivals[1:]...)
		}
		v.arrivals = append(v.arrivals, x.duid)
	}
	v.visitors[x.duid] = c
}

// obeyed ends a call when the client sends what it was asked for. Any of the three will do: it shows that the client has
// heard us.
func (c *caller) obeyed(kind packet6.Type, id string) {
	switch kind {
	case packet6.Renew, packet6.Rebind, packet6.InformationRequest:
		if c.schedule.Answered(id) {
			c.stats.reconfigured.Add(1)
			c.log.Log(msgReconfigured, duid.Hex(id), kind)
		}
	}
}

// call begins to call the clients of leases, each once, and tells how many accept calls and how many do not.
func (c *caller) call(leases []lease.Lease, ask packet6.Type, now time.Time) (told, unable int) {
	c.timer.Reset(0)
	contacts := map[string]*reconfigure.Contact{}
	for _, l := range leases {
		if at, ok := reconfigure.Noted(l.UserContext); ok && l.InUse(now) && l.State == lease.Active {
			contacts[l.DUID] = &at
		} else if _, known := contacts[l.DUID]; !known && l.DUID != "" {
			contacts[l.DUID] = nil
		}
	}
	for id, at := range contacts {
		if at == nil {
			if visitor, ok := c.visitors[id]; ok {
				at = &visitor
			}
		}
		if at == nil || c.secret == nil || !c.schedule.Add(id, ask, *at, now) {
			unable++
			continue
		}
		told++
	}
	return told, unable
}

// send makes the calls that are due, and sets the timer for the next.
func (c *caller) send(now time.Time) {
	for range callsAtOnce {
		call, over, ok := c.schedule.Next(now)
		if !ok {
			break
		}
		if over {
			c.stats.unheeded.Add(1)
			c.log.Log(msgUnheeded, duid.Hex(call.DUID), call.Attempts)
			continue
		}
		link := c.link(call.Contact.Interface)
		if link == nil {
			continue // it may come back
		}
		message := packet6.AppendReconfigure(nil, c.server, call.DUID, call.Ask, c.schedule.Replay(now), c.secret.Key(call.DUID))
		if err := c.transmit(link, call.Contact.Wrap(message), call.Contact.To); err != nil {
			c.stats.sendFailed.Add(1)
			c.log.Log(msgReconfigureFail, duid.Hex(call.DUID), call.Contact.To, err)
			continue
		}
		count(&c.stats.sent, packet6.Reconfigure)
		c.log.Log(msgReconfigure, duid.Hex(call.DUID), call.Ask, call.Contact.To)
	}
	if due, ok := c.schedule.Due(); ok {
		c.timer.Reset(max(callPause, due.Sub(now)))
	}
}
