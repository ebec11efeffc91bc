package dhcpddns

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/dhcid"
	"bundy/internal/naming/ncr"
	"bundy/internal/naming/publish/servertest"
	"bundy/internal/naming/reconcile"
	"bundy/internal/suite/schema"
)

var (
	modelFor  = flag.Duration("model.for", 0, "how long TestModel goes on; 0: a few rounds")
	modelSeed = flag.Uint64("model.seed", 0, "seed of TestModel; 0: a seed of its own for a long run, a fixed one else")
)

const (
	modelRounds = 3  // of a short run
	roundEvents = 40 // before quiet
	modelHosts  = 5  // names that all clients choose from
	modelPool   = 4  // addresses in each subnet
	quietTime   = 30 * time.Second
)

// TestModel lets random things happen to leases of both families, to requests of another server, to the configuration, to the
// clock, to the process, to the name server and to its zones by hand. After each round everything is left alone; then
// every record in DNS is either what somebody put there by hand, or belongs to exactly one active lease, and every active
// lease that should have a name has it. Run with -model.for 1h for as long, with -model.seed to have the events of a
// failure again.
func TestModel(t *testing.T) {
	if dir := os.Getenv(modelDir); dir != "" {
		modelChild(t, dir)
		return
	}
	runModel(t, false)
}

// TestModelOfSuite is TestModel with zones of this suite, which are changed over the command channel: the name server is
// killed too, before or after it has done what it was asked.
func TestModelOfSuite(t *testing.T) { runModel(t, true) }

func runModel(t *testing.T, ours bool) {
	seed := *modelSeed
	switch {
	case seed == 0 && *modelFor > 0:
		seed = rand.Uint64()
	case seed == 0:
		seed = 7
	}
	end := time.Now().Add(*modelFor)
	for n := 0; n == 0 || time.Now().Before(end); n++ {
		m := newModel(t, seed+uint64(n), ours)
		for range modelRounds {
			m.round()
		}
		m.end(false)
		m.stateHolds()
		if *modelFor > 0 {
			t.Logf("seed %d holds: %d events", m.seed, m.events)
		}
	}
}

// model is the world around the component, and what is known of it.
type model struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand
	dir    string
	dns    *servertest.Server
	ours   *modelSuite // nil: the zones are not of this suite
	p      *process    // nil: it does not run
	port   *os.File
	at     netip.AddrPort
	later  time.Duration // that its clock is ahead of ours
	newest time.Time     // latest time that it ever was

	doc      schema.Document
	subnets  [families]map[string]bool // that are configured
	updates  [families]bool            // enable-updates
	naming   string                    // "", or the source of names of dynamic_dns
	domain   string                    // of dynamic_dns
	leases   map[netip.Addr]lease.Lease
	torn     [families][]byte // the rest of a row that was written in part
	wants    map[netip.Addr]ncr.Request
	foreign  map[string]bool // records that are somebody else's, as servertest.Text writes them
	events   int
	log      []string
	lastHand int
}

// modelZones are those of the name server.
var modelZones = [...]string{"lab.example.", "2.0.192.in-addr.arpa.", "2.ip6.arpa."}

// modelSubnets are the pools of both families; the addresses of the last one are not configured: requests are for them.
var modelSubnets = [families][]string{{"192.0.2.0/26", "192.0.2.64/26"}, {"2001:db8:1::/64", "2001:db8:2::/64"}}

var modelElsewhere = [families]string{"192.0.2.192/26", "2001:db8:3::/64"}

func newModel(t *testing.T, seed uint64, ours bool) *model {
	s := &model{
		t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir(), dns: servertest.New(t, modelZones[:]),
		leases: map[netip.Addr]lease.Lease{}, wants: map[netip.Addr]ncr.Request{}, foreign: map[string]bool{},
		updates: [families]bool{true, true}, domain: "lab.example",
	}
	for family := range s.subnets {
		s.subnets[family] = map[string]bool{}
		for _, subnet := range modelSubnets[family] {
			s.subnets[family][subnet] = true
		}
	}
	s.port, s.at = requestPort(t)
	t.Cleanup(func() { s.end(true) })
	if ours {
		s.ours = newModelSuite(t, filepath.Join(s.dir, "channel"), s.dns)
	}
	s.setDocument(func(map[string]any) {})
	s.begin()
	return s
}

// fail ends the test with what happened.
func (m *model) fail(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("seed %d: %s\nwhat happened:\n%s", m.seed, fmt.Sprintf(format, args...), strings.Join(m.log[max(0, len(m.log)-120):], "\n"))
}

func (m *model) note(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf("%d %s ", m.events, m.now().Format(time.TimeOnly))+fmt.Sprintf(format, args...))
}

// now is the time that the component sees.
func (m *model) now() time.Time { return time.Now().Add(m.later) }

// pick takes one of a list.
func pick[T any](m *model, of ...T) T { return of[m.random.IntN(len(of))] }

func (m *model) round() {
	for range roundEvents {
		m.events++
		m.event()
		if m.random.IntN(3) == 0 { // let it work a little
			<-time.After(time.Duration(m.random.IntN(15)) * time.Millisecond)
		}
	}
	m.quiet()
}

// event lets one thing happen.
func (m *model) event() {
	weighted := []struct {
		weight int
		what   func()
	}{
		{30, m.grant}, {6, m.renew}, {8, m.rename}, {6, m.move}, {8, m.release}, {3, m.decline}, {3, m.reclaim},
		{6, m.request}, {4, m.unrequest}, {2, m.redundantRequest}, {6, m.jump}, {2, m.jumpBack}, {8, m.fault}, {4, m.free},
		{8, m.hand}, {3, m.tear}, {2, m.rotate}, {2, m.toggleSubnet}, {1, m.toggleUpdates}, {2, m.policy}, {1, m.changeNaming},
		{3, m.restart}, {3, m.kill}, {2, m.absent},
	}
	total := 0
	for _, w := range weighted {
		total += w.weight
	}
	n := m.random.IntN(total)
	for _, w := range weighted {
		if n -= w.weight; n < 0 {
			w.what()
			return
		}
	}
}

// setDocument writes the configuration, after edit has changed the section of the component.
func (m *model) setDocument(edit func(section map[string]any)) {
	m.t.Helper()
	if m.doc == nil {
		servers := []any{map[string]any{"ip_address": m.dns.Address().Addr().String(), "port": int64(m.dns.Address().Port())}}
		domain := func(name string) map[string]any {
			if m.ours != nil {
				return map[string]any{"name": name}
			}
			return map[string]any{"name": name, "dns_servers": servers}
		}
		m.doc = schema.Document{name: {
			"port":         int64(0),
			"forward_ddns": map[string]any{"ddns_domains": []any{domain(modelZones[0])}},
			"reverse_ddns": map[string]any{"ddns_domains": []any{domain(modelZones[1]), domain(modelZones[2])}},
			"dynamic_dns":  map[string]any{},
		}}
	}
	dynamic, _ := m.doc[name]["dynamic_dns"].(map[string]any)
	edit(dynamic)
	for family, of := range []struct{ module, item string }{{dhcp4Name, "subnet4"}, {dhcp6Name, "subnet6"}} {
		var subnets []any
		for _, text := range modelSubnets[family] {
			if m.subnets[family][text] {
				subnets = append(subnets, map[string]any{"subnet": text})
			}
		}
		m.doc[of.module] = schema.Section{"dhcp-ddns": map[string]any{"enable-updates": m.updates[family]}, of.item: subnets}
	}
	text, err := json.Marshal(m.doc)
	if err == nil {
		err = os.WriteFile(filepath.Join(m.dir, "doc.json"), text, 0o600)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.tell(order{Apply: true})
}

// Leases.

func (m *model) address(in string) netip.Addr {
	a := netip.MustParsePrefix(in).Addr()
	for range 1 + m.random.IntN(modelPool) {
		a = a.Next()
	}
	return a
}

func (m *model) someAddress() netip.Addr {
	family := m.random.IntN(families)
	return m.address(pick(m, modelSubnets[family]...))
}

// client is one of those who ask: with a DUID in both families, or with a hardware address alone in DHCPv4.
func (m *model) client(l *lease.Lease, n int) {
	l.HWAddr, l.ClientID, l.DUID = "", "", ""
	duid := fmt.Sprintf("\x00\x03\x00\x01\x02\x00\x00\x00\x01%c", n)
	if l.Address.Is6() {
		l.Kind, l.DUID, l.IAID = lease.NA, duid, 1
		return
	}
	l.HWType, l.HWAddr = 1, duid[4:]
	if n%2 == 0 {
		l.ClientID = "\xff\x00\x00\x00\x01" + duid
	}
}

func (m *model) host() string {
	if m.random.IntN(12) == 0 {
		return "h1.elsewhere.example."
	}
	return fmt.Sprintf("h%d.lab.example.", m.random.IntN(modelHosts))
}

func (m *model) newLease(a netip.Addr) lease.Lease {
	l := lease.Lease{Address: a, SubnetID: 1, Start: m.now().UTC().Truncate(time.Second), Hostname: m.host(), FQDNForward: true, FQDNReverse: true}
	m.client(&l, m.random.IntN(6))
	l.ValidLifetime = pick[uint32](m, 30, 600, 3600, 7200, 7200, lease.Infinity)
	if l.Address.Is6() {
		l.Preferred = l.ValidLifetime
	}
	switch m.random.IntN(12) {
	case 0:
		l.FQDNForward = false
	case 1:
		l.FQDNReverse = false
	case 2:
		l.FQDNForward, l.FQDNReverse, l.Hostname = false, false, ""
	}
	return l
}

func (m *model) file(family int) string {
	return filepath.Join(m.dir, [families]string{"kea-leases4.csv", "kea-leases6.csv"}[family])
}

// row writes what the server says of an address: whole, or the first part of it.
func (m *model) row(l lease.Lease, part bool) {
	m.t.Helper()
	if l.ValidLifetime == 0 {
		delete(m.leases, l.Address)
	} else {
		m.leases[l.Address] = l
	}
	family := familyOf(l.Address)
	m.mend(family)
	var b []byte
	if info, err := os.Stat(m.file(family)); err != nil || info.Size() == 0 {
		b = lease.AppendHeader(nil, [families]lease.Family{lease.Family4, lease.Family6}[family])
	}
	b = lease.AppendRow(b, l)
	if part {
		n := len(b) - 1 - m.random.IntN(len(b)/3)
		b, m.torn[family] = b[:n], b[n:]
	}
	m.write(family, b)
	m.note("row %s %s client %x%x life %d state %d %v/%v", l.Address, l.Hostname, l.HWAddr, l.DUID, l.ValidLifetime, l.State, l.FQDNForward, l.FQDNReverse)
}

// mend writes the rest of a row.
func (m *model) mend(family int) {
	if rest := m.torn[family]; rest != nil {
		m.torn[family] = nil
		m.write(family, rest)
	}
}

func (m *model) write(family int, b []byte) {
	m.t.Helper()
	f, err := os.OpenFile(m.file(family), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) grant() { m.row(m.newLease(m.someAddress()), false) }

func (m *model) tear() { m.row(m.newLease(m.someAddress()), true) }

// held picks a lease of the file.
func (m *model) held() (lease.Lease, bool) {
	var all []netip.Addr
	for a := range m.leases {
		all = append(all, a)
	}
	if len(all) == 0 {
		return lease.Lease{}, false
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return m.leases[pick(m, all...)], true
}

func (m *model) change(fn func(l *lease.Lease)) {
	if l, ok := m.held(); ok {
		fn(&l)
		m.row(l, false)
	}
}

func (m *model) renew() {
	m.change(func(l *lease.Lease) {
		if l.State != lease.Declined { // nobody has that
			l.Start, l.State = m.now().UTC().Truncate(time.Second), lease.Active
		}
	})
}

func (m *model) rename() { m.change(func(l *lease.Lease) { l.Hostname = m.host() }) }

func (m *model) release() { m.change(func(l *lease.Lease) { l.ValidLifetime = 0 }) }

func (m *model) decline() {
	m.change(func(l *lease.Lease) {
		l.State, l.HWAddr, l.ClientID, l.DUID, l.Hostname = lease.Declined, "", "", "", ""
	})
}

func (m *model) reclaim() { m.change(func(l *lease.Lease) { l.State = lease.Reclaimed }) }

// move gives a client another address of its family.
func (m *model) move() {
	l, ok := m.held()
	if !ok {
		return
	}
	next := l
	next.Address = m.address(pick(m, modelSubnets[familyOf(l.Address)]...))
	l.ValidLifetime = 0
	rows := []lease.Lease{l, next}
	if m.random.IntN(2) == 0 {
		slices.Reverse(rows)
	}
	if l.Address == next.Address {
		rows = rows[:1]
	}
	for _, r := range rows {
		m.row(r, false)
	}
}

// rotate rewrites a lease file as the cleanup of Kea does: what was goes into another file, and a new one begins.
func (m *model) rotate() {
	family := m.random.IntN(families)
	m.mend(family)
	m.note("cleanup of leases %d", family)
	path := m.file(family)
	if err := os.Rename(path, path+".1"); err != nil {
		return // none yet
	}
	m.write(family, lease.AppendHeader(nil, [families]lease.Family{lease.Family4, lease.Family6}[family]))
	b := lease.AppendHeader(nil, [families]lease.Family{lease.Family4, lease.Family6}[family])
	for a, l := range m.leases {
		if familyOf(a) == family {
			b = lease.AppendRow(b, l)
		}
	}
	for _, step := range []func() error{
		func() error { return os.WriteFile(path+".output", b, 0o600) },
		func() error { return os.Rename(path+".output", path+".completed") },
		func() error { return os.Rename(path+".completed", path+".2") },
		func() error { return os.Remove(path + ".1") },
	} {
		if err := step(); err != nil {
			m.t.Fatal(err)
		}
	}
}

// Requests of another server, for addresses that no lease file decides about.

func (m *model) request() {
	l := m.newLease(m.address(modelElsewhere[m.random.IntN(families)]))
	if !l.FQDNForward && !l.FQDNReverse {
		return
	}
	r := ncr.Request{Change: ncr.Add, Forward: l.FQDNForward, Reverse: l.FQDNReverse, Name: wire.MustParseName(l.Hostname),
		Address: l.Address, Expires: l.Start.Add(time.Hour), Length: 3600}
	r.DHCID = dhcid.Of(l).RDATA(r.Name)
	m.send(r)
	if r.Forward && !r.Name.IsBelow(wire.MustParseName(modelZones[0])) && !r.Reverse {
		return // nothing is configured for it
	}
	m.wants[r.Address] = r
}

func (m *model) unrequest() {
	a := m.address(modelElsewhere[m.random.IntN(families)])
	r, ok := m.wants[a]
	if !ok {
		return
	}
	r.Change = ncr.Remove
	if m.random.IntN(4) == 0 { // of a client that does not have it
		r.DHCID = slices.Clone(r.DHCID)
		r.DHCID[5]++
	} else {
		delete(m.wants, a)
	}
	m.send(r)
}

// redundantRequest is one about a lease whose file we follow: true or not, it changes nothing.
func (m *model) redundantRequest() {
	l := m.newLease(m.someAddress())
	if !m.covered(l.Address) || l.Hostname == "" {
		return
	}
	r := ncr.Request{Change: pick(m, ncr.Add, ncr.Remove), Forward: true, Reverse: true, Name: wire.MustParseName(l.Hostname), Address: l.Address, Length: 600}
	r.DHCID = dhcid.Of(l).RDATA(r.Name)
	r.Expires = m.now()
	// It must be taken while the configuration is as it is: else it may be about a lease that nobody follows.
	if m.p != nil {
		m.send(r)
		m.taken()
	}
}

func (m *model) send(r ncr.Request) {
	m.t.Helper()
	m.note("request to %s %s %s %v/%v %x", r.Change, r.Name, r.Address, r.Forward, r.Reverse, r.DHCID[:6])
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(m.at))
	if err != nil {
		m.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(r.Append(nil, ncr.Kea)); err != nil {
		m.t.Fatal(err)
	}
}

// The clock.

func (m *model) jump() {
	m.dns.Release(m.random.IntN(2) == 0) // no name server carries an update out an hour later
	m.later += pick(m, 10*time.Second, 31*time.Second, 11*time.Minute, time.Hour+time.Second)
	m.note("the clock goes forward")
	m.tell(order{})
}

func (m *model) jumpBack() {
	m.newest = later(m.newest, m.now())
	m.later -= pick(m, time.Second, time.Minute, time.Hour)
	m.note("the clock goes back")
	m.tell(order{})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// The process.

func (m *model) restart() {
	m.note("stop and start")
	m.end(false)
	m.begin()
}

func (m *model) kill() {
	m.note("kill and start")
	m.end(true)
	m.begin()
}

// absent lets it not run for some events.
func (m *model) absent() {
	kill := m.random.IntN(2) == 0
	m.note("down, killed %v", kill)
	m.end(kill)
	for range 1 + m.random.IntN(4) {
		pick(m, m.grant, m.rename, m.move, m.release, m.request, m.unrequest, m.jump, m.hand, m.toggleSubnet, m.tear, m.rotate, m.free)()
	}
	m.note("up again")
	m.begin()
}

// The configuration.

func (m *model) toggleSubnet() {
	family := m.random.IntN(families)
	subnet := pick(m, modelSubnets[family]...)
	m.subnets[family][subnet] = !m.subnets[family][subnet]
	m.note("subnet %s %v", subnet, m.subnets[family][subnet])
	m.setDocument(func(map[string]any) {})
}

func (m *model) toggleUpdates() {
	family := m.random.IntN(families)
	m.updates[family] = !m.updates[family]
	m.note("updates of family %d %v", family, m.updates[family])
	m.setDocument(func(map[string]any) {})
}

func (m *model) policy() {
	conflict := pick(m, "check-with-dhcid", "skip-existing", "strict-fail", "replace-owned")
	marker := m.random.IntN(2) == 0
	m.note("policy %s marker %v", conflict, marker)
	m.setDocument(func(s map[string]any) { s["conflict_policy"], s["marker"] = conflict, marker })
}

func (m *model) changeNaming() {
	m.naming, m.domain = pick(m, "", "", "client-hostname", "mac-fallback"), pick(m, "lab.example", "sub.lab.example")
	m.note("names by %q in %s", m.naming, m.domain)
	m.setDocument(func(s map[string]any) {
		delete(s, "hostname_source")
		if s["enabled"] = m.naming != ""; m.naming != "" {
			s["hostname_source"] = []any{m.naming}
		}
		s["domain"] = m.domain
	})
}

// The name server.

func (m *model) fault() {
	what := m.random.IntN(8)
	if m.ours != nil {
		what = m.random.IntN(10)
	}
	m.note("name server: %s", [...]string{"works", "works", "refuses", "away", "half its answers are lost", "half its updates come late", "answers no queries", "answers no updates", "dies often", "does not run"}[what])
	m.works()
	chance := rand.New(rand.NewPCG(m.random.Uint64(), 2)) // used under the server's lock
	switch what {
	case 2:
		m.dns.SetRefuse(pick(m, wire.RcodeServFail, wire.RcodeRefused, wire.RcodeNotAuth))
	case 3:
		m.dns.SetSilent(true)
	case 4:
		m.dns.Behave(func(int) servertest.Behaviour { return servertest.Behaviour{Mute: chance.IntN(2) == 0} })
	case 5:
		m.dns.Behave(func(int) servertest.Behaviour {
			late := chance.IntN(2) == 0
			return servertest.Behaviour{Hold: late, Mute: late}
		})
	case 6:
		m.dns.SetMuteQueries(true)
	case 7:
		m.dns.Behave(func(int) servertest.Behaviour { return servertest.Behaviour{Skip: true, Mute: true} })
	case 8:
		m.ours.dies.Store(true)
	case 9:
		m.ours.stop()
	}
}

func (m *model) works() {
	m.dns.SetRefuse(0)
	m.dns.SetSilent(false)
	m.dns.SetMuteQueries(false)
	m.dns.Behave(nil)
	if m.ours != nil {
		m.ours.dies.Store(false)
		m.ours.start()
	}
}

// free carries out what was late.
func (m *model) free() {
	backwards := m.random.IntN(2) == 0
	m.note("%d late updates, backwards %v", m.dns.Release(backwards), backwards)
}

// quiet leaves everything alone until all is as it should be.
func (m *model) quiet() {
	m.t.Helper()
	for family := range m.torn {
		m.mend(family)
	}
	m.works()
	m.free()
	if m.p == nil {
		m.begin()
	}
	m.newest = later(m.newest, m.now())
	if back := m.newest.Sub(m.now()); back > 0 {
		m.later += back
	}
	m.note("quiet")
	var wrong []string
	var state []stored
	for end := time.Now().Add(quietTime); time.Now().Before(end); {
		// Late updates were for a minute in doubt. Some wait longer than a test can.
		m.later += reconcile.SettleTime + time.Second
		m.tell(order{Call: "reconcile"})
		for again := time.Now().Add(3 * time.Second); time.Now().Before(again); {
			r := m.tell(order{Check: true})
			m.newest = later(m.newest, m.now())
			state = r.Records
			if wrong = m.judge(r); len(wrong) == 0 {
				return
			}
			<-time.After(10 * time.Millisecond)
		}
	}
	m.fail("%s\nthe state has:\n%+v\nDNS has:\n%s", strings.Join(wrong, "\n"), state, strings.Join(m.published(), "\n"))
}

// taken waits until the component has done what it can do at once.
func (m *model) taken() {
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end) && m.tell(order{Check: false}).Busy > 0; {
		<-time.After(time.Millisecond)
	}
}

func (m *model) published() (out []string) {
	for _, zone := range modelZones {
		out = append(out, m.dns.Records(zone)...)
	}
	return out
}
