package announce

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/naming/ncr"
)

func named(host string) lease.Lease {
	return lease.Lease{
		Address: netip.MustParseAddr("192.0.2.10"), HWType: 1, HWAddr: "\x02\x00\x00\x00\x00\x01", Hostname: host,
		FQDNForward: true, FQDNReverse: true, ValidLifetime: 60, Start: time.Unix(1_700_000_000, 0).UTC(),
	}
}

// TestTell: what is sent is what was told, in order, and what has no names or cannot have them is not.
func TestTell(t *testing.T) {
	d2, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer d2.Close()
	server := d2.LocalAddr().(*net.UDPAddr).AddrPort()
	queued := 0
	a := New(func(ncr.Request) { queued++ }, func(_ netip.AddrPort, err error) { t.Error(err) })
	go a.Run(t.Context())
	nameless := named("pc.lab.test.")
	nameless.FQDNForward, nameless.FQDNReverse = false, false
	a.Tell(server, ncr.Add, nameless)
	a.Tell(netip.AddrPort{}, ncr.Add, named("pc.lab.test."))
	a.Tell(server, ncr.Add, named("a..b"))
	a.Tell(server, ncr.Add, named("pc.lab.test."))
	a.Tell(server, ncr.Remove, named("pc.lab.test."))
	b := make([]byte, 2048)
	for _, want := range []ncr.Change{ncr.Add, ncr.Remove} {
		n, _, err := d2.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := ncr.Parse(b[:n]); err != nil || r.Change != want || r.Name.String() != "pc.lab.test." {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if queued != 2 || a.Lost() != 1 {
		t.Errorf("%d queued, %d lost", queued, a.Lost())
	}
}

// TestFull: who tells more than can wait loses the rest, and does not wait.
func TestFull(t *testing.T) {
	a := New(func(ncr.Request) {}, nil)
	for range queueLength + 7 {
		a.Tell(netip.MustParseAddrPort("127.0.0.1:9"), ncr.Add, named("pc.lab.test."))
	}
	if a.Lost() != 7 {
		t.Errorf("%d lost", a.Lost())
	}
}
