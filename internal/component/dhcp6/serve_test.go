package dhcp6

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bundy/internal/dhcp/decline"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/memfile"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet6"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/naming/announce"
	"bundy/internal/naming/ncr"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

const (
	serverDUID = "\x00\x03\x00\x01\x02\x00\x00\x00\x00\x99"
	clientDUID = "\x00\x03\x00\x01\x02\x00\x00\x00\x00\x01"
	otherDUID  = "\x00\x03\x00\x01\x02\x00\x00\x00\x00\x02"
)

const basicConfig = `{
	"preferred-lifetime": 3000, "valid-lifetime": 4000, "renew-timer": 1000, "rebind-timer": 2000,
	"subnet6": [{
		"subnet": "2001:db8:1::/64", "interface": "eth0", "pool": ["2001:db8:1::10 - 2001:db8:1::12"],
		"pd-pools": [{"prefix": "2001:db8:8000::", "prefix-len": 48, "delegated-len": 56}]
	}],
	"option-data": [
		{"name": "dns-servers", "data": "2001:db8::53", "csv-format": true},
		{"name": "domain-search", "data": "lab.test", "csv-format": true},
		{"name": "preference", "data": "7", "csv-format": true},
		{"name": "sntp-servers", "data": "2001:db8::123", "csv-format": true, "always-send": true}
	],
	"dhcp-ddns": {"enable-updates": true, "qualifying-suffix": "lab.test"}
}`

func settingsOf(t testing.TB, config string) *settings {
	t.Helper()
	v, err := schema.Parse([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	p := paths.Below(t.TempDir())
	set, errs := build(Descriptor(p).Spec, v.(schema.Section), p, nil)
	for _, err := range errs {
		t.Error(err)
	}
	if len(errs) > 0 {
		t.FailNow()
	}
	return set
}

// bench is a server on one interface eth0, without network.
type bench struct {
	testing.TB
	*server
	link   *netif.Link6
	store  lease.Store
	clock  time.Time
	mu     sync.Mutex
	sent   []outgoing
	faulty bool          // the disk of the store may fail
	names  []ncr.Request // changes that the DHCP-DDNS server was told of
}

type outgoing struct {
	packet6.Message
	relays int
	to     netip.AddrPort
}

func newBench(t testing.TB, config string) *bench {
	t.Helper()
	store, err := memfile.Open("", memfile.Options{Volatile: true, Family: lease.Family6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return benchWith(t, settingsOf(t, config), store)
}

func benchWith(t testing.TB, set *settings, store lease.Store) *bench {
	stats := &counters{}
	b := &bench{
		TB: t, store: store, clock: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		server: newServer(nil, stats, nil, serverDUID),
		link: &netif.Link6{Endpoint6: netif.Endpoint6{Interface6: netif.Interface6{
			Index: 2, Name: "eth0", LinkLocal: addr("fe80::99"), Addrs: []netip.Addr{addr("2001:db8:9::1")},
		}}},
	}
	b.announce = announce.New(func(r ncr.Request) { b.told(r) }, nil)
	b.now = func() time.Time { return b.clock }
	b.ours = b.link.Has
	b.transmit = func(_ *netif.Outbox, _ packet6.Type, _ *netif.Link6, payload []byte, to netip.AddrPort) {
		out := outgoing{to: to}
		payload = slices.Clone(payload)
		for payload[0] == byte(packet6.RelayReply) { // unwrapped as the relay agents do
			at := 34
			for payload[at] != 0 || payload[at+1] != packet6.OptRelayMessage {
				at += 4 + int(payload[at+2])<<8 + int(payload[at+3])
			}
			payload = payload[at+4:]
			out.relays++
		}
		m, err := packet6.ParseMessage(payload)
		if err != nil {
			t.Errorf("sent %x: %v", payload, err)
		}
		out.Message = m
		b.mu.Lock()
		defer b.mu.Unlock()
		b.sent = append(b.sent, out)
	}
	b.use(set)
	return b
}

func (b *bench) use(set *settings) {
	b.set = set
	store := b.store // the first time
	if b.Book != nil {
		store = nil
	}
	b.Use(store, set.subnets, set.reclaim, b.announce.To(set.requests), b.clock)
}

// changes is how many changes of names the DHCP-DDNS server was told of.
func (b *bench) changes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.names)
}

func (b *bench) told(r ncr.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names = append(b.names, r)
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// message is a client's message; parts are "key=value" as explained in the cases.
func message(t testing.TB, kind packet6.Type, parts ...string) packet6.Message {
	m := packet6.Message{Type: kind, ID: 0x1234}
	add := func(code uint16, data []byte) { m.Options = append(m.Options, packet6.Option{Code: code, Data: data}) }
	client := clientDUID
	for _, part := range parts {
		key, value, _ := strings.Cut(part, "=")
		code := uint16(0)
		switch key {
		case "client":
			client = value
		case "server":
			if value == "" {
				value = serverDUID
			}
			add(packet6.OptServerID, []byte(value))
		case "na", "ta", "pd": // number, then addresses or prefixes
			ia := packet6.IA{Code: map[string]uint16{"na": packet6.OptIANA, "ta": packet6.OptIATA, "pd": packet6.OptIAPD}[key]}
			for i, field := range strings.Fields(value) {
				if i == 0 {
					if _, err := fmt.Sscan(field, &ia.IAID); err != nil {
						t.Fatal(err)
					}
					continue
				}
				if key != "pd" {
					field += "/128"
				}
				ia.Leases = append(ia.Leases, packet6.Lease{Prefix: netip.MustParsePrefix(field)})
			}
			add(ia.Code, ia.Append(nil)[4:])
		case "oro":
			var data []byte
			for field := range strings.FieldsSeq(value) {
				if _, err := fmt.Sscan(field, &code); err != nil {
					t.Fatal(err)
				}
				data = append(data, byte(code>>8), byte(code))
			}
			add(packet6.OptORO, data)
		case "rapid":
			add(packet6.OptRapidCommit, nil)
		case "fqdn": // flags, then labels
			add(packet6.OptFQDN, []byte(value))
		case "to", "from", "relay", "": // see exchange
		default: // code=hex
			if _, err := fmt.Sscan(key, &code); err != nil {
				t.Fatalf("part %q", part)
			}
			data, err := hex.DecodeString(value)
			if err != nil {
				t.Fatalf("part %q: %v", part, err)
			}
			add(code, data)
		}
	}
	if client != "none" {
		add(packet6.OptClientID, []byte(client))
	}
	return m
}

// exchange sends one message and gives the answer, nil for none. "to=address" is where it is sent; "relay=link interface-id"
// a relay agent, the one next to the client first;
// more options of it may follow in hexadecimal digits.
func (b *bench) exchange(kind packet6.Type, parts ...string) *outgoing {
	b.Helper()
	return b.sendMessage(message(b, kind, parts...), parts...)
}

// packet is a message as it comes in.
func (b *bench) packet(m packet6.Message, parts ...string) netif.Packet6 {
	b.Helper()
	data := m.Append(nil)
	p := netif.Packet6{Source: netip.MustParseAddrPort("[fe80::1]:546"), Destination: addr("ff02::1:2"), Link: b.link}
	for _, part := range parts {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "to":
			p.Destination = addr(value)
		case "from":
			p.Source = netip.AddrPortFrom(addr(value), 546)
		case "relay":
			link, id, _ := strings.Cut(value, " ")
			id, more, _ := strings.Cut(id, " ")
			extra, err := hex.DecodeString(more)
			if err != nil {
				b.Fatal(err)
			}
			a, peer := addr(link).As16(), p.Source.Addr().As16()
			data = append(append(append([]byte{byte(packet6.RelayForward), 0}, a[:]...), peer[:]...), packet6.AppendOption(
				packet6.AppendOption(extra, packet6.OptInterfaceID, []byte(id)), packet6.OptRelayMessage, data)...)
			p.Source = netip.MustParseAddrPort("[2001:db8:ffff::1]:547")
		}
	}
	p.Data = data
	return p
}

func (b *bench) sendMessage(m packet6.Message, parts ...string) *outgoing {
	b.Helper()
	b.sent = nil
	b.serve(b.packet(m, parts...))
	if err := b.store.Flush(); err != nil && !b.faulty {
		b.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.sent) == 0 {
		return nil
	}
	return &b.sent[0]
}

// summary tells an answer in short: type, then of each association what it holds and its status.
func (o *outgoing) summary() string {
	if o == nil {
		return "silence"
	}
	out := o.Type.String()
	if data, ok := o.Options.Get(packet6.OptStatusCode); ok {
		out += fmt.Sprintf(" status=%d", data[1])
	}
	if o.Options.Has(packet6.OptRapidCommit) {
		out += " rapid"
	}
	for _, ia := range o.IAs() {
		out += fmt.Sprintf(" %s%d", map[uint16]string{packet6.OptIANA: "na", packet6.OptIATA: "ta", packet6.OptIAPD: "pd"}[ia.Code], ia.IAID)
		if ia.Status != nil {
			out += fmt.Sprintf("!%d", ia.Status.Code)
		}
		for _, l := range ia.Leases {
			text := l.Prefix.String()
			if ia.Code != packet6.OptIAPD {
				text = l.Prefix.Addr().String()
			}
			out += fmt.Sprintf(":%s(%d,%d)", text, l.Preferred, l.Valid)
		}
	}
	return out
}

func (b *bench) expect(want string, kind packet6.Type, parts ...string) *outgoing {
	b.Helper()
	got := b.exchange(kind, parts...)
	if got.summary() != want {
		b.Errorf("%s %q:\n got %s\nwant %s", kind, parts, got.summary(), want)
	}
	return got
}

func TestFourMessages(t *testing.T) {
	b := newBench(t, basicConfig)
	const na, pd = " na7:2001:db8:1::10(3000,4000)", " pd8:2001:db8:8000::/56(3000,4000)"
	o := b.expect("ADVERTISE"+na+pd, packet6.Solicit, "na=7", "pd=8", "oro=23 24", "rapid")
	if o.to != netip.MustParseAddrPort("[fe80::1]:546") || o.ID != 0x1234 {
		t.Errorf("to %v id %x", o.to, o.ID)
	}
	ia := o.IAs()[0]
	if ia.T1 != 1000 || ia.T2 != 2000 {
		t.Errorf("T1 %d T2 %d", ia.T1, ia.T2)
	}
	for code, want := range map[uint16]string{
		packet6.OptClientID: clientDUID, packet6.OptServerID: serverDUID, packet6.OptPreference: "\x07",
		23: string(addr("2001:db8::53").AsSlice()), 24: "\x03lab\x04test\x00", 31: string(addr("2001:db8::123").AsSlice()),
	} {
		if data, _ := o.Options.Get(code); string(data) != want {
			t.Errorf("option %d: %x", code, data)
		}
	}
	if tallies := b.store.Tallies(); len(tallies) > 0 {
		t.Errorf("an offer is a lease: %+v", tallies)
	}
	// The address offered is kept for its client.
	b.expect("ADVERTISE na7:2001:db8:1::11(3000,4000)", packet6.Solicit, "client="+otherDUID, "na=7 2001:db8:1::10")
	o = b.expect("REPLY"+na+pd, packet6.Request, "server=", "na=7 2001:db8:1::10", "pd=8 2001:db8:8000::/56", "oro=24")
	if o.Options.Has(23) || o.Options.Has(packet6.OptPreference) || !o.Options.Has(31) {
		t.Errorf("options of the REPLY: %+v", o.Options)
	}
	l, _ := b.store.Get(addr("2001:db8:1::10"))
	if l.DUID != clientDUID || l.IAID != 7 || l.Kind != lease.NA || l.SubnetID != 1 || l.HWAddr != clientDUID[4:] || l.HWSource != fromDUID {
		t.Errorf("lease %+v", l)
	}
	if l, _ := b.store.Get(addr("2001:db8:8000::")); l.Kind != lease.PD || l.PrefixLength != 56 || l.IAID != 8 {
		t.Errorf("prefix %+v", l)
	}
	b.clock = b.clock.Add(time.Hour)
	b.expect("REPLY"+na+pd, packet6.Renew, "server=", "na=7 2001:db8:1::10", "pd=8 2001:db8:8000::/56")
	if l, _ = b.store.Get(addr("2001:db8:1::10")); !l.Start.Equal(b.clock) {
		t.Errorf("renewed lease begins %v", l.Start)
	}
	b.expect("REPLY"+na+pd, packet6.Rebind, "na=7 2001:db8:1::10", "pd=8 2001:db8:8000::/56")
	b.expect("REPLY status=0 na7!0 pd8!0", packet6.Release, "server=", "na=7 2001:db8:1::10", "pd=8 2001:db8:8000::/56")
	if l, _ = b.store.Get(addr("2001:db8:1::10")); l.State != lease.Reclaimed {
		t.Errorf("released lease %+v", l)
	}
	// It comes back and gets the same.
	b.expect("ADVERTISE"+na+pd, packet6.Solicit, "na=7", "pd=8")
}

func TestSituations(t *testing.T) {
	const hold = "na=7 2001:db8:1::10"
	for _, c := range []struct {
		name, want string
		kind       packet6.Type
		parts      []string
	}{
		{"several associations", "ADVERTISE na1:2001:db8:1::10(3000,4000) na2:2001:db8:1::11(3000,4000) ta3:2001:db8:1::12(3000,4000)", packet6.Solicit, []string{"na=1", "na=2", "ta=3"}},
		{"a hint", "ADVERTISE na1:2001:db8:1::12(3000,4000)", packet6.Solicit, []string{"na=1 2001:db8:1::12"}},
		{"a hint beyond the pool", "ADVERTISE na1:2001:db8:1::10(3000,4000)", packet6.Solicit, []string{"na=1 2001:db8:1::99"}},
		{"a hint for a prefix", "ADVERTISE pd1:2001:db8:8000:1200::/56(3000,4000)", packet6.Solicit, []string{"pd=1 2001:db8:8000:1200::/56"}},
		{"a hint for the length alone", "ADVERTISE pd1:2001:db8:8000::/56(3000,4000)", packet6.Solicit, []string{"pd=1 ::/60"}},
		{"rapid commit is off", "ADVERTISE na1:2001:db8:1::10(3000,4000)", packet6.Solicit, []string{"na=1", "rapid"}},
		{"nothing wanted", "ADVERTISE", packet6.Solicit, nil},
		{"solicit with a server", "silence", packet6.Solicit, []string{"na=1", "server="}},
		{"solicit without client", "silence", packet6.Solicit, []string{"na=1", "client=none"}},
		{"solicit to an address", "silence", packet6.Solicit, []string{"na=1", "to=fe80::99"}},
		{"no subnet", "ADVERTISE na1!2 pd2!6", packet6.Solicit, []string{"na=1", "pd=2", "relay=2001:db8:77::1 x"}},
		{"request without server", "silence", packet6.Request, []string{"na=1"}},
		{"request for another server", "silence", packet6.Request, []string{"na=1", "server=" + otherDUID}},
		{"request to an address", "REPLY status=5", packet6.Request, []string{"na=1", "server=", "to=fe80::99"}},
		{"request of another link", "REPLY na1!4", packet6.Request, []string{"na=1 2001:db8:2::1", "server="}},
		{"request of an unsolicited address", "REPLY na1:2001:db8:1::11(3000,4000)", packet6.Request, []string{"na=1 2001:db8:1::11", "server="}},
		{"renewal of the unknown", "REPLY na7!3", packet6.Renew, []string{hold, "server="}},
		{"renewal asks for a prefix besides", "REPLY pd9:2001:db8:8000::/56(3000,4000)", packet6.Renew, []string{"pd=9", "server="}},
		{"rebinding of the unknown", "REPLY na7!3", packet6.Rebind, []string{hold}},
		{"rebinding on another link", "REPLY na7:2001:db8:2::1(0,0)", packet6.Rebind, []string{"na=7 2001:db8:2::1"}},
		{"rebinding of an unknown prefix", "silence", packet6.Rebind, []string{"pd=7 2001:db8:8000::/56"}},
		{"rebinding with a server", "silence", packet6.Rebind, []string{hold, "server="}},
		{"release of the unknown", "REPLY status=0 na7!3", packet6.Release, []string{hold, "server="}},
		{"decline of the unknown", "REPLY status=0 na7!3", packet6.Decline, []string{hold, "server="}},
		{"confirmed", "REPLY status=0", packet6.Confirm, []string{hold}},
		{"moved", "REPLY status=4", packet6.Confirm, []string{"na=7 2001:db8:2::10"}},
		{"nothing to confirm", "silence", packet6.Confirm, []string{"na=7"}},
		{"link not known", "silence", packet6.Confirm, []string{hold, "relay=2001:db8:77::1 x"}},
		{"information", "REPLY", packet6.InformationRequest, []string{"oro=23"}},
		{"information for nobody", "REPLY", packet6.InformationRequest, []string{"client=none"}},
		{"information of another server", "silence", packet6.InformationRequest, []string{"server=" + otherDUID}},
		{"information with addresses", "silence", packet6.InformationRequest, []string{"na=1"}},
		{"an answer", "silence", packet6.Reply, []string{"server="}},
		{"a type that nobody knows", "silence", 99, nil},
		{"name with both flags", "silence", packet6.Solicit, []string{"na=1", "fqdn=\x05\x02pc"}},
	} {
		t.Run(c.name, func(t *testing.T) { newBench(t, basicConfig).expect(c.want, c.kind, c.parts...) })
	}
}

func TestRapidCommit(t *testing.T) {
	b := newBench(t, strings.Replace(basicConfig, `"interface": "eth0"`, `"interface": "eth0", "rapid-commit": true`, 1))
	b.expect("REPLY rapid na1:2001:db8:1::10(3000,4000)", packet6.Solicit, "na=1", "rapid")
	if _, ok := b.store.Get(addr("2001:db8:1::10")); !ok {
		t.Error("no lease")
	}
	b.expect("ADVERTISE na1:2001:db8:1::10(3000,4000)", packet6.Solicit, "na=1")
}

// TestPortRests: who declines everything behind one port of a relay, as many clients, stops others there only.
func TestPortRests(t *testing.T) {
	b := newBench(t, `{"subnet6": [{"subnet": "2001:db8:1::/64", "pool": ["2001:db8:1:0:1::/80"]}]}`)
	declined := 0
	for i := range 100 {
		who, port := fmt.Sprintf("client=client%d", i), "relay=2001:db8:1::1 seven"
		o := b.exchange(packet6.Request, who, port, "server=", "na=1")
		if o == nil {
			break
		}
		b.exchange(packet6.Decline, who, port, "server=", "na=1 "+o.IAs()[0].Leases[0].Prefix.Addr().String())
		declined++
	}
	if declined != decline.ByPort {
		t.Errorf("%d addresses declined behind one port", declined)
	}
	if b.exchange(packet6.Solicit, "client=another", "relay=2001:db8:1::1 eight", "na=1") == nil {
		t.Error("another port is not served")
	}
}

func TestExhaustionAndDecline(t *testing.T) {
	b := newBench(t, basicConfig)
	for i := range 3 {
		b.expect(fmt.Sprintf("REPLY na%d:2001:db8:1::%d(3000,4000)", i, 10+i), packet6.Request, "server=", fmt.Sprintf("na=%d", i))
	}
	b.expect("ADVERTISE na9!2 pd9:2001:db8:8000::/56(3000,4000)", packet6.Solicit, "na=9", "pd=9")
	b.expect("REPLY status=0", packet6.Decline, "server=", "na=0 2001:db8:1::10")
	if l, _ := b.store.Get(addr("2001:db8:1::10")); l.State != lease.Declined || l.DUID != "" {
		t.Errorf("%+v", l)
	}
	b.expect("ADVERTISE na0!2", packet6.Solicit, "na=0")
	b.clock = b.clock.Add(25 * time.Hour)
	b.Reclaim(b.clock)
	b.Reclaim(b.clock)
	b.expect("ADVERTISE na0:2001:db8:1::10(3000,4000)", packet6.Solicit, "na=0")
}

func TestRelays(t *testing.T) {
	b := newBench(t, `{"subnet6": [
		{"subnet": "2001:db8:1::/64", "pool": ["2001:db8:1::/80"]},
		{"subnet": "2001:db8:2::/64", "pool": ["2001:db8:2::/80"], "relay": {"ip-address": "2001:db8:f::1"}},
		{"subnet": "2001:db8:3::/64", "pool": ["2001:db8:3::/80"], "interface-id": "vlan123"},
		{"subnet": "3000::/64", "pool": ["3000::2 - 3000::ffff"], "client-class": "docsis3.0", "relay": {"ip-address": "3000::1"}},
		{"subnet": "2001:db8:4::/64", "pool": ["2001:db8:4::/80"], "relay": {"ip-address": "3000::1"}},
		{"subnet": "2001:db8:9::/64", "pool": ["2001:db8:9::/80"]}
	]}`)
	for _, c := range []struct {
		want  string
		parts []string
	}{
		{"2001:db8:1::", []string{"relay=2001:db8:1::1 x"}},
		{"2001:db8:2::", []string{"relay=2001:db8:f::1 x"}},
		{"2001:db8:3::", []string{"relay=:: vlan123"}},
		{"2001:db8:3::", []string{"relay=2001:db8:1::1 vlan123"}},
		{"2001:db8:1::", []string{"relay=:: port7", "relay=2001:db8:1::1 x"}},
		{"2001:db8:4::", []string{"relay=3000::1 x"}},
		{"3000::2", []string{"relay=3000::1 x", "16=0000118b0009" + hex.EncodeToString([]byte("docsis3.0"))}},
		{"2001:db8:9::", nil}, // by the address of the interface
		{"2001:db8:9::", []string{"relay=:: port7"}},
	} {
		o := b.exchange(packet6.Solicit, append(c.parts, "na=1")...)
		if want := "ADVERTISE na1:" + c.want + "(3000,4000)"; o.summary() != want {
			t.Errorf("%q: %s, want %s", c.parts, o.summary(), want)
		}
		relays, to := strings.Count(strings.Join(c.parts, " "), "relay="), netip.MustParseAddrPort("[fe80::1]:546")
		if relays > 0 {
			to = netip.MustParseAddrPort("[2001:db8:ffff::1]:547")
		}
		if o != nil && (o.relays != relays || o.to != to) {
			t.Errorf("%q: through %d relays to %v", c.parts, o.relays, o.to)
		}
	}
}

func TestReservationsClassesAndOptions(t *testing.T) {
	b := newBench(t, `{
		"option-data": [{"name": "dns-servers", "data": "::1", "csv-format": true}, {"name": "new-tzdb-timezone", "data": "global", "csv-format": true}],
		"client-classes": [
			{"name": "phones", "test": "substring(option[1].hex,0,2) == 0x0001", "option-data": [{"name": "new-tzdb-timezone", "data": "phone", "csv-format": true}]},
			{"name": "odd", "test": "relay6[0].option[18].hex == 'drop'"},
			{"name": "DROP", "test": "member('odd')"}
		],
		"shared-networks": [{"name": "floor", "interface": "eth0",
			"option-data": [{"name": "dns-servers", "data": "::2", "csv-format": true}],
			"subnet6": [
				{"subnet": "2001:db8:1::/64", "pools": [{"pool": "2001:db8:1::10 - 2001:db8:1::10", "option-data": [{"name": "dns-servers", "data": "::4", "csv-format": true}]}],
					"reservations": [{"duid": "00:03:00:01:02:00:00:00:00:02", "ip-addresses": ["2001:db8:1::abc"], "prefixes": ["2001:db8:77::/56"],
						"hostname": "printer", "option-data": [{"name": "dns-servers", "data": "::5", "csv-format": true}]}]},
				{"subnet": "2001:db8:2::/64", "pool": ["2001:db8:2::20 - 2001:db8:2::20"], "option-data": [{"name": "dns-servers", "data": "::3", "csv-format": true}]}
			]}],
		"dhcp-ddns": {"enable-updates": true, "qualifying-suffix": "lab.test"}
	}`)
	dns := func(o *outgoing, want string) {
		t.Helper()
		if data, _ := o.Options.Get(23); string(data) != string(addr(want).AsSlice()) {
			t.Errorf("%s: DNS server %x, want %s", o.summary(), data, want)
		}
	}
	dns(b.expect("REPLY na1:2001:db8:1::10(3000,4000)", packet6.Request, "server=", "na=1", "oro=23"), "::4")
	dns(b.expect("REPLY na2:2001:db8:2::20(3000,4000)", packet6.Request, "server=", "na=2", "oro=23"), "::3")
	o := b.expect("REPLY na1:2001:db8:1::abc(3000,4000) pd2:2001:db8:77::/56(3000,4000)", packet6.Request, "client="+otherDUID, "server=", "na=1", "pd=2", "oro=23 39")
	dns(o, "::5")
	if data, _ := o.Options.Get(packet6.OptFQDN); string(data) != "\x01\x07printer\x03lab\x04test\x00" {
		t.Errorf("name %q", data)
	}
	if l, _ := b.store.Get(addr("2001:db8:1::abc")); l.Hostname != "printer.lab.test." || !l.FQDNForward || !l.FQDNReverse {
		t.Errorf("%+v", l)
	}
	o = b.expect("REPLY", packet6.InformationRequest, "oro=23 42", "client=\x00\x01\x00\x01abcdefgh")
	dns(o, "::2")
	if data, _ := o.Options.Get(42); string(data) != "phone" {
		t.Errorf("time zone %q", data)
	}
	if o := b.exchange(packet6.Solicit, "na=1", "relay=2001:db8:1::1 drop"); o != nil {
		t.Errorf("one of the class DROP got %s", o.summary())
	}
}

func TestNames(t *testing.T) {
	b := newBench(t, basicConfig)
	o := b.exchange(packet6.Request, "server=", "na=1", "na=2", "fqdn=\x01\x02pc")
	if data, _ := o.Options.Get(packet6.OptFQDN); string(data) != "\x01\x02pc\x03lab\x04test\x00" {
		t.Errorf("reply %q", data)
	}
	for _, a := range []string{"2001:db8:1::10", "2001:db8:1::11"} {
		if l, _ := b.store.Get(addr(a)); l.Hostname != "pc.lab.test." || !l.FQDNForward || !l.FQDNReverse {
			t.Errorf("%+v", l)
		}
	}
	if n := b.changes(); n != 2 {
		t.Errorf("%d requests for two addresses", n)
	}
	b.exchange(packet6.Renew, "server=", "na=1 2001:db8:1::10") // does not say its name again
	if l, _ := b.store.Get(addr("2001:db8:1::10")); l.Hostname != "pc.lab.test." || b.changes() != 2 {
		t.Errorf("%+v, %d requests", l, b.changes())
	}
	b.exchange(packet6.Renew, "server=", "na=1 2001:db8:1::10", "fqdn=\x01\x03two")
	if l, _ := b.store.Get(addr("2001:db8:1::10")); l.Hostname != "two.lab.test." || b.changes() != 4 {
		t.Errorf("%+v, %d requests", l, b.changes())
	}
	b.exchange(packet6.Release, "server=", "na=2 2001:db8:1::11")
	if b.changes() != 5 {
		t.Errorf("%d requests after a release", b.changes())
	}
	b.clock = b.clock.Add(2 * time.Hour)
	b.Reclaim(b.clock)
	if err := b.store.Flush(); err != nil {
		t.Fatal(err)
	}
	if b.changes() != 6 {
		t.Errorf("%d requests after the end of the other", b.changes())
	}
}

func TestVendorOptions(t *testing.T) {
	b := newBench(t, `{"option-data": [
		{"name": "tftp-servers", "space": "vendor-4491", "data": "2001:db8::69", "csv-format": true},
		{"name": "config-file", "space": "vendor-4491", "data": "cm.cfg", "csv-format": true},
		{"code": 9, "space": "vendor-77", "data": "ff", "always-send": true}
	]}`)
	for _, c := range []struct {
		want  string
		parts []string
	}{
		{"0000004d" + "00090001ff", nil},
		{"0000004d00090001ff " + "0000118b" + "00210006" + hex.EncodeToString([]byte("cm.cfg")), []string{"17=0000118b" + "000100020021"}},
		{"0000004d00090001ff " + "0000118b" + "00200010" + "20010db8000000000000000000000069" + "00210006" + hex.EncodeToString([]byte("cm.cfg")),
			[]string{"16=0000118b0001ff", "oro=17"}},
	} {
		o := b.exchange(packet6.InformationRequest, c.parts...)
		var got []string
		for data := range o.Options.Each(packet6.OptVendorOpts) {
			got = append(got, hex.EncodeToString(data))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: %q", c.parts, got)
		}
	}
}

func TestExcludedPrefix(t *testing.T) {
	b := newBench(t, `{"subnet6": [{"subnet": "2001:db8:1::/64", "interface": "eth0", "pd-pools": [
		{"prefix": "2001:db8:8000::", "prefix-len": 48, "delegated-len": 56, "excluded-prefix": "2001:db8:8000:0f::", "excluded-prefix-len": 64}]}]}`)
	o := b.exchange(packet6.Solicit, "pd=1", "oro=67")
	if ia := o.IAs()[0]; len(ia.Leases) != 1 || hex.EncodeToString(ia.Leases[0].Exclude) != "400f" {
		t.Errorf("%+v", ia)
	}
	if ia := b.exchange(packet6.Solicit, "pd=1").IAs()[0]; ia.Leases[0].Exclude != nil {
		t.Errorf("not asked for: %+v", ia)
	}
}

func TestRegistration(t *testing.T) {
	b := newBench(t, basicConfig)
	iaaddr := "5=20010db80001000000000000000000ff" + "00000e10" + "00001c20"
	o := b.exchange(packet6.AddrRegInform, iaaddr, "from=2001:db8:1::ff", "to=ff02::1:2", "fqdn=\x01\x02pc")
	if o == nil || o.Type != packet6.AddrRegReply || !o.Options.Has(packet6.OptIAAddr) {
		t.Fatalf("%+v", o)
	}
	l, _ := b.store.Get(addr("2001:db8:1::ff"))
	if l.State != lease.Registered || l.ValidLifetime != 7200 || l.Preferred != 3600 || l.Hostname != "pc.lab.test." {
		t.Errorf("%+v", l)
	}
	for name, parts := range map[string][]string{
		"from elsewhere":   {iaaddr, "from=2001:db8:1::fe"},
		"another client":   {iaaddr, "from=2001:db8:1::ff", "client=" + otherDUID},
		"in a pool":        {"5=20010db8000100000000000000000010" + "00000e1000001c20", "from=2001:db8:1::10"},
		"of another link":  {"5=20010db8000200000000000000000010" + "00000e1000001c20", "from=2001:db8:2::10"},
		"without address":  {"from=2001:db8:1::ff"},
		"with association": {iaaddr, "na=1", "from=2001:db8:1::ff"},
	} {
		if o := b.exchange(packet6.AddrRegInform, parts...); o != nil {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if o := b.exchange(packet6.InformationRequest, "oro=148"); !o.Options.Has(packet6.OptAddrRegEnable) {
		t.Error("clients are not told of registration")
	}
}

func TestConfigurationErrors(t *testing.T) {
	p := paths.Below(t.TempDir())
	for config, want := range map[string]string{
		`{"interfaces": ["eth0", "eth0"]}`:                                                  "Dhcp6/interfaces[1]: interface \"eth0\" is named twice",
		`{"interfaces": ["eth0/10.0.0.1"]}`:                                                 "Dhcp6/interfaces[0]: ",
		`{"interfaces": ["eth0/::5", "eth0/::6"]}`:                                          "Dhcp6/interfaces[1]: interface \"eth0\" has another address already",
		`{"subnet6": [{"subnet": "192.0.2.0/24"}]}`:                                         "Dhcp6/subnet6[0]/subnet: ",
		`{"subnet6": [{"subnet": "2001:db8::/64", "pool": ["2001:db8:1::/80"]}]}`:           "Dhcp6/subnet6[0]/pool[0]: ",
		`{"subnet6": [{"subnet": "2001:db8::/64", "interface": "a", "interface-id": "b"}]}`: "Dhcp6/subnet6[0]/interface-id: ",
		`{"subnet6": [{"subnet": "2001:db8::/64", "pd-pools": [{"prefix": "2001:db8::", "prefix-len": 64, "delegated-len": 60}]}]}`: "Dhcp6/subnet6[0]/pd-pools[0]: ",
		`{"subnet6": [{"subnet": "2001:db8::/64"}, {"subnet": "2001:db8::/64"}]}`:                                                   "Dhcp6/subnet6[1]: ",
		`{"subnet6": [{"subnet": "2001:db8::/64", "id": 5}, {"subnet": "2001:db9::/64", "id": 5}]}`:                                 "Dhcp6/subnet6[1]: ",
		`{"subnet6": [{"subnet": "2001:db8::/64", "reservations": [{}]}]}`:                                                          "Dhcp6/subnet6[0]/reservations[0]: ",
		`{"subnet6": [{"subnet": "2001:db8::/64", "reservations": [{"duid": "0102", "ip-addresses": ["::1"]}]}]}`:                   "Dhcp6/subnet6[0]/reservations[0]/ip-addresses[0]: ",
		`{"client-classes": [{"name": "a", "test": "option[1"}]}`:                                                                   "Dhcp6/client-classes[0]: ",
		`{"option-data": [{"name": "dns-servers", "data": "192.0.2.1", "csv-format": true}]}`:                                       "Dhcp6/option-data[0]: ",
		`{"lease-database": {"type": "mysql"}}`:                                                                                     "Dhcp6/lease-database/type: ",
		`{"valid-lifetime": 100, "min-valid-lifetime": 200, "subnet6": [{"subnet": "2001:db8::/64"}]}`:                              "valid-lifetime: 100 does not lie between",
	} {
		v, err := schema.Parse([]byte(config))
		if err != nil {
			t.Fatal(err)
		}
		_, errs := build(Descriptor(p).Spec, v.(schema.Section), p, nil)
		if len(errs) == 0 || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("%s: %v, want %s", config, errs, want)
		}
	}
}

func TestNumbersStay(t *testing.T) {
	p := paths.Below(t.TempDir())
	numbers := func(known subnet.Identities, prefixes ...string) (subnet.Identities, string) {
		t.Helper()
		var list []any
		for _, prefix := range prefixes {
			list = append(list, map[string]any{"subnet": prefix})
		}
		set, errs := build(Descriptor(p).Spec, schema.Section{"subnet6": list}, p, known)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		out := ""
		for _, s := range set.subnets.All() {
			out += fmt.Sprint(s.ID, " ")
		}
		return set.identities, out
	}
	known, got := numbers(nil, "2001:db8:1::/64", "2001:db8:2::/64", "2001:db8:3::/64")
	if got != "1 2 3 " {
		t.Error(got)
	}
	if known, got = numbers(known, "2001:db8:3::/64", "2001:db8:4::/64"); got != "3 4 " {
		t.Error(got)
	}
	if _, got = numbers(known, "2001:db8:2::/64", "2001:db8:3::/64"); got != "2 3 " {
		t.Error(got)
	}
}
