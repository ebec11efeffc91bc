package dhcp4

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/packet4"
	"bundy/internal/suite/paths"
)

// TestPingCheck: an address that answers is not offered, the next one is; others are served meanwhile.
func TestPingCheck(t *testing.T) {
	b := newBench(t, `{"ping-check": {"enable-ping-check": true, "reply-timeout": 10, "ping-cltt-secs": 60},
		"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.13"]}]}`)
	var pinged []netip.Addr
	b.ping = func(a netip.Addr) error {
		pinged = append(pinged, a)
		return nil
	}
	next := func() { (<-b.resting.back)() } // when the answer came, or the time was over
	b.expect(b.exchange(packet4.Discover), "")
	b.echoed(addr("192.0.2.10"))
	b.expect(b.exchange(packet4.Discover, "mac=020000000002"), "") // on with another, who gets another address
	next()                                                         // the answer
	if l, _ := b.store.Get(addr("192.0.2.10")); l.State != lease.Declined || l.HWAddr != "" {
		t.Errorf("%+v", l)
	}
	b.expect(b.exchange(packet4.Discover), "") // a repetition waits for the same
	next()
	next()
	if len(b.sent) != 2 {
		t.Fatalf("%d answers", len(b.sent))
	}
	if b.sent[0].CHAddr[5] == 1 { // either may be first
		slices.Reverse(b.sent)
	}
	b.expect(&b.sent[0], "OFFER 192.0.2.11")
	b.expect(&b.sent[1], "OFFER 192.0.2.12")
	b.expect(b.exchange(packet4.Discover), "OFFER 192.0.2.12") // a moment ago it was free
	b.expect(b.exchange(packet4.Request, "want=192.0.2.12", "server=192.0.2.1"), "ACK 192.0.2.12")
	b.expect(b.exchange(packet4.Discover), "OFFER 192.0.2.12") // its own
	if len(pinged) != 3 || b.resting.count != 0 || len(b.asked) != 0 || b.stats.pingConflicts.Load() != 1 {
		t.Errorf("pinged %v, %d rest, %d asked for", pinged, b.resting.count, len(b.asked))
	}

	b.expect(b.exchange(packet4.Discover, "mac=020000000003"), "")
	b.use(settingsOf(t, `{"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.13"]}]}`))
	b.sent = nil
	next() // of a configuration that is gone
	if len(b.sent) > 0 || b.resting.count != 0 {
		t.Errorf("%d answers, %d rest", len(b.sent), b.resting.count)
	}
	b.expect(b.exchange(packet4.Discover, "mac=020000000003"), "OFFER 192.0.2.13") // kept for it
}

// TestRestIsBounded: who makes many wait is not kept beyond a bound.
func TestRestIsBounded(t *testing.T) {
	b := newBench(t, `{"ping-check": {"enable-ping-check": true, "reply-timeout": 2000}, "subnet4": [{"subnet": "10.0.0.0/8", "pool": ["10.0.0.0/8"]}]}`)
	b.ping = func(netip.Addr) error { return nil }
	m := message(t, packet4.Discover, "giaddr=10.0.0.1")
	for i := range maxResting + 100 {
		m.CHAddr = []byte{2, 0, 0, 0, byte(i >> 8), byte(i)}
		b.deliver(&m)
	}
	if b.resting.count != maxResting {
		t.Errorf("%d rest", b.resting.count)
	}
	for _, p := range b.asked {
		if p.timer.Stop() {
			p.over()
		}
	}
	for b.resting.count > 0 {
		(<-b.resting.back)()
	}
	if len(b.asked) > 0 || len(b.sent) != maxResting {
		t.Errorf("%d asked for, %d answers", len(b.asked), len(b.sent))
	}
}

// TestPingOverLoopback: every address of the loopback interface answers, so none is offered.
func TestPingOverLoopback(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("pings need root")
	}
	port := freePort(t)
	c, _ := start(t, paths.Below(t.TempDir()), fmt.Sprintf(`{"interfaces": ["lo"], "server-port": %d, "client-port": %d,
		"ping-check": {"enable-ping-check": true, "reply-timeout": 2000},
		"subnet4": [{"subnet": "127.0.0.0/8", "pool": ["127.1.0.1 - 127.1.0.9"]}]}`, port, port))
	r := newRelay(t, port)
	m := message(t, packet4.Discover, "giaddr=127.0.0.2", "82=1300")
	b, _ := m.Append(nil, 1472)
	if _, err := r.conn.Write(b); err != nil {
		t.Fatal(err)
	}
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for began := time.Now(); c.Stats()["ping-check-conflicts"] != uint64(maxProbes); <-again.C {
		if time.Since(began) > patience {
			t.Fatalf("%v conflicts", c.Stats()["ping-check-conflicts"])
		}
	}
	if got := c.Stats()["pkt4-offer-sent"]; got != uint64(0) {
		t.Errorf("%v offers", got)
	}
}
