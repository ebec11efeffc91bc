package leasetest

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bundy/internal/dhcp/lease"
)

// Maker makes stores of one implementation.
type Maker struct {
	Family lease.Family

	// Place makes room for the leases of one test.
	Place func(t *testing.T) Place
}

// Place is where the leases of one server are kept.
type Place interface {
	// Open opens the leases that are there. It is called again only when the store was closed.
	Open() (lease.Store, error)

	// Check tells what is wrong with what is kept, while no store is open.
	Check() error

	// Break makes every write fail with err, until it is called with nil.
	Break(err error)
}

// Run runs the suite.
func Run(t *testing.T, m Maker) {
	t.Run("model", m.model)
	t.Run("failing disk", m.failing)
	t.Run("order", m.order)
	t.Run("readers", m.readers)
	t.Run("closed", m.closed)
}

const (
	addresses = 24
	clients   = 6
	subnets   = 3
)

var epoch = time.Unix(1_700_000_000, 0).UTC()

// client is one of the clients, as parts of a lease.
func client(i int) lease.Lease {
	return lease.Lease{
		HWAddr:   fmt.Sprintf("\x02\x00\x00\x00\x00%c", i),
		ClientID: fmt.Sprintf("\x01client-%d", i),
		DUID:     fmt.Sprintf("\x00\x02\x00\x00%d", i),
	}
}

// address is one of the addresses, the last of which are prefixes.
func (m Maker) address(i int) netip.Addr {
	if m.Family == lease.Family4 {
		return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
	}
	if prefix(i) {
		return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 1, byte(i)})
	}
	return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(i)})
}

func prefix(i int) bool { return i >= addresses*2/3 }

// draw makes a lease. Starts lie before and behind each other, as clocks that jump make them.
func (m Maker) draw(t *rapid.T) lease.Lease {
	i := rapid.IntRange(0, addresses-1).Draw(t, "address")
	c := rapid.IntRange(0, clients-1).Draw(t, "client")
	l := lease.Lease{
		Address: m.address(i), HWType: 1, HWAddr: client(c).HWAddr,
		ValidLifetime: rapid.SampledFrom([]uint32{1, 60, 3600, 3600, lease.Infinity}).Draw(t, "valid"),
		Start:         epoch.Add(time.Duration(rapid.IntRange(-5000, 5000).Draw(t, "start")) * time.Second),
		SubnetID:      uint32(rapid.IntRange(1, subnets).Draw(t, "subnet")),
		State:         rapid.SampledFrom([]lease.State{lease.Active, lease.Active, lease.Declined, lease.Reclaimed}).Draw(t, "state"),
		Hostname:      rapid.SampledFrom([]string{"", "h1.lab.example.", "x", "with,comma&#x2c.", "\x00\xff\n"}).Draw(t, "host"),
		FQDNForward:   rapid.Bool().Draw(t, "forward"), FQDNReverse: rapid.Bool().Draw(t, "reverse"),
		UserContext: rapid.SampledFrom([]string{"", `{"a": "b,c"}`}).Draw(t, "context"),
	}
	if m.Family == lease.Family4 {
		l.ClientID = rapid.SampledFrom([]string{"", client(c).ClientID}).Draw(t, "id")
		return l
	}
	l.Kind, l.DUID, l.IAID, l.Preferred, l.HWSource = lease.NA, client(c).DUID, uint32(rapid.IntRange(0, 2).Draw(t, "iaid")), 30, 4
	if prefix(i) {
		l.Kind, l.PrefixLength = lease.PD, 56
	} else if i%5 == 0 {
		l.Kind = lease.TA
	}
	return l
}

// model makes random changes and restarts and compares with the model after each.
func (m Maker) model(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		place, want := m.Place(t), newModel()
		s := open(r, place)
		defer func() { s.Close() }()
		steps := rapid.IntRange(1, 60).Draw(r, "steps")
		for range steps {
			switch rapid.SampledFrom([]string{"put", "put", "put", "put", "delete", "flush", "restart"}).Draw(r, "step") {
			case "put":
				l := m.draw(r)
				want.put(l)
				s.Put(l, nil)
			case "delete":
				a := m.address(rapid.IntRange(0, addresses-1).Draw(r, "gone"))
				want.delete(a)
				s.Delete(a, nil)
			case "flush":
				if err := s.Flush(); err != nil {
					r.Fatal(err)
				}
			case "restart":
				if err := s.Close(); err != nil {
					r.Fatal(err)
				}
				if err := place.Check(); err != nil {
					r.Fatal(err)
				}
				s = open(r, place)
			}
			now := epoch.Add(time.Duration(rapid.IntRange(-6000, 9000).Draw(r, "now")) * time.Second)
			if err := want.compare(s, now); err != nil {
				r.Fatal(err)
			}
		}
	})
}

type fatal interface{ Fatal(args ...any) }

func open(t fatal, p Place) lease.Store {
	s, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var errDisk = errors.New("no space left on this disk")

// failing breaks the disk now and then: what fails is not acknowledged, leaves no trace in memory, and keeps nothing from
// working when the disk works again.
func (m Maker) failing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		place, want := m.Place(t), newModel()
		s := open(r, place)
		defer func() { s.Close() }()
		for range rapid.IntRange(1, 30).Draw(r, "steps") {
			broken := rapid.Bool().Draw(r, "broken")
			if broken {
				place.Break(errDisk)
			}
			next := *want
			next.leases = map[netip.Addr]lease.Lease{}
			for a, l := range want.leases {
				next.leases[a] = l
			}
			wrote := false
			var waiting sync.WaitGroup
			for range rapid.IntRange(1, 5).Draw(r, "batch") {
				done := func(err error) {
					defer waiting.Done()
					if broken != (err != nil) || broken && !errors.Is(err, errDisk) {
						t.Errorf("broken %v: done(%v)", broken, err)
					}
				}
				if rapid.IntRange(0, 3).Draw(r, "what") > 0 {
					l := m.draw(r)
					next.put(l)
					waiting.Add(1)
					s.Put(l, done)
					wrote = true
				} else if a := m.address(rapid.IntRange(0, addresses-1).Draw(r, "gone")); next.leases[a].ValidLifetime != 0 &&
					(!broken || want.leases[a].ValidLifetime != 0) { // what came just before may be undone already, and nothing be left to delete
					next.delete(a)
					waiting.Add(1)
					s.Delete(a, done)
					wrote = true
				}
			}
			waiting.Wait()
			if err := s.Flush(); (err != nil) != (broken && wrote) {
				r.Fatalf("broken %v: Flush: %v", broken, err)
			}
			place.Break(nil)
			if !broken {
				want = &next
			}
			if err := want.compare(s, epoch); err != nil {
				r.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			r.Fatal(err)
		}
		if err := place.Check(); err != nil {
			r.Fatal(err)
		}
		s = open(r, place)
		if err := want.compare(s, epoch); err != nil {
			r.Fatalf("after a restart: %v", err)
		}
	})
}

// order checks that the leases of one client come newest first and are bounded.
func (m Maker) order(t *testing.T) {
	place, want := m.Place(t), newModel()
	s := open(t, place)
	defer s.Close()
	for round := range 2 {
		for i := range 2 * lease.MaxFound {
			l := lease.Lease{Address: m.address(0), HWType: 1, HWAddr: "m", ClientID: "c", ValidLifetime: 60, Start: epoch, SubnetID: uint32(round + 1)}
			for range (i*37)%(2*lease.MaxFound) + 1 {
				l.Address = l.Address.Next()
			}
			if m.Family == lease.Family6 {
				l.Kind, l.ClientID, l.DUID, l.IAID = lease.NA, "", "d", 1
			}
			want.put(l)
			s.Put(l, nil)
		}
		for name, got := range map[string][]lease.Lease{
			"ClientLeases": s.ClientLeases("c"), "HardwareLeases": s.HardwareLeases(1, "m"), "ByDUID": s.ByDUID("d", lease.NA, 1), "OfDUID": s.OfDUID("d"),
		} {
			if len(got) > lease.MaxFound {
				t.Errorf("%s gives %d leases", name, len(got))
			}
			if err := want.newest(got); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// readers looks from other goroutines while the server writes.
func (m Maker) readers(t *testing.T) {
	s := open(t, m.Place(t))
	defer s.Close()
	l := lease.Lease{Address: m.address(1), HWType: 1, HWAddr: "m", ClientID: "c", ValidLifetime: 60, Start: epoch, SubnetID: 1}
	if m.Family == lease.Family6 {
		l.Kind, l.ClientID, l.DUID = lease.NA, "", "d"
	}
	stop := make(chan struct{})
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got, ok := s.Get(l.Address); ok && got.HWAddr != "m" {
					t.Errorf("Get gives %+v", got)
				}
				s.Find(lease.Filter{Subnet: 1}, netip.Addr{}, 10)
				s.Tallies()
			}
		})
	}
	for i := range 500 {
		l.Hostname = fmt.Sprintf("%*d", i%90, i)
		if s.Put(l, nil); i%3 == 0 {
			s.Delete(l.Address, nil)
		}
	}
	if err := s.Flush(); err != nil {
		t.Error(err)
	}
	close(stop)
	running.Wait()
}

// closed checks that a closed store takes nothing more.
func (m Maker) closed(t *testing.T) {
	s := open(t, m.Place(t))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	l := lease.Lease{Address: m.address(1), HWAddr: "m", ValidLifetime: 60, Start: epoch}
	if m.Family == lease.Family6 {
		l.Kind, l.DUID = lease.NA, "d"
	}
	s.Put(l, func(err error) { done <- err })
	if err := <-done; err == nil {
		t.Error("a closed store acknowledged a lease")
	}
	ready := make(chan error, 1)
	live := open(t, m.Place(t))
	defer live.Close()
	live.Prepare(lease.Who{Addresses: []netip.Addr{l.Address}}, func(err error) { ready <- err })
	if err := <-ready; err != nil {
		t.Errorf("Prepare: %v", err)
	}
}
