package dhcp4

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/memfile"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet4"
)

// BenchmarkLease measures DISCOVER, OFFER, REQUEST and ACK of a new client through a relay, with leases on disk.
func BenchmarkLease(b *testing.B) {
	store, err := memfile.Open(b.TempDir()+"/leases.csv", memfile.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	stats := &counters{}
	s := newServer(nil, stats, announcer(nil))
	link := &netif.Link{Interface: netif.Interface{Name: "eth0", Addrs: []netip.Addr{addr("10.64.0.1")}}}
	var address [4]byte
	s.ours = link.Has
	s.transmit = func(_ *netif.Outbox, _ packet4.Type, _ *netif.Link, payload []byte, _ netip.Addr, _ netif.Destination) {
		if len(payload) > 20 && payload[242] == byte(packet4.Offer) {
			address = [4]byte(payload[16:])
		}
	}
	s.set = settingsOf(b, `{"subnet4": [{"subnet": "10.64.0.0/12", "pool": ["10.65.0.0 - 10.79.255.254"]}]}`)
	s.Use(store, s.set.subnets, s.set.reclaim, s.announce.To(s.set.requests), s.now())
	discover := message(b, packet4.Discover, "giaddr=10.64.0.2")
	request := message(b, packet4.Request, "giaddr=10.64.0.2", "server=10.64.0.1")
	b.ReportAllocs()
	for i := uint32(1); b.Loop(); i++ {
		for _, m := range []*packet4.Message{&discover, &request} {
			binary.BigEndian.PutUint32(m.CHAddr[2:], i)
			if m == &request {
				m.Set(packet4.OptRequestedIP, address[:])
			}
			data, _ := m.Append(nil, 1472)
			s.serve(netif.Packet{Data: data, Link: link, Destination: addr("10.64.0.1")})
		}
	}
	if err := store.Flush(); err != nil {
		b.Fatal(err)
	}
	leases := 0
	store.All(func(lease.Lease) bool { leases++; return true })
	b.ReportMetric(float64(leases)/float64(b.N), "leases/op")
}
