package dhcp4

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/decline"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/memfile"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet4"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/naming/announce"
	"bundy/internal/naming/ncr"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// bench is a server on one interface 192.0.2.1, without network.
type bench struct {
	testing.TB
	*server
	link   *netif.Link
	store  lease.Store
	clock  time.Time
	mu     sync.Mutex
	sent   []outgoing
	faulty bool          // the disk of the store may fail
	names  []ncr.Request // changes that the DHCP-DDNS server was told of
}

type outgoing struct {
	packet4.Message
	from netip.Addr
	to   netif.Destination
}

const basicConfig = `{
	"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.12"], "valid-lifetime": 4000}],
	"option-data": [
		{"name": "routers", "code": 3, "data": "192.0.2.1", "csv-format": true},
		{"name": "domain-name-servers", "data": "192.0.2.53, 192.0.2.54", "csv-format": true},
		{"name": "domain-name", "data": "lab.test", "csv-format": true},
		{"name": "ntp-servers", "data": "192.0.2.123", "csv-format": true}
	],
	"dhcp-ddns": {"enable-updates": true, "qualifying-suffix": "lab.test"}
}`

func settingsOf(t testing.TB, config string) *settings {
	t.Helper()
	return settingsWith(t, config, nil)
}

func settingsWith(t testing.TB, config string, known subnet.Identities) *settings {
	t.Helper()
	v, err := schema.Parse([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	p := paths.Below(t.TempDir())
	set, errs := build(Descriptor(p).Spec, v.(schema.Section), p, known)
	for _, err := range errs {
		t.Error(err)
	}
	if len(errs) > 0 {
		t.FailNow()
	}
	return set
}

func newBench(t testing.TB, config string) *bench {
	t.Helper()
	return benchOf(t, settingsOf(t, config))
}

func benchOf(t testing.TB, set *settings) *bench {
	store, err := memfile.Open("", memfile.Options{Volatile: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return benchWith(t, set, store)
}

func benchWith(t testing.TB, set *settings, store lease.Store) *bench {
	stats := &counters{}
	b := &bench{
		TB: t, store: store, clock: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		server: newServer(nil, stats, nil),
		link: &netif.Link{Interface: netif.Interface{
			Index: 2, Name: "eth0", Addrs: []netip.Addr{addr("198.51.100.1"), addr("192.0.2.1")}, Ethernet: true,
		}},
	}
	b.announce = announce.New(func(r ncr.Request) { b.told(r) }, nil)
	b.now = func() time.Time { return b.clock }
	b.ours = b.link.Has
	b.transmit = func(_ *netif.Outbox, _ packet4.Type, _ *netif.Link, payload []byte, from netip.Addr, to netif.Destination) {
		m, err := packet4.Parse(slices.Clone(payload))
		if err != nil {
			t.Errorf("sent %x: %v", payload, err)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.sent = append(b.sent, outgoing{m, from, to})
	}
	b.use(set)
	return b
}

func (b *bench) use(set *settings) {
	b.set = set
	clear(b.merged)
	clear(b.full)
	store := b.store // the first time
	if b.Book != nil {
		store = nil
	}
	b.Use(store, set.subnets, set.reclaim, b.announce.To(set.requests), b.clock)
}

func (b *bench) told(r ncr.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names = append(b.names, r)
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// message is a client's message; parts are "key=value" as explained in the cases.
func message(t testing.TB, kind packet4.Type, parts ...string) packet4.Message {
	zero := netip.IPv4Unspecified()
	m := packet4.Message{
		Op: packet4.BootRequest, HType: 1, XID: 0x1234, CHAddr: []byte{2, 0, 0, 0, 0, 1},
		CIAddr: zero, YIAddr: zero, SIAddr: zero, GIAddr: zero,
	}
	m.SetType(kind)
	for _, part := range parts {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "mac":
			m.CHAddr, _ = hex.DecodeString(value)
		case "id":
			m.Set(packet4.OptClientID, []byte(value))
		case "want":
			m.SetAddr(packet4.OptRequestedIP, addr(value))
		case "server":
			m.SetAddr(packet4.OptServerID, addr(value))
		case "ciaddr":
			m.CIAddr = addr(value)
		case "giaddr":
			m.GIAddr, m.Hops = addr(value), 1
		case "host":
			m.Set(packet4.OptHostName, []byte(value))
		case "vendor":
			m.Set(packet4.OptVendorClass, []byte(value))
		case "broadcast":
			m.Flags = packet4.FlagBroadcast
		case "to": // destination address of the datagram; see exchange
		default: // code=hex
			var code uint8
			if _, err := fmt.Sscan(key, &code); err != nil {
				t.Fatalf("part %q", part)
			}
			data, err := hex.DecodeString(value)
			if err != nil {
				t.Fatalf("part %q", part)
			}
			m.Set(code, data)
		}
	}
	return m
}

// exchange sends a message and gives the answer, nil for silence.
func (b *bench) exchange(kind packet4.Type, parts ...string) *outgoing {
	b.Helper()
	m := message(b, kind, parts...)
	data, _ := m.Append(nil, 1472)
	p := netif.Packet{
		Data: data, Link: b.link, Source: netip.MustParseAddrPort("0.0.0.0:68"), Destination: addr("255.255.255.255"),
	}
	for _, part := range parts {
		if to, ok := strings.CutPrefix(part, "to="); ok {
			p.Destination, p.Source = addr(to), netip.AddrPortFrom(m.CIAddr, 68)
		}
	}
	b.sent = nil
	b.serve(p)
	clear(data) // the pipeline must not have kept it
	return b.answer()
}

// deliver sends a broadcast.
func (b *bench) deliver(m *packet4.Message) {
	b.Helper()
	data, _ := m.Append(nil, 1472)
	b.serve(netif.Packet{
		Data: data, Link: b.link, Source: netip.MustParseAddrPort("0.0.0.0:68"), Destination: addr("255.255.255.255"),
	})
	b.answer()
}

// answer waits until all is done, and gives the answer.
func (b *bench) answer() *outgoing {
	b.Helper()
	if err := b.store.Flush(); err != nil && !b.faulty {
		b.Fatal(err)
	}
	b.Settle(b.clock)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch len(b.sent) {
	case 0:
		return nil
	case 1:
		return &b.sent[0]
	}
	b.Fatalf("%d answers", len(b.sent))
	return nil
}

// expect checks kind and address of an answer; "" is silence.
func (b *bench) expect(got *outgoing, want string) {
	b.Helper()
	text := ""
	if got != nil {
		text = strings.TrimSuffix(got.Type().String()+" "+got.YIAddr.String(), " 0.0.0.0")
	}
	if text != want {
		b.Errorf("answer %q instead of %q", text, want)
	}
}

// announced takes what was queued for the DHCP-DDNS server.
func (b *bench) announced() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, r := range b.names {
		if len(r.DHCID) == 0 {
			b.Error("no DHCID")
		}
		out = append(out, fmt.Sprintf("%v %s %v %s", r.Change, r.Name, r.Address, direction(r)))
	}
	b.names = nil
	return out
}

func direction(r ncr.Request) string {
	switch {
	case r.Forward && r.Reverse:
		return "both"
	case r.Forward:
		return "forward"
	}
	return "reverse"
}

func TestFourWay(t *testing.T) {
	b := newBench(t, basicConfig)
	offer := b.exchange(packet4.Discover, "host=pc1", "55=0103060f2a", "id=\x01\x02\x00\x00\x00\x00\x01")
	b.expect(offer, "OFFER 192.0.2.10")
	if _, ok := b.store.Get(addr("192.0.2.10")); ok {
		t.Error("an offer is not a lease")
	}
	ack := b.exchange(packet4.Request, "host=pc1", "55=0103060f2a", "want=192.0.2.10", "server=198.51.100.1", "id=\x01\x02\x00\x00\x00\x00\x01")
	b.expect(ack, "ACK 192.0.2.10")
	for code, want := range map[uint8]string{
		1: "ffffff00", 3: "c0000201", 6: "c0000235c0000236", 15: hex.EncodeToString([]byte("lab.test")), 42: "c000027b",
		51: "00000fa0", 53: "05", 54: "c0000201", 58: "000003e8", 59: "000007d0", 61: "01020000000001",
		12: hex.EncodeToString([]byte("pc1.lab.test")),
	} {
		if got, _ := ack.Get(code); hex.EncodeToString(got) != want {
			t.Errorf("option %d: %x instead of %s", code, got, want)
		}
	}
	if ack.to.HWAddr != "\x02\x00\x00\x00\x00\x01" || ack.to.To != netip.MustParseAddrPort("192.0.2.10:68") {
		t.Errorf("answer sent to %+v", ack.to)
	}
	l, _ := b.store.Get(addr("192.0.2.10"))
	want := lease.Lease{
		Address: addr("192.0.2.10"), HWType: 1, HWAddr: "\x02\x00\x00\x00\x00\x01", ClientID: "\x01\x02\x00\x00\x00\x00\x01",
		ValidLifetime: 4000, Start: b.clock, SubnetID: 1, FQDNForward: true, FQDNReverse: true, Hostname: "pc1.lab.test.",
		UserContext: `{"said":"host pc1"}`,
	}
	if l != want {
		t.Errorf("lease %+v\ninstead of %+v", l, want)
	}
	if got := b.announced(); !slices.Equal(got, []string{"add pc1.lab.test. 192.0.2.10 both"}) {
		t.Errorf("announced %q", got)
	}
}

// step is one message after the ones before it.
type step struct {
	kind  packet4.Type
	parts string
	want  string
	names string // what is announced, joined by "; "
}

func run(t *testing.T, b *bench, steps []step) {
	t.Helper()
	for i, s := range steps {
		got := b.exchange(s.kind, strings.Fields(s.parts)...)
		text := ""
		if got != nil {
			text = strings.TrimSuffix(got.Type().String()+" "+got.YIAddr.String(), " 0.0.0.0")
		}
		if text != s.want {
			t.Errorf("step %d %v %s: answer %q instead of %q", i, s.kind, s.parts, text, s.want)
		}
		if names := strings.Join(b.announced(), "; "); names != s.names {
			t.Errorf("step %d %v %s: announced %q instead of %q", i, s.kind, s.parts, names, s.names)
		}
	}
}

func TestExchanges(t *testing.T) {
	const (
		ours  = "198.51.100.1"
		other = "192.0.2.99"
	)
	authoritative := strings.Replace(basicConfig, "{", `{"authoritative": true,`, 1)
	for _, c := range []struct {
		name, config string
		steps        []step
	}{
		{"requested address is offered", basicConfig, []step{
			{packet4.Discover, "want=192.0.2.12", "OFFER 192.0.2.12", ""},
			{packet4.Discover, "mac=020000000002 want=192.0.2.12", "OFFER 192.0.2.10", ""}, // kept for the first
			{packet4.Discover, "mac=020000000003 want=10.1.1.1", "OFFER 192.0.2.11", ""},
			{packet4.Discover, "mac=020000000004", "", ""}, // pool is full: silence
			{packet4.Discover, "want=192.0.2.11", "OFFER 192.0.2.12", ""},
		}},
		{"the server's and the relay's own addresses", strings.Replace(basicConfig, "192.0.2.10 - 192.0.2.12", "192.0.2.1 - 192.0.2.3", 1), []step{
			{packet4.Discover, "want=192.0.2.1", "OFFER 192.0.2.2", ""},
			{packet4.Request, "want=192.0.2.1 server=" + ours, "NAK", ""},
			{packet4.Discover, "mac=020000000002 giaddr=192.0.2.3", "", ""}, // nothing is left
		}},
		{"another server is chosen", basicConfig, []step{
			{packet4.Discover, "", "OFFER 192.0.2.10", ""},
			{packet4.Request, "want=192.0.2.99 server=" + other, "", ""},
			{packet4.Discover, "mac=020000000002 want=192.0.2.10", "OFFER 192.0.2.10", ""},
		}},
		{"selecting what others have", basicConfig, []step{
			{packet4.Request, "want=192.0.2.10 server=" + ours, "ACK 192.0.2.10", ""},
			{packet4.Request, "mac=020000000002 want=192.0.2.10 server=" + ours, "NAK", ""},
			{packet4.Request, "mac=020000000002 want=192.0.2.99 server=" + ours, "NAK", ""},
			{packet4.Request, "mac=020000000002 server=" + ours, "", ""},
			{packet4.Request, "mac=020000000002 want=192.0.2.11 server=" + ours, "ACK 192.0.2.11", ""},
		}},
		{"init-reboot", basicConfig, []step{
			{packet4.Request, "want=192.0.2.10", "", ""},  // unknown client: silence
			{packet4.Request, "want=192.0.2.99", "", ""},  // the same outside of the pool
			{packet4.Request, "want=10.1.1.1", "NAK", ""}, // wrong network
			{packet4.Request, "want=192.0.2.10 server=" + ours, "ACK 192.0.2.10", ""},
			{packet4.Request, "want=192.0.2.10", "ACK 192.0.2.10", ""},
			{packet4.Request, "want=192.0.2.11", "NAK", ""}, // it has another
			{packet4.Request, "mac=020000000002 want=192.0.2.10", "NAK", ""},
		}},
		{"init-reboot, authoritative", authoritative, []step{
			{packet4.Request, "want=192.0.2.99", "NAK", ""},
			{packet4.Request, "want=192.0.2.12", "ACK 192.0.2.12", ""},
		}},
		{"renew and rebind", basicConfig, []step{
			{packet4.Request, "ciaddr=192.0.2.11", "", ""},                            // rebinding, unknown
			{packet4.Request, "ciaddr=192.0.2.11 to=192.0.2.1", "ACK 192.0.2.11", ""}, // renewing a lease that was lost
			{packet4.Request, "ciaddr=192.0.2.11", "ACK 192.0.2.11", ""},
			{packet4.Request, "ciaddr=192.0.2.11 mac=020000000002", "NAK", ""},
			{packet4.Request, "ciaddr=192.0.2.11 mac=020000000002 to=192.0.2.1", "NAK", ""},
			{packet4.Request, "ciaddr=203.0.113.1", "NAK", ""},           // rebinding in the wrong network
			{packet4.Request, "ciaddr=203.0.113.1 to=192.0.2.1", "", ""}, // no subnet
		}},
		{"client identifier before hardware address", basicConfig, []step{
			{packet4.Request, "id=one want=192.0.2.10 server=" + ours, "ACK 192.0.2.10", ""},
			{packet4.Discover, "id=two", "OFFER 192.0.2.11", ""}, // the same machine, another system
			{packet4.Discover, "", "OFFER 192.0.2.10", ""},       // without identifier the hardware address counts
			{packet4.Request, "want=192.0.2.10 server=" + ours, "ACK 192.0.2.10", ""},
			{packet4.Discover, "id=one mac=020000000009", "OFFER 192.0.2.10", ""},
		}},
		{"release", basicConfig, []step{
			{packet4.Request, "want=192.0.2.10 host=a server=" + ours, "ACK 192.0.2.10", "add a.lab.test. 192.0.2.10 both"},
			{packet4.Release, "ciaddr=192.0.2.10 mac=020000000002 to=192.0.2.1 server=192.0.2.1", "", ""},
			{packet4.Release, "ciaddr=192.0.2.10 to=192.0.2.1 server=" + other, "", ""},
			{packet4.Release, "ciaddr=192.0.2.10 to=192.0.2.1 server=192.0.2.1", "", "remove a.lab.test. 192.0.2.10 both"},
			{packet4.Release, "ciaddr=192.0.2.10 to=192.0.2.1 server=192.0.2.1", "", ""},
			{packet4.Request, "want=192.0.2.10", "", ""},
		}},
		{"decline", basicConfig, []step{
			{packet4.Request, "want=192.0.2.10 host=a server=" + ours, "ACK 192.0.2.10", "add a.lab.test. 192.0.2.10 both"},
			{packet4.Decline, "want=192.0.2.10 mac=020000000002 server=" + ours, "", ""},
			{packet4.Decline, "want=192.0.2.10 server=" + ours, "", "remove a.lab.test. 192.0.2.10 both"},
			{packet4.Decline, "want=192.0.2.10 server=" + ours, "", ""},
			{packet4.Request, "want=192.0.2.10", "NAK", ""},
			{packet4.Discover, "want=192.0.2.10", "OFFER 192.0.2.11", ""},
		}},
		{"inform", basicConfig, []step{
			{packet4.Inform, "ciaddr=192.0.2.77", "ACK", ""},
			{packet4.Inform, "ciaddr=192.0.2.77 to=192.0.2.1", "ACK", ""},
			{packet4.Inform, "ciaddr=203.0.113.1 to=192.0.2.1", "", ""},
		}},
		{"names change", basicConfig, []step{
			{packet4.Request, "want=192.0.2.10 host=a server=" + ours, "ACK 192.0.2.10", "add a.lab.test. 192.0.2.10 both"},
			{packet4.Request, "ciaddr=192.0.2.10 host=a to=192.0.2.1", "ACK 192.0.2.10", ""},
			{packet4.Request, "ciaddr=192.0.2.10 to=192.0.2.1", "ACK 192.0.2.10", ""}, // name left out: kept
			{packet4.Request, "ciaddr=192.0.2.10 host=b to=192.0.2.1", "ACK 192.0.2.10",
				"remove a.lab.test. 192.0.2.10 both; add b.lab.test. 192.0.2.10 both"},
			{packet4.Request, "want=192.0.2.11 host=b server=" + ours, "ACK 192.0.2.11", // moves
				"remove b.lab.test. 192.0.2.10 both; add b.lab.test. 192.0.2.11 both"},
			{packet4.Discover, "mac=020000000002 want=192.0.2.10", "OFFER 192.0.2.10", ""},
		}},
		{"FQDN", basicConfig, []step{
			{packet4.Request, "want=192.0.2.10 81=0400000461626364 server=" + ours, "ACK 192.0.2.10", // E: no end of name
				"add abcd.lab.test. 192.0.2.10 reverse"},
			{packet4.Request, "want=192.0.2.11 mac=020000000002 81=0100006e server=" + ours, "ACK 192.0.2.11",
				"add n.lab.test. 192.0.2.11 both"},
			{packet4.Request, "want=192.0.2.12 mac=020000000003 81=0900006e server=" + ours, "", ""}, // N and S
			{packet4.Request, "want=192.0.2.12 mac=020000000003 81=0800006e server=" + ours, "ACK 192.0.2.12", ""},
		}},
		{"malformed", basicConfig, []step{
			{packet4.Discover, "50=c00002", "", ""},
			{packet4.Discover, "54=c0", "", ""},
			{packet4.Discover, "57=40", "", ""},
			{packet4.Discover, "mac=", "", ""},
			{packet4.Discover, "mac=000000000000", "", ""},
			{packet4.Offer, "", "", ""},
			{0, "53=", "", ""},
		}},
	} {
		t.Run(c.name, func(t *testing.T) { run(t, newBench(t, c.config), c.steps) })
	}
}

// TestLeaseIsNotOverBeforeForItsClient is about parts of a second, which files do not keep.
func TestLeaseIsNotOverBeforeForItsClient(t *testing.T) {
	b := newBench(t, basicConfig)
	b.clock = b.clock.Add(900 * time.Millisecond)
	if got := b.exchange(packet4.Request, "want=192.0.2.10", "server=192.0.2.1"); got == nil || got.Type() != packet4.ACK {
		t.Fatalf("answer %v", got)
	}
	if l, ok := b.store.Get(addr("192.0.2.10")); !ok || l.Expire().Before(b.clock.Add(4000*time.Second)) || l.Start.Nanosecond() != 0 {
		t.Errorf("given at %v, stored as %+v", b.clock, l)
	}
}

func TestExpiry(t *testing.T) {
	b := newBench(t, basicConfig)
	b.exchange(packet4.Request, "want=192.0.2.10", "host=a", "server=198.51.100.1")
	b.announced()
	if d := b.Next(b.clock); d > 10*time.Second {
		t.Errorf("next look in %v", d)
	}
	b.clock = b.clock.Add(3999*time.Second + 500*time.Millisecond)
	b.Reclaim(b.clock)
	if d := b.Next(b.clock); d != 500*time.Millisecond {
		t.Errorf("next look in %v, half a second before the end of the lease", d)
	}
	if got := b.announced(); got != nil {
		t.Errorf("too early: %q", got)
	}
	b.clock = b.clock.Add(time.Second)
	b.Reclaim(b.clock)
	if err := b.store.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := b.announced(); !slices.Equal(got, []string{"remove a.lab.test. 192.0.2.10 both"}) {
		t.Errorf("announced %q", got)
	}
	l, _ := b.store.Get(addr("192.0.2.10"))
	if l.State != lease.Reclaimed || l.Hostname != "" || l.FQDNForward || l.FQDNReverse || l.HWAddr == "" {
		t.Errorf("lease %+v", l)
	}
	run(t, b, []step{ // never-used addresses first; the client gets its own again
		{packet4.Discover, "mac=020000000002", "OFFER 192.0.2.11", ""},
		{packet4.Discover, "mac=020000000003", "OFFER 192.0.2.12", ""},
		{packet4.Discover, "", "OFFER 192.0.2.10", ""},
		{packet4.Discover, "mac=020000000004", "", ""},
	})
	b.clock = b.clock.Add(allocate.OfferTime)
	b.Reclaim(b.clock)
	run(t, b, []step{{packet4.Discover, "mac=020000000004 want=192.0.2.10", "OFFER 192.0.2.10", ""}})
	b.clock = b.clock.Add(2 * time.Hour)
	b.Reclaim(b.clock)
	if _, ok := b.store.Get(addr("192.0.2.10")); ok {
		t.Error("a reclaimed lease is remembered longer than hold-reclaimed-time")
	}
}

// TestWhoDeclinesEverythingRests lets one client decline what it gets: others still find addresses, and it is served
// again later.
func TestWhoDeclinesEverythingRests(t *testing.T) {
	b := newBench(t, strings.Replace(basicConfig, "192.0.2.12", "192.0.2.99", 1))
	declined := 0
	for range 50 {
		offer := b.exchange(packet4.Discover)
		if offer == nil {
			break
		}
		want := "want=" + offer.YIAddr.String()
		b.exchange(packet4.Request, want, "server=198.51.100.1")
		b.exchange(packet4.Decline, want, "server=198.51.100.1")
		declined++
	}
	if declined != decline.ByClient {
		t.Errorf("%d addresses declined by one client", declined)
	}
	if b.exchange(packet4.Discover, "mac=020000000002") == nil {
		t.Error("another client is not served")
	}
	b.clock = b.clock.Add(decline.Rest)
	if b.exchange(packet4.Discover) == nil {
		t.Error("the client is never served again")
	}
}

// TestWhoDeclinesEverythingRestsWithoutDiscover is the same for a client that asks for addresses without an offer. One
// that it has in another network it may keep.
func TestWhoDeclinesEverythingRestsWithoutDiscover(t *testing.T) {
	b := newBench(t, strings.NewReplacer(`- 192.0.2.12"`, `- 192.0.2.99"`, `"subnet4": [`,
		`"subnet4": [{"subnet": "198.18.0.0/24", "pool": ["198.18.0.10 - 198.18.0.99"]}, `).Replace(basicConfig))
	other := []string{"want=198.18.0.10", "server=198.51.100.1", "giaddr=198.18.0.1"}
	b.expect(b.exchange(packet4.Request, other...), "ACK 198.18.0.10")
	declined := 0
	for i := range 50 {
		want := fmt.Sprintf("want=192.0.2.%d", 10+i)
		if b.exchange(packet4.Request, want, "server=198.51.100.1") == nil {
			break
		}
		b.exchange(packet4.Decline, want, "server=198.51.100.1")
		declined++
	}
	if declined != decline.ByClient {
		t.Errorf("%d addresses declined by one client", declined)
	}
	b.expect(b.exchange(packet4.Request, other...), "ACK 198.18.0.10")
}

func TestDeclinedAddressRests(t *testing.T) {
	b := newBench(t, basicConfig)
	b.exchange(packet4.Request, "want=192.0.2.10", "server=198.51.100.1")
	b.exchange(packet4.Decline, "want=192.0.2.10", "server=198.51.100.1")
	b.clock = b.clock.Add(24*time.Hour - time.Second)
	b.Reclaim(b.clock)
	b.expect(b.exchange(packet4.Discover, "want=192.0.2.10"), "OFFER 192.0.2.11")
	b.clock = b.clock.Add(time.Minute)
	b.Reclaim(b.clock)
	b.expect(b.exchange(packet4.Discover, "want=192.0.2.10"), "OFFER 192.0.2.10")
}

// failingStore refuses everything, as a store whose disk is full: the memory is as before when done is called.
type failingStore struct {
	lease.Store
	broken bool
}

func (f *failingStore) Put(l lease.Lease, done func(error)) {
	if !f.broken {
		f.Store.Put(l, done)
		return
	}
	done(fmt.Errorf("no space left on device"))
}

func TestNoAnswerBeforeDisk(t *testing.T) {
	volatile, err := memfile.Open("", memfile.Options{Volatile: true})
	if err != nil {
		t.Fatal(err)
	}
	defer volatile.Close()
	store := &failingStore{Store: volatile, broken: true}
	b := benchWith(t, settingsOf(t, basicConfig), store)
	b.expect(b.exchange(packet4.Discover), "OFFER 192.0.2.10")
	b.expect(b.exchange(packet4.Request, "want=192.0.2.10", "host=a", "server=198.51.100.1"), "")
	if got := b.announced(); got != nil {
		t.Errorf("announced %q", got)
	}
	store.broken = false
	b.expect(b.exchange(packet4.Discover, "mac=020000000002", "want=192.0.2.10"), "OFFER 192.0.2.10")
}

func TestRelayed(t *testing.T) {
	b := newBench(t, strings.Replace(basicConfig, `"valid`, `"relay": {"ip-address": "10.0.0.1"}, "valid`, 1))
	for _, giaddr := range []string{"192.0.2.254", "10.0.0.1"} {
		got := b.exchange(packet4.Discover, "giaddr="+giaddr, "82=0104deadbeef")
		b.expect(got, "OFFER 192.0.2.10")
		if got == nil {
			continue
		}
		if got.to.To != netip.AddrPortFrom(addr(giaddr), 67) || got.to.HWAddr != "" || got.GIAddr != addr(giaddr) {
			t.Errorf("answer sent to %+v", got.to)
		}
		if o := got.Options[len(got.Options)-1]; o.Code != 82 || !bytes.Equal(o.Data, []byte{1, 4, 0xde, 0xad, 0xbe, 0xef}) {
			t.Errorf("last option %+v", o)
		}
	}
	b.expect(b.exchange(packet4.Discover, "giaddr=10.0.0.2"), "")
	if got := b.exchange(packet4.Request, "giaddr=10.0.0.1", "want=10.9.9.9"); got == nil || got.Type() != packet4.NAK || got.Flags&packet4.FlagBroadcast == 0 {
		t.Errorf("NAK through a relay: %+v", got)
	}
	if got := b.exchange(packet4.Discover, "giaddr=10.0.0.9", "82=0504c0000200"); got == nil { // link selection
		t.Error("no offer by link selection")
	}
	got := b.exchange(packet4.Discover, "giaddr=10.0.0.1", "82=0b0401020304")
	if id, _ := got.Addr(packet4.OptServerID); id != addr("1.2.3.4") {
		t.Errorf("server identifier %v instead of what the relay wants", id)
	}
}

// TestServerIdentifierOverride: the relay's address in option 54 is not one that answers could leave from, and clients
// come back with it (RFC 5107 section 4).
func TestServerIdentifierOverride(t *testing.T) {
	b := newBench(t, strings.Replace(basicConfig, `"valid`, `"relay": {"ip-address": "10.0.0.1"}, "valid`, 1))
	const override = "82=0b040a000001"
	ack := b.exchange(packet4.Request, "giaddr=10.0.0.1", override, "server=10.0.0.1", "want=192.0.2.10")
	b.expect(ack, "ACK 192.0.2.10")
	if ack != nil && (ack.from != addr("198.51.100.1") || hex.EncodeToString(ack.Options[1].Data) != "0a000001") {
		t.Errorf("sent from %v with options %+v", ack.from, ack.Options)
	}
	b.expect(b.exchange(packet4.Request, "giaddr=10.0.0.1", override, "ciaddr=192.0.2.10"), "ACK 192.0.2.10")
	b.expect(b.exchange(packet4.Request, "giaddr=10.0.0.1", "server=10.0.0.1", "want=192.0.2.10"), "") // says another relay
	if got := b.exchange(packet4.Discover, "giaddr=10.0.0.1", "82=0b0400000000"); got != nil && got.Options[1].Data[0] == 0 {
		t.Error("the server identifier is 0.0.0.0")
	}
	b.exchange(packet4.Release, "giaddr=10.0.0.1", override, "server=10.0.0.1", "ciaddr=192.0.2.10")
	if l, ok := b.store.Get(addr("192.0.2.10")); ok {
		t.Errorf("not released: %+v", l)
	}
}

// TestRenewalByFrame: a client on the interface's own network gets its renewal in a frame, so that ARP is not needed; one
// behind a router by its address.
func TestRenewalByFrame(t *testing.T) {
	b := newBench(t, strings.Replace(basicConfig, `"subnet4": [`, `"subnet4": [{"subnet": "10.5.0.0/24", "pool": ["10.5.0.0/24"]}, `, 1))
	for _, c := range []struct {
		kind    packet4.Type
		parts   string
		address string
		frame   bool
	}{
		{packet4.Request, "ciaddr=192.0.2.10 to=192.0.2.1", "192.0.2.10:68", true},
		{packet4.Request, "ciaddr=192.0.2.10", "192.0.2.10:68", true},
		{packet4.Request, "ciaddr=192.0.2.10 to=192.0.2.1 broadcast", "192.0.2.10:68", false},
		{packet4.Request, "ciaddr=10.5.0.9 to=192.0.2.1", "10.5.0.9:68", false},
		{packet4.Inform, "ciaddr=10.5.0.9 to=192.0.2.1", "10.5.0.9:68", false},
		{packet4.Inform, "ciaddr=192.0.2.99", "192.0.2.99:68", true},
	} {
		got := b.exchange(c.kind, strings.Fields(c.parts)...)
		if got == nil || got.Type() != packet4.ACK || got.to.To.String() != c.address || (got.to.HWAddr != "") != c.frame {
			t.Errorf("%v %s: %+v", c.kind, c.parts, got)
		}
	}
}

// TestServerIdentifierIsNear: of several addresses of an interface the one in the client's network is used.
func TestServerIdentifierIsNear(t *testing.T) {
	b := newBench(t, basicConfig)
	got := b.exchange(packet4.Discover)
	b.expect(got, "OFFER 192.0.2.10")
	if id, _ := got.Addr(packet4.OptServerID); id != addr("192.0.2.1") || got.from != id {
		t.Errorf("server identifier %v, sent from %v", id, got.from)
	}
}

// TestRelayInformationOfSwitch: a switch may put option 82 into a message that no relay forwards; it wants it back
// (RFC 3046 section 2.2).
func TestRelayInformationOfSwitch(t *testing.T) {
	b := newBench(t, basicConfig)
	got := b.exchange(packet4.Discover, "82=0104deadbeef0b040a000001")
	b.expect(got, "OFFER 192.0.2.10")
	if o := got.Options[len(got.Options)-1]; o.Code != packet4.OptRelayAgent || hex.EncodeToString(o.Data) != "0104deadbeef0b040a000001" {
		t.Errorf("last option %+v", o)
	}
	if id, _ := got.Addr(packet4.OptServerID); id != addr("192.0.2.1") {
		t.Errorf("server identifier %v: only relays choose it", id)
	}
}

// TestRenumbering: leases keep to their subnet when its automatic number changes.
func TestRenumbering(t *testing.T) {
	two := `{"subnet4": [{"subnet": "10.0.0.0/24", "pool": ["10.0.0.0/24"]}, {"subnet": "192.0.2.0/24", "pool": ["192.0.2.10-192.0.2.20"]}]}`
	one := `{"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10-192.0.2.20"]}]}`
	b := newBench(t, two)
	b.expect(b.exchange(packet4.Request, "want=192.0.2.15", "server=198.51.100.1"), "ACK 192.0.2.15")
	b.expect(b.exchange(packet4.Request, "mac=020000000002", "giaddr=10.0.0.1", "want=10.0.0.7", "server=198.51.100.1"), "ACK 10.0.0.7")
	b.use(settingsOf(t, one))
	if l, _ := b.store.Get(addr("192.0.2.15")); l.SubnetID != 1 {
		t.Errorf("the lease is in subnet %d", l.SubnetID)
	}
	if l, _ := b.store.Get(addr("10.0.0.7")); l.SubnetID != 0 {
		t.Errorf("the lease of the removed subnet is in subnet %d", l.SubnetID)
	}
	b.expect(b.exchange(packet4.Discover), "OFFER 192.0.2.15")
	b.expect(b.exchange(packet4.Discover, "mac=020000000002"), "OFFER 192.0.2.10")
}

// TestHostileNames: what a client calls itself is kept on disk and comes back, whatever octets it has, and the lease of
// another client is not touched by it.
func TestHostileNames(t *testing.T) {
	path := t.TempDir() + "/leases.csv"
	store, err := memfile.Open(path, memfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := benchWith(t, settingsOf(t, strings.Replace(basicConfig, `"enable-updates": true`, `"enable-updates": false`, 1)), store)
	hostile := "a,b\n192.0.2.12,,,0,0,1,0,0,,0,\r\x00\xff&#x2c"
	b.expect(b.exchange(packet4.Request, "want=192.0.2.10", "server=198.51.100.1", "host="+hostile), "ACK 192.0.2.10")
	b.expect(b.exchange(packet4.Request, "mac=020000000002", "want=192.0.2.11", "server=198.51.100.1", "host="+strings.Repeat("x", 1000)), "ACK 192.0.2.11")
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if store, err = memfile.Open(path, memfile.Options{}); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if l, _ := store.Get(addr("192.0.2.10")); l.Hostname != hostile {
		t.Errorf("host name %q instead of %q", l.Hostname, hostile)
	}
	if l, _ := store.Get(addr("192.0.2.11")); l.Hostname != strings.Repeat("x", 255) {
		t.Errorf("host name of %d octets", len(l.Hostname))
	}
	leases := 0
	store.All(func(lease.Lease) bool { leases++; return true })
	if leases != 2 {
		t.Errorf("%d leases instead of 2", leases)
	}
}
