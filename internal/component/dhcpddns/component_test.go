package dhcpddns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/ncr"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/publish/servertest"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/sockets"
)

// plainSockets binds sockets in the process of the test.
type plainSockets struct{ bound chan netip.AddrPort }

func (p plainSockets) Get(_ context.Context, r sockets.Request) ([]*os.File, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(r.Address))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	p.bound <- conn.LocalAddr().(*net.UDPAddr).AddrPort()
	f, err := conn.File()
	return []*os.File{f}, err
}

func (plainSockets) Drop(sockets.Request) {}

// site is one machine with a DHCP server's lease file, the component and a name server.
type site struct {
	t       testing.TB
	dir     string
	dns     *servertest.Server
	doc     schema.Document
	c       *component
	address netip.AddrPort // of the request port
	later   atomic.Int64   // nanoseconds that the component's clock is ahead
	stop    func()
	bus     eventBus
	marks   bool            // eventually wants DHCID records too
	log     *logging.Logger // may be nil

	rows map[netip.Addr]lease.Lease // that were written last for an address

	exchange func(ctx context.Context, at netip.AddrPort, msg []byte, key *tsig.Key) ([]byte, error) // nil: the true one
}

func newSite(t testing.TB) *site {
	s := &site{t: t, dir: t.TempDir(), dns: servertest.New(t, []string{"lab.example.", "2.0.192.in-addr.arpa.", "2.ip6.arpa."})}
	servers := []any{map[string]any{"ip_address": s.dns.Address().Addr().String(), "port": int64(s.dns.Address().Port())}}
	domain := func(name string) map[string]any { return map[string]any{"name": name, "dns_servers": servers} }
	s.doc = schema.Document{
		name: {
			"port":         int64(0),
			"forward_ddns": map[string]any{"ddns_domains": []any{domain("lab.example")}},
			"reverse_ddns": map[string]any{"ddns_domains": []any{domain("2.0.192.in-addr.arpa."), domain("2.ip6.arpa")}},
		},
		dhcp4Name: {
			"dhcp-ddns": map[string]any{"enable-updates": true},
			"subnet4":   []any{map[string]any{"subnet": "192.0.2.0/25"}},
		},
	}
	return s
}

func (s *site) deps() module.Deps {
	return module.Deps{Bus: &s.bus, Sockets: plainSockets{make(chan netip.AddrPort, 8)}, Paths: paths.Below(s.dir), Log: s.log}
}

// start runs the component; stop stops it, if that was not done yet.
func (s *site) start() {
	s.t.Helper()
	d := Descriptor(paths.Below(s.dir))
	if errs := d.Check(s.doc); len(errs) > 0 {
		s.t.Fatal(errs)
	}
	deps := s.deps()
	m, err := d.New(s.doc, deps)
	if err != nil {
		s.t.Fatal(err)
	}
	s.c = m.(*component)
	s.c.publisher.Exchange = s.exchange
	s.c.now = func() time.Time { return time.Now().Add(time.Duration(s.later.Load())) }
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- m.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		s.t.Fatal(err)
	}
	s.address = <-deps.Sockets.(plainSockets).bound
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	}
	s.t.Cleanup(s.stop)
}

func (s *site) file() string { return filepath.Join(s.dir, "kea-leases4.csv") }

// row6 appends a lease to the file as the DHCPv6 server does.
func (s *site) row6(address, duid, host string, lifetime uint32) {
	s.t.Helper()
	path := filepath.Join(s.dir, "kea-leases6.csv")
	var b []byte
	if _, err := os.Stat(path); err != nil {
		b = lease.AppendHeader(nil, lease.Family6)
	}
	b = lease.AppendRow(b, lease.Lease{
		Address: netip.MustParseAddr(address), Kind: lease.NA, DUID: duid, IAID: 1, ValidLifetime: lifetime, Preferred: lifetime,
		Start: time.Now().UTC().Truncate(time.Second), SubnetID: 1, FQDNForward: true, FQDNReverse: true, Hostname: host,
	})
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(b)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestNamesOfBothFamilies lets a client have an IPv4 address and two IPv6 addresses under one name, as one that uses its
// DUID in DHCPv4 too (RFC 4361) does, and give them back one by one.
func TestNamesOfBothFamilies(t *testing.T) {
	s := newSite(t)
	s.doc[dhcp6Name] = map[string]any{
		"dhcp-ddns":       map[string]any{"enable-updates": true},
		"shared-networks": []any{map[string]any{"subnet6": []any{map[string]any{"subnet": "2001:db8:1::/64"}}}},
	}
	const duid, name = "\x00\x03\x00\x01\x02\x00\x00\x00\x00\x01", "both.lab.example."
	four := leaseOf("192.0.2.9", "z", name)
	four.ClientID = "\xff\x00\x00\x00\x01" + duid
	s.row(four)
	s.row6("2001:db8:1::1", duid, name, 3600)
	s.start()
	want := append(both(name, "192.0.2.9"), both(name, "2001:db8:1::1")...)
	s.eventually(want...)
	s.row6("2001:db8:1::2", duid, name, 3600)
	s.eventually(append(both(name, "2001:db8:1::2"), want...)...)
	s.row6("2001:db8:1::3", "\x00\x03\x00\x01\x02\x00\x00\x00\x00\x09", "other.lab.example.", 3600)
	s.row6("2001:db8:1::1", duid, name, 0)
	want = append(append(both(name, "192.0.2.9"), both(name, "2001:db8:1::2")...), both("other.lab.example.", "2001:db8:1::3")...)
	s.eventually(want...)
	four.ValidLifetime = 0
	s.row(four)
	s.row6("2001:db8:1::2", duid, name, 0)
	s.eventually(both("other.lab.example.", "2001:db8:1::3")...)
	s.doc[dhcp6Name]["dhcp-ddns"] = map[string]any{"enable-updates": false}
	s.apply()
	s.eventually()
}

// row appends a lease to the file as the DHCP server does.
func (s *site) row(l lease.Lease) {
	s.t.Helper()
	var b []byte
	if _, err := os.Stat(s.file()); err != nil {
		b = lease.AppendHeader(nil, lease.Family4)
	}
	f, err := os.OpenFile(s.file(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(lease.AppendRow(b, l)); err != nil {
		s.t.Fatal(err)
	}
}

func leaseOf(address, client, host string) lease.Lease {
	return lease.Lease{
		Address: netip.MustParseAddr(address), HWType: 1, HWAddr: "\x02\x00\x00\x00\x00" + client, ValidLifetime: 3600,
		Start: time.Now().UTC().Truncate(time.Second), SubnetID: 1, FQDNForward: true, FQDNReverse: true, Hostname: host,
	}
}

// tombstone is the row of an address whose lease is gone.
func tombstone(address string) lease.Lease {
	l := leaseOf(address, "x", "")
	l.ValidLifetime = 0
	return l
}

// eventually waits until DNS has exactly these records, as servertest.Text writes them; those of type DHCID count only
// with marks.
func (s *site) eventually(want ...string) {
	s.t.Helper()
	slices.Sort(want)
	deadline := time.Now().Add(10 * time.Second)
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	var got []string
	for time.Now().Before(deadline) {
		if got = s.published(); slices.Equal(got, want) {
			return
		}
		<-ticker.C
	}
	if s.c == nil { // it runs in another process
		s.t.Fatalf("DNS has %q, want %q", got, want)
	}
	answer, err := s.c.Call(context.Background(), "show", nil)
	text, _ := json.Marshal(answer)
	s.t.Fatalf("DNS has %q, want %q; %s %v", got, want, text, err)
}

func (s *site) published() []string {
	var out []string
	for _, zone := range []string{"lab.example.", "2.0.192.in-addr.arpa.", "2.ip6.arpa."} {
		for _, text := range s.dns.Records(zone) {
			if s.marks || !strings.Contains(text, " DHCID ") {
				out = append(out, text)
			}
		}
	}
	slices.Sort(out)
	return out
}

// both gives what DNS must hold for a name and its address.
func both(name, address string) []string {
	return []string{forward(name, address), reverse(name, address)}
}

func forward(name, address string) string {
	a := netip.MustParseAddr(address)
	t := "A"
	if a.Is6() {
		t = "AAAA"
	}
	return fmt.Sprintf("%s %s %x", name, t, a.AsSlice())
}

func reverse(name, address string) string {
	k := owned.Key{Kind: owned.Reverse, Address: netip.MustParseAddr(address)}
	return fmt.Sprintf("%s PTR %x", ownerOf(k), []byte(wire.MustParseName(name)))
}

func (s *site) send(r ncr.Request) {
	s.t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.address))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(r.Append(nil, ncr.Kea)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) apply() {
	s.t.Helper()
	change, err := s.c.Prepare(context.Background(), s.doc)
	if err != nil {
		s.t.Fatal(err)
	}
	change.Apply()
}

func TestNamesFollowLeases(t *testing.T) {
	s := newSite(t)
	s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
	s.start()
	alpha := both("alpha.lab.example.", "192.0.2.1")
	s.eventually(alpha...)

	beta := leaseOf("192.0.2.2", "b", "beta.lab.example.")
	s.row(beta)
	s.eventually(append(both("beta.lab.example.", "192.0.2.2"), alpha...)...)
	beta.Hostname = "renamed.lab.example."
	s.row(beta)
	s.eventually(append(both("renamed.lab.example.", "192.0.2.2"), alpha...)...)
	s.row(leaseOf("192.0.2.2", "c", "renamed.lab.example.")) // the address and its name go to another client
	s.eventually(append(both("renamed.lab.example.", "192.0.2.2"), alpha...)...)
	s.row(leaseOf("192.0.2.2", "d", "gamma.lab.example."))
	s.eventually(append(both("gamma.lab.example.", "192.0.2.2"), alpha...)...)

	moved := leaseOf("192.0.2.3", "a", "alpha.lab.example.") // the client moves
	s.row(tombstone("192.0.2.1"))
	s.row(moved)
	s.eventually(append(both("alpha.lab.example.", "192.0.2.3"), both("gamma.lab.example.", "192.0.2.2")...)...)

	declined := leaseOf("192.0.2.2", "", "")
	declined.State = lease.Declined
	s.row(declined)
	s.eventually(both("alpha.lab.example.", "192.0.2.3")...)
	short := leaseOf("192.0.2.4", "e", "short.lab.example.")
	short.ValidLifetime = 1800
	s.row(short)
	s.eventually(append(both("short.lab.example.", "192.0.2.4"), both("alpha.lab.example.", "192.0.2.3")...)...)
	s.later.Store(int64(31 * time.Minute)) // by its end, of which no row tells
	if _, err := s.c.Call(context.Background(), "reconcile", nil); err != nil {
		t.Fatal(err)
	}
	s.eventually(both("alpha.lab.example.", "192.0.2.3")...)
	s.row(tombstone("192.0.2.3"))
	s.marks = true // they go with an update of their own, behind the addresses
	s.eventually()
}

func TestChangesWhileNotRunning(t *testing.T) {
	s := newSite(t)
	s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
	s.row(leaseOf("192.0.2.2", "b", "beta.lab.example."))
	s.start()
	s.eventually(append(both("alpha.lab.example.", "192.0.2.1"), both("beta.lab.example.", "192.0.2.2")...)...)
	s.stop()
	s.row(tombstone("192.0.2.1"))
	s.row(leaseOf("192.0.2.3", "c", "gamma.lab.example."))
	s.start()
	s.eventually(append(both("gamma.lab.example.", "192.0.2.3"), both("beta.lab.example.", "192.0.2.2")...)...)
	s.stop() // which ends what is under way
	before := s.dns.Updates()
	s.start()
	s.row(leaseOf("192.0.2.4", "d", "delta.lab.example."))
	s.eventually(append(both("delta.lab.example.", "192.0.2.4"),
		append(both("gamma.lab.example.", "192.0.2.3"), both("beta.lab.example.", "192.0.2.2")...)...)...)
	if n := s.dns.Updates() - before; n != 2 {
		t.Errorf("%d updates after a restart, want 2 for the new lease", n)
	}
}

// TestUnreadableLeasesKeepNames is about what must not look like the end of all leases.
func TestUnreadableLeasesKeepNames(t *testing.T) {
	s := newSite(t)
	s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
	s.start()
	s.eventually(both("alpha.lab.example.", "192.0.2.1")...)
	s.stop()
	content, err := os.ReadFile(s.file())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.file(), []byte("garbage\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := s.dns.Updates()
	s.start()
	s.send(request4(ncr.Add, "192.0.2.200", "outside.lab.example.")) // something to wait for
	s.eventually(append(both("outside.lab.example.", "192.0.2.200"), both("alpha.lab.example.", "192.0.2.1")...)...)
	if n := s.dns.Updates() - before; n != 2 {
		t.Errorf("%d updates, want 2 for the request", n)
	}
	if err := os.WriteFile(s.file(), content, 0o600); err != nil {
		t.Fatal(err)
	}
	s.row(leaseOf("192.0.2.2", "b", "beta.lab.example."))
	s.eventually(append(both("beta.lab.example.", "192.0.2.2"),
		append(both("outside.lab.example.", "192.0.2.200"), both("alpha.lab.example.", "192.0.2.1")...)...)...)
}

func request4(change ncr.Change, address, name string) ncr.Request {
	return ncr.Request{
		Change: change, Forward: true, Reverse: true, Name: wire.MustParseName(name), Address: netip.MustParseAddr(address),
		DHCID: []byte("\x00\x01\x01 thirty-two octets of some digest"), Expires: time.Now(), Length: 3600,
	}
}

func TestRequestsOfOtherServers(t *testing.T) {
	s := newSite(t)
	s.start()
	s.send(request4(ncr.Add, "192.0.2.200", "one.lab.example."))
	s.send(request4(ncr.Add, "2001:db8::1", "six.lab.example."))
	s.eventually(append(both("one.lab.example.", "192.0.2.200"), both("six.lab.example.", "2001:db8::1")...)...)
	s.stop()
	s.start() // what was asked for is on disk
	s.send(request4(ncr.Remove, "192.0.2.200", "not-ours.lab.example."))
	s.send(request4(ncr.Remove, "192.0.2.200", "one.lab.example."))
	s.eventually(both("six.lab.example.", "2001:db8::1")...)
	s.send(request4(ncr.Add, "198.51.100.1", "noreverse.lab.example."))
	s.eventually(append(both("six.lab.example.", "2001:db8::1"), forward("noreverse.lab.example.", "198.51.100.1"))...)

	s.doc[name]["allow_from"] = []any{"192.0.2.0/24"}
	s.apply()
	s.send(request4(ncr.Remove, "2001:db8::1", "six.lab.example."))
	for s.c.counters.invalid.Load() == 0 {
		s.send(request4(ncr.Remove, "2001:db8::1", "six.lab.example."))
	}
	s.eventually(append(both("six.lab.example.", "2001:db8::1"), forward("noreverse.lab.example.", "198.51.100.1"))...)
}

func TestServerDownAndConflicts(t *testing.T) {
	s := newSite(t)
	s.dns.SetRefuse(wire.RcodeServFail)
	s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
	s.start()
	for s.c.counters.families[0].failures.Load() < 2 {
		s.dns.Updates()
	}
	s.dns.SetRefuse(0)
	s.eventually(both("alpha.lab.example.", "192.0.2.1")...)

	s.row(leaseOf("192.0.2.2", "b", "alpha.lab.example.")) // two clients, one name
	for s.c.counters.families[0].conflicts.Load() == 0 {
		s.dns.Updates()
	}
	s.eventually(both("alpha.lab.example.", "192.0.2.1")...) // and no PTR record of the second to a name it does not have
	s.row(tombstone("192.0.2.1"))
	s.eventually(both("alpha.lab.example.", "192.0.2.2")...) // at once, though a conflict waits long
}

// TestNameOutsideTheDomains: a client with a name that is not in our domains gets no PTR record to it either.
func TestNameOutsideTheDomains(t *testing.T) {
	s := newSite(t)
	s.row(leaseOf("192.0.2.1", "a", "www.bank.example."))
	s.row(leaseOf("192.0.2.2", "b", "alpha.lab.example."))
	s.start()
	s.eventually(both("alpha.lab.example.", "192.0.2.2")...)
	s.row(leaseOf("192.0.2.1", "a", "beta.lab.example."))
	s.eventually(append(both("alpha.lab.example.", "192.0.2.2"), both("beta.lab.example.", "192.0.2.1")...)...)
}

func TestConfigurationWithdrawsNames(t *testing.T) {
	s := newSite(t)
	s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
	s.row(leaseOf("192.0.2.130", "b", "beta.lab.example."))
	s.start()
	s.eventually(both("alpha.lab.example.", "192.0.2.1")...)
	subnets := []any{map[string]any{"subnet": "192.0.2.0/25"}, map[string]any{"subnet": "192.0.2.128/25"}}
	s.doc[dhcp4Name]["subnet4"] = subnets
	s.apply()
	s.eventually(append(both("alpha.lab.example.", "192.0.2.1"), both("beta.lab.example.", "192.0.2.130")...)...)
	s.doc[dhcp4Name]["subnet4"] = subnets[1:]
	s.apply()
	s.eventually(both("beta.lab.example.", "192.0.2.130")...)
	s.doc[name]["ip_address"] = "127.0.0.1"
	s.doc[dhcp4Name]["dhcp-ddns"] = map[string]any{"enable-updates": false}
	s.apply()
	s.eventually()
	answer, err := s.c.Call(context.Background(), "reconcile", nil)
	if err != nil || answer == nil {
		t.Error(answer, err)
	}
}

func ownerOf(k owned.Key) wire.Name { return publish.Owner(k, "") }

// TestListensElsewhere changes the address of the request port, takes a change back, and floods the port.
func TestListensElsewhere(t *testing.T) {
	s := newSite(t)
	s.start()
	old := s.address
	s.doc[name]["ip_address"] = "127.0.0.2"
	change, err := s.c.Prepare(context.Background(), s.doc)
	if err != nil {
		t.Fatal(err)
	}
	change.Discard()
	bound := s.c.deps.Sockets.(plainSockets).bound
	<-bound
	s.send(request4(ncr.Add, "192.0.2.200", "one.lab.example."))
	s.eventually(both("one.lab.example.", "192.0.2.200")...)
	s.apply()
	s.address = <-bound
	if s.address.Addr() == old.Addr() {
		t.Fatalf("still on %v", old)
	}
	for range queueLimit + 100 {
		s.send(request4(ncr.Remove, "192.0.2.200", "one.lab.example."))
	}
	s.eventually()
	s.doc[name]["ip_address"] = "198.51.100.1" // not ours
	if _, err := s.c.Prepare(context.Background(), s.doc); err == nil || !strings.HasPrefix(err.Error(), "DhcpDdns/ip_address: ") {
		t.Errorf("an address that cannot be bound: %v", err)
	}
}

func TestShowIsBounded(t *testing.T) {
	s := newSite(t)
	for i := range 20 {
		s.row(leaseOf(fmt.Sprintf("192.0.2.%d", i+1), string(rune('a'+i)), fmt.Sprintf("h%d.lab.example.", i)))
	}
	s.start()
	for s.c.counters.families[0].added.Load() < 40 {
		s.dns.Updates()
	}
	answer, err := s.c.Call(context.Background(), "show", map[string]json.RawMessage{"limit": []byte("7"), "state": []byte(`"present"`)})
	if err != nil {
		t.Fatal(err)
	}
	m := answer.(map[string]any)
	if len(m["records"].([]shown)) != 7 || m["total"] != 40 {
		t.Errorf("%+v", m)
	}
	if values := s.c.Stats(); values["owned"] == nil || values["v4"].(map[string]any)["added"] != uint64(40) {
		t.Errorf("statistics %v", values)
	}
}
