package dhcp6

import (
	"bytes"
	"net/netip"
	"testing"

	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet6"
)

// TestEveryOptionWithEveryMessage is about one packet that kills the server (as CVE-2019-6472 to 6474 did Kea's, and
// CVE-2022-0934 dnsmasq). Each option comes with each message, empty, short, as expected, long, and nested, from clients
// here, through relay agents, by unicast, and where no subnet is. Afterwards a client is served as ever.
func TestEveryOptionWithEveryMessage(t *testing.T) {
	here := newBench(t, basicConfig)
	nowhere := newBench(t, `{"subnet6": [{"subnet": "2001:db8:9999::/64"}]}`)
	nested := packet6.AppendOption(make([]byte, 12), packet6.OptIAAddr, append(addr("2001:db8:1::10").AsSlice(), 0, 0, 0, 0, 0, 0, 0, 0))
	shapes := [][]byte{
		nil, {0}, {0, 23}, {0, 0, 0, 1}, make([]byte, 12), nested, bytes.Repeat([]byte{0xff}, 40),
		[]byte("\x00\x03\x00\x01\x02\x00\x00\x00\x00\x01"), []byte("\x01\x02..\x00"), bytes.Repeat([]byte{0xfe}, 300),
	}
	for kind := packet6.Type(0); kind <= packet6.AddrRegReply+2; kind++ {
		for code := uint16(0); code <= 150; code++ {
			for _, shape := range shapes {
				for _, parts := range [][]string{nil, {"server=", "na=1 2001:db8:1::10", "pd=2"}} {
					m := message(t, kind, parts...)
					m.Options = append(m.Options, packet6.Option{Code: code, Data: shape})
					direct := m.Append(nil)
					a := addr("2001:db8:1::1").As16()
					relayed := append(append(append([]byte{byte(packet6.RelayForward), 0}, a[:]...), a[:]...),
						packet6.AppendOption(packet6.AppendOption(nil, code, shape), packet6.OptRelayMessage, direct)...)
					for _, data := range [][]byte{direct, relayed} {
						for _, b := range []*bench{here, nowhere} {
							b.serve(netif.Packet6{
								Data: bytes.Clone(data), Link: b.link, Source: netip.MustParseAddrPort("[fe80::1]:546"), Destination: addr("ff02::1:2"),
							})
						}
					}
				}
			}
		}
	}
	for _, b := range []*bench{here, nowhere} {
		if err := b.store.Flush(); err != nil {
			t.Fatal(err)
		}
		b.Settle(b.clock)
	}
	here.clock = here.clock.Add(48 * 3600 * 1e9)
	here.Reclaim(here.clock)
	if err := here.store.Flush(); err != nil {
		t.Fatal(err)
	}
	here.expect("ADVERTISE na1:2001:db8:1::12(3000,4000)", packet6.Solicit, "client="+otherDUID, "na=1 2001:db8:1::12")
}

// TestNesting: relay agents in relay agents are followed as far as RFC 9915 section 19.1.2 lets them count (8 by default, at
// most 32 levels), and a packet of nothing else costs no more.
func TestNesting(t *testing.T) {
	b := newBench(t, basicConfig)
	for _, n := range []int{1, 8, 32, 33, 40} {
		m := message(t, packet6.Solicit, "na=1")
		data := m.Append(nil)
		a := addr("2001:db8:1::1").As16()
		for i := range n {
			data = append(append(append([]byte{byte(packet6.RelayForward), byte(i)}, a[:]...), a[:]...), packet6.AppendOption(nil, packet6.OptRelayMessage, data)...)
		}
		failed := b.stats.parseFailed.Load()
		b.serve(netif.Packet6{Data: data, Link: b.link, Source: netip.MustParseAddrPort("[2001:db8::1]:547"), Destination: addr("ff02::1:3")})
		if refused := b.stats.parseFailed.Load() > failed; refused != (n > packet6.MaxRelays) {
			t.Errorf("%d levels: refused %v", n, refused)
		}
	}
}
