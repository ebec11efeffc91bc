package dhcp6

import (
	"encoding/binary"
	"net/netip"
	"path/filepath"
	"testing"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/memfile"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet6"
)

// BenchmarkLease is a new client's SOLICIT and REQUEST, with the lease written to a file. The network is left out.
func BenchmarkLease(b *testing.B) {
	store, err := memfile.Open(filepath.Join(b.TempDir(), leaseFileName), memfile.Options{Family: lease.Family6})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	stats := &counters{}
	s := newServer(nil, stats, announcer(nil), serverDUID)
	s.ours = func(netip.Addr) bool { return false }
	replies := make(chan struct{}, 1)
	s.transmit = func(_ *netif.Outbox, _ packet6.Type, _ *netif.Link6, _ []byte, _ netip.AddrPort) {
		select {
		case replies <- struct{}{}:
		default:
		}
	}
	s.set = settingsOf(b, `{"subnet6": [{"subnet": "2001:db8:1::/64", "interface": "eth0", "pool": ["2001:db8:1::1:0 - 2001:db8:1::ffff:ffff"],
		"option-data": [{"name": "dns-servers", "data": "2001:db8:1::1", "csv-format": true}]}]}`)
	s.Use(store, s.set.subnets, s.set.reclaim, s.announce.To(s.set.requests), s.now())
	link := &netif.Link6{Endpoint6: netif.Endpoint6{Interface6: netif.Interface6{Name: "eth0", LinkLocal: addr("fe80::99")}}}
	solicit, request := message(b, packet6.Solicit, "na=1", "oro=23 24"), message(b, packet6.Request, "server=", "na=1", "oro=23 24")
	b.ReportAllocs()
	n := uint32(0)
	for b.Loop() {
		n++
		for _, m := range []*packet6.Message{&solicit, &request} {
			id := []byte(clientDUID)
			binary.BigEndian.PutUint32(id[6:], n)
			m.Options[len(m.Options)-1].Data = id
			s.serve(netif.Packet6{
				Data: m.Append(nil), Source: netip.MustParseAddrPort("[fe80::1]:546"), Destination: addr("ff02::1:2"), Link: link,
			})
		}
	}
	if err := store.Flush(); err != nil {
		b.Fatal(err)
	}
}
