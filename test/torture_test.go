package test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonedb"
	"bundy/internal/dns/zonefile"
	"bundy/internal/naming/dhcid"
	"bundy/internal/naming/publish"
)

const (
	tortureTime    = 12 * time.Second
	tortureClients = 40
	shortLife      = 4 * time.Second
	longLife       = time.Hour
)

// TestNamesAndLeasesUnderTorture lets clients lease, renew, rename, release, decline and fall silent while processes,
// now and then all of them, are killed at random. When it is quiet again DNS says exactly what the leases say, what an
// operator put there is untouched, no acknowledged lease is lost, and none was given to two clients.
func TestNamesAndLeasesUnderTorture(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	s := newSuite(t, "grouped")
	byHand := map[string]string{
		"lab.example":          "ns A 192.0.2.1\nprinter A 192.0.2.9\nshared-0 TXT \"by hand\"\n",
		"2.0.192.in-addr.arpa": "9 PTR printer.lab.example.\n12 PTR by-hand.lab.example.\n",
	}
	for origin, records := range byHand {
		text := "$TTL 300\n@ SOA ns.lab.example. hostmaster.lab.example. 1 3600 900 604800 60\n@ NS ns.lab.example.\n" + records
		if out, err := s.loadzone(origin, s.write(origin+".zone", text)); err != nil {
			t.Fatalf("bundy-loadzone %s: %v\n%s", origin, err, out)
		}
	}
	before := s.published()
	s.write("bundy-config.db", `{"version": 4, "Init": {"components": {"bundy-cmdctl": {"special": "cmdctl", "kind": "dispensable"}}}}`)
	s.start()
	second := s.address.Next()
	s.script(s.dnsScript() + s.dhcpScript() + fmt.Sprintf(`
config set Dhcp4/decline-probation-period 5
config set Dhcp4/subnet4[0]/subnet "192.0.2.0/25"
config set Dhcp4/subnet4[0]/pool ["192.0.2.10 - 192.0.2.60"]
config set Dhcp4/subnet4[0]/valid-lifetime %d
config add Dhcp4/subnet4
config set Dhcp4/subnet4[1]/subnet "192.0.2.128/25"
config set Dhcp4/subnet4[1]/pool ["192.0.2.140 - 192.0.2.200"]
config set Dhcp4/subnet4[1]/valid-lifetime %d
config set Dhcp4/subnet4[1]/relay/ip-address %q
config commit
`, int(longLife/time.Second), int(shortLife/time.Second), second))

	book := &ledger{t: t, held: map[netip.Addr]acknowledged{}}
	end := time.Now().Add(tortureTime)
	var wg sync.WaitGroup
	for i := range tortureClients {
		c := newClient(t, s, byte(i), "")
		life := longLife
		if i%2 == 1 {
			c.via, life = second, shortLife
		}
		h := &hostile{client: c, number: i, life: life, book: book, random: rand.New(rand.NewPCG(seed, uint64(i+1)))}
		wg.Go(func() {
			for time.Now().Before(end) {
				h.act()
				<-time.After(time.Duration(50+h.random.IntN(350)) * time.Millisecond) // as clients do
			}
		})
	}
	kills := 0
	for time.Now().Before(end) {
		<-time.After(time.Duration(200+random.IntN(900)) * time.Millisecond) // the moment is the point of the test
		if random.IntN(6) == 0 {
			s.kill()
			s.start()
			continue
		}
		victim := []string{"bundy-dhcp", "bundy-dns", "bundy-dhcp-ddns"}[random.IntN(3)]
		if pid := s.find(victim); pid != 0 {
			syscall.Kill(pid, syscall.SIGKILL)
			kills++
		}
	}
	wg.Wait()
	s.kill() // and begin with full speed: restarts of what failed often are delayed
	s.start()
	t.Logf("%d acknowledgements, %d processes killed", book.count, kills)
	if book.count < tortureClients || kills == 0 {
		t.Errorf("too little happened")
	}

	var missing string
	defer func() {
		if t.Failed() {
			t.Log(missing)
		}
	}()
	eventually(t, 25*time.Second, "DNS says what the leases say", func() bool {
		missing = differences(s.published(), append(slices.Clone(before), s.desired(s.published())...))
		return missing == ""
	})
	book.check(s.leases())
}

// hostile is a client that does anything.
type hostile struct {
	*client
	number int
	life   time.Duration
	book   *ledger
	random *rand.Rand
	held   netip.Addr
	again  int
}

// patience is how long a client waits for an answer; there is none while the server is down.
const patience = 1500 * time.Millisecond

func (h *hostile) act() {
	if !h.held.IsValid() {
		h.ask()
		return
	}
	switch n := h.random.IntN(100); {
	case n < 50:
		h.extend()
	case n < 65:
		h.rename()
		h.extend()
	case n < 82:
		h.book.end(h.held)
		h.release(h.held)
		h.held = netip.Addr{}
	case n < 86:
		h.book.end(h.held)
		h.decline(h.held)
		h.held = netip.Addr{}
	default: // falls silent; another machine takes its place
		h.again++
		h.mac = net.HardwareAddr{2, 0, 0, byte(h.again), 9, byte(h.number)}
		h.held = netip.Addr{}
	}
}

// rename takes a name of its own, one that others want too, one that an operator uses, or none.
func (h *hostile) rename() {
	switch n := h.random.IntN(10); n {
	case 0:
		h.name = ""
	case 1:
		h.name = "printer"
	case 2, 3:
		h.name = fmt.Sprintf("shared-%d", h.random.IntN(3))
	default:
		h.name = fmt.Sprintf("host-%d-%d", h.number, h.random.IntN(3))
	}
}

func (h *hostile) ask() {
	if h.name == "" || h.random.IntN(3) == 0 {
		h.rename()
	}
	offer := h.exchange(h.message(dhcpv4.MessageTypeDiscover), patience)
	if offer == nil || offer.MessageType() != dhcpv4.MessageTypeOffer {
		return
	}
	h.request(h.message(dhcpv4.MessageTypeRequest, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(offer.YourIPAddr)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(offer.ServerIdentifier()))))
}

func (h *hostile) extend() {
	m := h.message(dhcpv4.MessageTypeRequest)
	m.ClientIPAddr = h.held.AsSlice()
	h.request(m)
}

func (h *hostile) request(m *dhcpv4.DHCPv4) {
	sent := time.Now()
	ack := h.exchange(m, patience)
	switch {
	case ack == nil: // what it holds it goes on holding
	case ack.MessageType() == dhcpv4.MessageTypeAck:
		a, _ := netip.AddrFromSlice(ack.YourIPAddr.To4())
		if h.held.IsValid() && h.held != a {
			h.book.end(h.held)
		}
		h.held = a
		h.book.acknowledge(a, acknowledged{string(h.mac), sent.Add(h.life)})
	default:
		h.book.refuse(h.held, string(h.mac))
		h.held = netip.Addr{}
	}
}

// ledger is what clients were promised.
type ledger struct {
	t     *testing.T
	mu    sync.Mutex
	held  map[netip.Addr]acknowledged
	count int
}

type acknowledged struct {
	mac   string
	until time.Time // as the client reckons (RFC 2131 section 4.4.1): from when it asked
}

func (l *ledger) acknowledge(a netip.Addr, now acknowledged) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	if !time.Now().Before(now.until) {
		return // it was read so late that somebody else may have the address by now
	}
	if old, ok := l.held[a]; ok && old.mac != now.mac && time.Now().Before(old.until) {
		l.t.Errorf("%s acknowledged to %x while %x has it for %v", a, now.mac, old.mac, time.Until(old.until))
	}
	l.held[a] = now
}

// refuse is an end that the server made: never before the lease's own.
func (l *ledger) refuse(a netip.Addr, mac string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, ok := l.held[a]; ok && old.mac == mac {
		if time.Now().Before(old.until) {
			l.t.Errorf("%s refused to %x, which has it for %v", a, mac, time.Until(old.until))
		}
		delete(l.held, a)
	}
}

func (l *ledger) end(a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, a)
}

// check finds what was acknowledged and is not on disk.
func (l *ledger) check(stored map[netip.Addr]lease.Lease) {
	l.t.Helper()
	now := time.Now()
	for a, want := range l.held {
		if !now.Before(want.until) {
			continue
		}
		got, ok := stored[a]
		if !ok || got.HWAddr != want.mac || got.State != lease.Active || got.Expire().Before(want.until) {
			l.t.Errorf("%s was acknowledged to %x until %v; on disk: %+v", a, want.mac, want.until, got)
		}
	}
}

// leases reads the lease file and its companions: the last row of an address counts.
func (s *suite) leases() map[netip.Addr]lease.Lease {
	s.t.Helper()
	all := map[netip.Addr]lease.Lease{}
	path := filepath.Join(s.dir, "kea-leases4.csv")
	for _, suffix := range []string{".2", ".1", ".completed", ""} {
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			continue
		}
		lines := strings.Split(string(data[:bytes.LastIndexByte(data, '\n')+1]), "\n")
		columns, err := lease.ParseHeader(lines[0])
		if err != nil {
			s.t.Fatal(err)
		}
		for _, line := range lines[1:] {
			if line == "" {
				continue
			}
			l, err := columns.Parse(line)
			if err != nil {
				s.t.Fatalf("%s%s: %v", path, suffix, err)
			}
			if all[l.Address] = l; l.ValidLifetime == 0 {
				delete(all, l.Address)
			}
		}
	}
	return all
}

// published gives all records of both zones but their SOA, as text without TTL, from the database.
func (s *suite) published() []string {
	s.t.Helper()
	db, err := zonedb.Open(filepath.Join(s.dir, "zone.sqlite3"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	var all []string
	for _, origin := range []string{"lab.example", "2.0.192.in-addr.arpa"} {
		for rr, err := range db.Read(context.Background(), wire.MustParseName(origin), wire.ClassIN) {
			if err != nil {
				s.t.Fatal(err)
			}
			if rr.Type != wire.TypeSOA {
				all = append(all, line(rr.Name, rr.Type, rr.Data))
			}
		}
	}
	return all
}

func line(n wire.Name, t wire.Type, data []byte) string {
	return n.Lower().String() + " " + t.String() + " " + zonefile.FormatData(t, data)
}

// desired gives the records that active leases must have. A name that several clients want is with the one that
// published says; names that operators use are with nobody.
func (s *suite) desired(published []string) []string {
	taken := map[string]bool{"printer.lab.example.": true, "shared-0.lab.example.": true, "12.2.0.192.in-addr.arpa.": true}
	owner := map[string]string{}
	var leases []lease.Lease
	for _, l := range s.leases() {
		if l.State == lease.Active && !l.Expired(time.Now()) {
			leases = append(leases, l)
		}
	}
	slices.SortFunc(leases, func(a, b lease.Lease) int { return a.Address.Compare(b.Address) })
	mark := func(l lease.Lease) []byte { return dhcid.Of(l).RDATA(wire.MustParseName(l.Hostname)) }
	for _, l := range leases {
		if !l.FQDNForward {
			continue
		}
		text := line(wire.MustParseName(l.Hostname), wire.TypeDHCID, mark(l))
		if owner[l.Hostname] == "" || slices.Contains(published, text) {
			owner[l.Hostname] = text
		}
	}
	var out []string
	for _, l := range leases {
		if l.FQDNForward {
			n := wire.MustParseName(l.Hostname)
			text := line(n, wire.TypeDHCID, mark(l))
			if owner[l.Hostname] != text || taken[l.Hostname] {
				continue // and no PTR record to a name that is somebody else's
			}
			out = append(out, text, line(n, wire.TypeA, l.Address.AsSlice()))
		}
		if reverse := publish.ReverseName(l.Address); l.FQDNReverse && !taken[reverse.String()] {
			out = append(out, line(reverse, wire.TypeDHCID, mark(l)), line(reverse, wire.TypePTR, []byte(wire.MustParseName(l.Hostname))))
		}
	}
	return out
}

// differences tells in what two sets of records differ.
func differences(got, want []string) string {
	var out strings.Builder
	for _, r := range got {
		if !slices.Contains(want, r) {
			fmt.Fprintf(&out, "too much: %s\n", r)
		}
	}
	for _, r := range want {
		if !slices.Contains(got, r) {
			fmt.Fprintf(&out, "missing:  %s\n", r)
		}
	}
	return out.String()
}
