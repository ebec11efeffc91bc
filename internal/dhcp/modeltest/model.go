package modeltest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"bundy/internal/dhcp/decline"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/lease/leasetest"
	"bundy/internal/dhcp/leasecmd"
	"bundy/internal/dhcp/subnet"
)

// The environment makes runs longer, or the same again.
const (
	seedVariable = "BUNDY_MODEL_SEED" // one run with this seed
	timeVariable = "BUNDY_MODEL_TIME" // how long to run: "2h"
)

const (
	defaultTime = 1500 * time.Millisecond
	steps       = 150
	repairs     = 8 // steps, on average, until a broken disk works again
)

// Run makes random runs.
func Run(t *testing.T, m Maker) {
	if text := os.Getenv(seedVariable); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) { run(t, m, seed) })
		return
	}
	long := defaultTime
	if text := os.Getenv(timeVariable); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	runs := 0
	for end := time.Now().Add(long); !t.Failed() && time.Now().Before(end); runs++ {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) { run(t, m, seed) })
	}
	t.Logf("%d runs of %d steps", runs, steps)
}

// claim is what a client was told, by the server's clock.
type claim struct {
	client int
	until  time.Time
}

// world is a server and what is known about it.
type world struct {
	testing.TB
	Maker
	Server
	random *rand.Rand
	dir    string
	disk   *leasetest.Disk
	broken bool
	now    time.Time
	config any
	log    []string
	at     []int // on which link each client is

	claims   map[netip.Prefix]claim
	resting  map[netip.Addr]time.Time // declined addresses
	declines map[string]int           // by whom, and on which link
	names    map[netip.Addr]string    // what is in DNS
}

var errDisk = errors.New("no space left on this disk")

func run(t testing.TB, m Maker, seed uint64) {
	w := &world{
		TB: t, Maker: m, random: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(1_790_000_000, 0).UTC(),
		claims: map[netip.Prefix]claim{}, resting: map[netip.Addr]time.Time{}, declines: map[string]int{}, names: map[netip.Addr]string{},
		config: m.Config(t, nil),
	}
	for client := range m.Clients {
		w.at = append(w.at, client%m.Links)
	}
	w.start(t.TempDir())
	for i := 0; i < steps && !t.Failed(); i++ {
		w.step()
		w.check()
	}
	if !t.Failed() {
		w.end()
	}
	if err := w.Ledger().Store.Close(); err != nil {
		w.fail("Close: %v", err)
	}
	if t.Failed() {
		for _, line := range w.log {
			t.Log(line)
		}
		t.Logf("again with %s=%d", seedVariable, seed)
	}
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, w.now.Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

func (w *world) fail(format string, args ...any) {
	w.Helper()
	w.note("FAILED "+format, args...)
	w.Errorf(format, args...)
}

func (w *world) start(dir string) {
	w.dir, w.disk, w.broken = dir, leasetest.NewDisk(), false
	store, err := w.Open(filepath.Join(dir, "leases.csv"), w.disk)
	if err != nil {
		w.Fatal(err)
	}
	w.Server = w.Start(w.TB, store, w.config, w.now)
}

func (w *world) step() {
	if w.broken && w.random.IntN(repairs) == 0 {
		w.repair()
		return
	}
	switch n := w.random.IntN(100); {
	case n < 57:
		w.talk()
	case n < 60:
		client := w.random.IntN(w.Clients)
		w.at[client] = w.random.IntN(w.Links)
		w.note("client %d moves to link %d", client, w.at[client])
	case n < 65:
		w.order()
	case n < 72:
		w.pass(time.Duration(w.random.IntN(40_000)) * time.Millisecond)
	case n < 80:
		w.reclaim()
	case n < 84:
		w.config = w.Config(w.TB, nil)
		if w.random.IntN(4) > 0 {
			w.config = w.Config(w.TB, w.random)
		}
		w.note("configuration %v", w.config)
		w.Use(w.config)
		w.flush()
		w.told()
	case n < 88 && !w.broken:
		w.restart()
	case n < 92 && !w.broken:
		w.crash()
	case n < 95:
		w.breakDisk()
	case n < 97:
		w.pass(time.Duration(w.random.IntN(3*3600)) * time.Second)
	default:
		w.pass(-time.Duration(w.random.IntN(600)) * time.Second)
	}
}

func (w *world) pass(d time.Duration) {
	w.note("%v pass", d)
	w.now = w.now.Add(d)
	w.SetClock(w.now)
	for p, c := range w.claims { // what is over stays over, when the clock goes back
		if !w.now.Before(c.until) {
			delete(w.claims, p)
		}
	}
	for a, until := range w.resting {
		if !w.now.Before(until) {
			delete(w.resting, a)
		}
	}
}

// flush waits for the store, and lets the server follow it.
func (w *world) flush() {
	err := w.Ledger().Store.Flush()
	if err != nil && !w.broken {
		w.fail("Flush: %v", err)
	}
	w.Ledger().Settle(w.now)
}

func (w *world) breakDisk() {
	w.broken = true
	w.note("the disk breaks")
	if w.random.IntN(2) == 0 {
		w.disk.BreakAfter(w.random.IntN(300), errDisk)
	} else {
		w.disk.Break(errDisk)
	}
}

func (w *world) repair() {
	if w.broken {
		w.note("the disk works again")
		w.disk.Break(nil)
		w.broken = false
	}
}

// held lists what a client has, as it believes.
func (w *world) held(client int) []netip.Prefix {
	var out []netip.Prefix
	for p, c := range w.claims {
		if c.client == client && w.now.Before(c.until) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return out
}

// talk has one client send something.
func (w *world) talk() {
	client := w.random.IntN(w.Clients)
	link := w.at[client]
	held := w.held(client)
	v := w.verb(client, held)
	var wish []netip.Prefix
	for range w.random.IntN(4) {
		if p := w.unit(); p.IsValid() {
			wish = append(wish, p)
		}
	}
	due := v != Look && v != Release && v != Decline && len(held) > 0
	for _, p := range held {
		due = due && w.theirs(client, p)
	}
	due = due && !w.richer(client, held)
	sure := w.disk.Works()
	before := w.failures()
	got := w.Send(client, link, v, held, wish)
	w.flush()
	w.note("client %d on link %d: %s with %v, wishes %v: %v", client, link, v, held, wish, got)
	if len(got.Granted) > 0 || got.Refused {
		w.drop(client, held)
	}
	for _, g := range got.Granted {
		w.granted(client, g)
	}
	if due && sure && w.disk.Works() {
		for _, p := range held {
			if !slices.ContainsFunc(got.Granted, func(g Grant) bool { return g.Prefix == p }) {
				w.fail("client %d does not get back %v, which it has", client, p)
			}
		}
	}
	switch v {
	case Release:
		w.drop(client, held)
	case Decline:
		w.declined(client, held, sure)
	}
	if got.None != (w.failures() > before) && sure && w.disk.Works() {
		w.fail("client %d: nothing free %v, and %d failures counted", client, got.None, w.failures()-before)
	}
	w.told()
}

// richer tells whether a DHCPv4 client has another lease on its link than it knows of, by an operator's command: it has one
// address, and may get that.
func (w *world) richer(client int, held []netip.Prefix) (found bool) {
	w.Ledger().Store.All(func(l lease.Lease) bool {
		found = w.Family == lease.Family4 && l.State != lease.Declined && w.Owns(client, l) && !slices.Contains(held, l.Prefix()) &&
			slices.ContainsFunc(w.Link(w.at[client]), func(s *subnet.Subnet) bool { return s.Holds(l.Address) })
		return !found
	})
	return found
}

// verb chooses what a client does. Who declines too much gets nothing for a while, which the model does not know of.
func (w *world) verb(client int, held []netip.Prefix) Verb {
	if len(held) == 0 {
		return []Verb{Look, Obtain, Obtain}[w.random.IntN(3)]
	}
	who, where := string(w.Identity(client).Value), fmt.Sprint(w.at[client])
	for _, p := range held {
		if !slices.ContainsFunc(w.Link(w.at[client]), func(s *subnet.Subnet) bool { return s.Holds(p.Addr()) }) {
			return []Verb{Look, Obtain, Rebind, Reboot}[w.random.IntN(4)] // it sees that the link is another one
		}
	}
	v := []Verb{Look, Obtain, Renew, Renew, Rebind, Reboot, Release, Decline}[w.random.IntN(8)]
	if v == Decline && (w.declines[who] >= decline.ByClient-1 || w.declines[where] >= decline.ByPort-1) {
		return Renew
	}
	if v == Decline {
		w.declines[who]++
		w.declines[where]++
	}
	return v
}

// declined takes note of addresses that rest.
func (w *world) declined(client int, held []netip.Prefix, sure bool) {
	for i, p := range held {
		if l, ok := w.Ledger().Store.Get(p.Addr()); ok && l.State == lease.Declined && l.InUse(w.now) {
			w.resting[p.Addr()] = l.Expire()
		} else if sure && w.disk.Works() && p.IsSingleIP() && (i == 0 || w.Family == lease.Family6) && w.claims[p].client == client {
			w.fail("%v was declined and does not rest: %+v", p, l)
		}
	}
	w.drop(client, held)
}

// failures is how many allocations failed since the start.
func (w *world) failures() (n uint64) {
	for _, s := range w.Subnets().All() {
		n += w.Refused(s.ID)
	}
	return n
}

func (w *world) drop(client int, held []netip.Prefix) {
	for _, p := range held {
		if w.claims[p].client == client {
			delete(w.claims, p)
		}
	}
}

// reserved lists what is reserved for a client on its link.
func (w *world) reserved(client int) []netip.Prefix {
	ids := []subnet.Identifier{w.Identity(client)}
	for _, s := range w.Link(w.at[client]) {
		h := s.Host(ids)
		switch {
		case h == nil:
			continue
		case w.Kind(client) == lease.PD:
			return h.Prefixes
		}
		var out []netip.Prefix
		for _, a := range h.Addresses {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
		}
		return out
	}
	return nil
}

// theirs tells whether the configuration lets a client have something where it is.
func (w *world) theirs(client int, p netip.Prefix) bool {
	if reserved := w.reserved(client); len(reserved) > 0 {
		return slices.Contains(reserved, p) // rather that than anything else
	}
	return w.pooled(w.Link(w.at[client]), p)
}

// pooled tells whether something is one of the pools of some subnets, and nobody's in particular.
func (w *world) pooled(subnets []*subnet.Subnet, p netip.Prefix) bool {
	for _, s := range subnets {
		if pool := s.Pool(p.Addr()); pool != nil && int(pool.Length) == p.Bits() {
			return s.Holder(p.Addr()) == nil
		}
	}
	return false
}

// granted takes note of what a client was told.
func (w *world) granted(client int, g Grant) {
	if !slices.Contains(w.reserved(client), g.Prefix) && !w.pooled(w.Link(w.at[client]), g.Prefix) {
		w.fail("client %d on link %d got %v, which the configuration does not let it have", client, w.at[client], g.Prefix)
	}
	for p, c := range w.claims {
		if c.client != client && w.now.Before(c.until) && p.Overlaps(g.Prefix) {
			w.fail("client %d got %v, and client %d has %v until %v", client, g.Prefix, c.client, p, c.until)
		}
	}
	for a, until := range w.resting {
		if w.now.Before(until) && g.Prefix.Contains(a) {
			w.fail("client %d got %v, which rests until %v", client, g.Prefix, until)
		}
	}
	w.claims[g.Prefix] = claim{client, w.now.Add(g.Valid)}
}

// told follows the changes of names.
func (w *world) told() {
	for _, c := range w.Changes() {
		old := w.names[c.Address]
		switch {
		case c.Add && old != "":
			w.fail("name %s of %v was added, and %s is there", c.Name, c.Address, old)
		case !c.Add && old != c.Name:
			w.fail("name %s of %v was removed, and %q is there", c.Name, c.Address, old)
		case c.Add:
			w.names[c.Address] = c.Name
		default:
			delete(w.names, c.Address)
		}
	}
}

// reclaim does one go.
func (w *world) reclaim() {
	ended, state := 0, w.states()
	w.Ledger().Reclaim(w.now)
	for a, before := range state {
		if l, ok := w.Ledger().Store.Get(a); !ok || l.State != before {
			ended++
		}
	}
	w.flush()
	w.note("%d leases reclaimed or forgotten", ended)
	if ended > 2*w.MaxReclaim {
		w.fail("%d leases in one go", ended)
	}
	w.told()
}

func (w *world) states() map[netip.Addr]lease.State {
	out := map[netip.Addr]lease.State{}
	w.Ledger().Store.All(func(l lease.Lease) bool {
		out[l.Address] = l.State
		return true
	})
	return out
}

func (w *world) restart() {
	w.note("restart")
	if err := w.Ledger().Store.Close(); err != nil {
		w.fail("Close: %v", err)
	}
	w.start(w.dir)
	w.told()
}

// crash cuts the power, perhaps while several clients wait for their answers.
func (w *world) crash() {
	w.note("crash")
	before := w.Server
	dir := w.TB.TempDir()
	w.pass(time.Duration(w.random.IntN(2000)) * time.Millisecond)
	w.Heard() // what was heard before is known
	for client := range w.Clients {
		held := w.held(client)
		if len(held) > 0 && !slices.ContainsFunc(held, func(p netip.Prefix) bool { return !w.theirs(client, p) }) && !w.richer(client, held) {
			for _, p := range held { // a clock that went back shortens leases that are renewed, heard or not
				if end := w.now.Add(Lifetime); w.claims[p].until.After(end) {
					w.claims[p] = claim{client, end}
				}
			}
			w.Hurl(client, w.at[client], held)
		}
	}
	for client, grants := range w.Heard() { // these must be there afterwards
		for _, g := range grants {
			w.granted(client, g)
		}
		w.note("client %d heard %v", client, grants)
	}
	if err := w.disk.Cut(w.dir, dir, func(n int64) int64 { return w.random.Int64N(n + 1) }); err != nil {
		w.Fatal(err)
	}
	if err := before.Ledger().Store.Close(); err != nil {
		w.fail("Close: %v", err)
	}
	os.Remove(filepath.Join(dir, "leases.csv.lock"))
	w.start(dir)
	clear(w.names) // what was under way is lost; who follows the leases brings it in order
	w.Ledger().Store.All(func(l lease.Lease) bool {
		if (l.State == lease.Active) && (l.FQDNForward || l.FQDNReverse) {
			w.names[l.Address] = l.Hostname
		}
		return true
	})
}

// check holds the store against what clients were told.
func (w *world) check() {
	for p, c := range w.claims {
		if !w.now.Before(c.until) {
			continue
		}
		l, ok := w.Ledger().Store.Get(p.Addr())
		if !ok || l.State != lease.Active || !w.Owns(c.client, l) || l.Expire().Before(c.until) || l.Kind != lease.V4 && l.Prefix() != p {
			w.fail("client %d has %v until %v, and the store %+v", c.client, p, c.until, l)
		}
	}
	want := map[uint32]*leasecmd.Subnet{}
	at := func(id uint32) *leasecmd.Subnet {
		if want[id] == nil {
			want[id] = &leasecmd.Subnet{Delegated: new(uint64)}
		}
		return want[id]
	}
	w.Ledger().Store.All(func(l lease.Lease) bool {
		switch s := at(l.SubnetID); {
		case l.State == lease.Declined:
			s.Declined++
		case l.State == lease.Reclaimed:
			s.Reclaimed++
		case l.Kind == lease.PD:
			*s.Delegated++
		default:
			s.Assigned++
		}
		return true
	})
	for _, s := range leasecmd.Subnets(desk{w}, w.Family) {
		n := at(s.ID)
		if s.Assigned != n.Assigned || s.Declined != n.Declined || s.Reclaimed != n.Reclaimed || s.Delegated != nil && *s.Delegated != *n.Delegated {
			w.fail("statistics %+v instead of %+v", s, n)
		}
	}
}

// end lets all leases end and gives everything out again.
func (w *world) end() {
	w.repair()
	w.config = w.Config(w.TB, nil)
	w.Use(w.config)
	w.flush()
	w.told()
	w.claims, w.resting = map[netip.Prefix]claim{}, map[netip.Addr]time.Time{}
	for range 200 {
		w.pass(4 * time.Hour)
		w.reclaim()
	}
	if len(w.names) > 0 {
		w.fail("names without leases: %v", w.names)
	}
	w.Ledger().Store.All(func(l lease.Lease) bool {
		if w.Subnets().ByID(l.SubnetID) != nil {
			w.fail("left for ever: %+v", l)
		}
		return true
	})
	if w.Failed() {
		return
	}
	room := 0
	for _, s := range w.Subnets().All() {
		for _, p := range s.Pools {
			room += units(p)
		}
	}
	got := map[netip.Prefix]bool{}
	for i := range 2 * room * w.Links {
		for _, g := range w.Send(w.Clients+i, i/2%w.Links, Obtain, nil, nil).Granted {
			if got[g.Prefix] {
				w.fail("%v was given twice", g.Prefix)
			}
			got[g.Prefix] = true
		}
	}
	for _, s := range w.Subnets().All() {
		for _, p := range s.Pools {
			for a := p.First; a.Compare(p.Last) <= 0; a = after(a, p) {
				if what := netip.PrefixFrom(a, length(p)); !got[what] && s.Holder(a) == nil {
					w.fail("%v is lost from its pool", what)
				}
			}
		}
	}
}

func length(p *subnet.Pool) int {
	if p.First.Is4() {
		return 32
	}
	return int(p.Length)
}

// after is the next unit of a pool; pools are small.
func after(a netip.Addr, p *subnet.Pool) netip.Addr {
	if length(p) == a.BitLen() {
		return a.Next()
	}
	b := a.As16()
	at := (length(p) - 1) / 8
	step := byte(1) << (7 - (length(p)-1)%8)
	b[at] += step
	for sum := b[at]; sum < step && at > 0; sum = b[at] {
		at--
		step = 1
		b[at]++
	}
	return netip.AddrFrom16(b)
}

func units(p *subnet.Pool) int {
	n := 0
	for a := p.First; a.Compare(p.Last) <= 0; a = after(a, p) {
		n++
	}
	return n
}
