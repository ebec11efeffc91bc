package announce

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/dhcid"
	"bundy/internal/naming/ncr"
)

// queueLength bounds the name change requests that wait (the original's number). What does not fit is counted and
// lost, which is harmless: the DHCP-DDNS server follows the leases themselves.
const queueLength = 1024

// Announcer sends name change requests from a goroutine of its own.
type Announcer struct {
	queued func(ncr.Request)
	failed func(netip.AddrPort, error)
	queue  chan announcement

	sent, lost atomic.Uint64
}

type announcement struct {
	server  netip.AddrPort
	request ncr.Request
}

// New makes an announcer. queued is told of each request that waits to be sent, by the goroutine that calls Tell; failed
// of each that could not be sent, by that of Run.
func New(queued func(ncr.Request), failed func(server netip.AddrPort, err error)) *Announcer {
	return &Announcer{queued: queued, failed: failed, queue: make(chan announcement, queueLength)}
}

// Sent is the number of requests sent.
func (a *Announcer) Sent() uint64 { return a.sent.Load() }

// Lost is the number of requests that could not be made, queued or sent.
func (a *Announcer) Lost() uint64 { return a.lost.Load() }

// Tell queues one request about the names of a lease. A lease without names gives none, and nothing is told to the
// invalid address. It may be called from any goroutine and never waits.
func (a *Announcer) Tell(server netip.AddrPort, change ncr.Change, l lease.Lease) {
	if !server.IsValid() || !l.FQDNForward && !l.FQDNReverse {
		return
	}
	name, err := wire.ParseName(l.Hostname)
	id := dhcid.Of(l)
	if err != nil || id.IsZero() {
		a.lost.Add(1)
		return
	}
	r := ncr.Request{
		Change: change, Forward: l.FQDNForward, Reverse: l.FQDNReverse, Name: name, Address: l.Address,
		DHCID: id.RDATA(name), Expires: l.Expire(), Length: l.ValidLifetime,
	}
	select {
	case a.queue <- announcement{server, r}:
		a.queued(r)
	default:
		a.lost.Add(1)
	}
}

// Run sends until ctx ends.
func (a *Announcer) Run(ctx context.Context) {
	var conn net.Conn
	var server netip.AddrPort
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-a.queue:
			if conn != nil && server != n.server {
				conn.Close()
				conn = nil
			}
			server = n.server
			var err error
			if conn == nil {
				conn, err = net.Dial("udp", server.String())
			}
			if err == nil {
				_, err = conn.Write(n.request.Append(nil, ncr.Bundy))
			}
			if err != nil {
				a.lost.Add(1)
				a.failed(server, err)
				continue
			}
			a.sent.Add(1)
		}
	}
}

// Recipient is where the changes of the names of some leases are told.
type Recipient struct {
	announcer *Announcer
	server    netip.AddrPort
}

// To gives the recipient at a server; at the invalid address there is none.
func (a *Announcer) To(server netip.AddrPort) Recipient { return Recipient{a, server} }

// Added tells that a lease is there.
func (r Recipient) Added(l lease.Lease) { r.announcer.Tell(r.server, ncr.Add, l) }

// Removed tells that a lease is not there any more, or not as it was.
func (r Recipient) Removed(l lease.Lease) { r.announcer.Tell(r.server, ncr.Remove, l) }
