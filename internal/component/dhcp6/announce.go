package dhcp6

import (
	"context"
	"net"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/dhcid"
	"bundy/internal/naming/ncr"
	"bundy/internal/suite/logging"
)

// announceQueue bounds the name change requests that wait (the original's number). What does not fit is counted and
// lost, which is harmless: the DHCP-DDNS server follows the leases themselves.
const announceQueue = 1024

// announcer sends name change requests from a goroutine of its own, so that no client waits for it.
type announcer struct {
	log     *logging.Logger
	stats   *counters
	queue   chan announcement
	limited *rate.Sometimes
}

type announcement struct {
	server  netip.AddrPort
	request ncr.Request
}

func newAnnouncer(log *logging.Logger, stats *counters) *announcer {
	return &announcer{
		log: log, stats: stats, queue: make(chan announcement, announceQueue),
		limited: &rate.Sometimes{First: logFirst, Interval: logInterval},
	}
}

// tell queues one request about the names of a lease. A lease without names gives none. It may be called from any
// goroutine and never waits.
func (a *announcer) tell(server netip.AddrPort, change ncr.Change, l lease.Lease) {
	if !server.IsValid() || !l.FQDNForward && !l.FQDNReverse {
		return
	}
	name, err := wire.ParseName(l.Hostname)
	id := dhcid.Of(l)
	if err != nil || id.IsZero() {
		a.stats.ncrLost.Add(1)
		return
	}
	r := ncr.Request{
		Change: change, Forward: l.FQDNForward, Reverse: l.FQDNReverse, Name: name, Address: l.Address,
		DHCID: id.RDATA(name), Expires: l.Expire(), Length: l.ValidLifetime,
	}
	select {
	case a.queue <- announcement{server, r}:
		a.log.Log(msgQueueNCR, change, name, l.Address)
	default:
		a.stats.ncrLost.Add(1)
	}
}

// run sends until ctx ends.
func (a *announcer) run(ctx context.Context) {
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
				a.stats.ncrLost.Add(1)
				a.limited.Do(func() { a.log.Log(msgNCRSendFail, server, err) })
				continue
			}
			a.stats.ncrSent.Add(1)
		}
	}
}

// Messages that every packet can cause are logged a few times and then at most once an interval.
const (
	logFirst    = 5
	logInterval = 10 * time.Second
)
