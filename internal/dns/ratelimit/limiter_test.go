package ratelimit

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

var (
	epoch = time.Unix(1_800_000_000, 0)
	name  = wire.MustParseName("www.example.org")
	other = wire.MustParseName("mail.example.org")
)

func limits(rate int) Limits {
	l := Limits{Window: 15 * time.Second, Slip: 2, IPv4Prefix: 24, IPv6Prefix: 56, Table: 1000}
	for c := range Error + 1 {
		l.PerSecond[c] = rate
	}
	return l
}

// count asks n times at one moment and counts the verdicts.
func count(r *Limiter, n int, client string, c Category, name wire.Name, now time.Time) (got [3]int) {
	for range n {
		got[r.Decide(netip.MustParseAddr(client), c, name, 1, now)]++
	}
	return got
}

func TestSlip(t *testing.T) {
	for slip, want := range map[int][3]int{0: {5, 0, 30}, 1: {5, 30, 0}, 2: {5, 15, 15}, 10: {5, 3, 27}} {
		l := limits(5)
		l.Slip = slip
		if got := count(New(l), 35, "192.0.2.1", Response, name, epoch); got != want {
			t.Errorf("slip %d: %v, want %v", slip, got, want)
		}
	}
}

func TestCreditGrowsBack(t *testing.T) {
	r := New(limits(5))
	now := epoch
	if got := count(r, 5, "192.0.2.1", Response, name, now); got != [3]int{5, 0, 0} {
		t.Fatal(got)
	}
	now = now.Add(200 * time.Millisecond)
	if got := count(r, 2, "192.0.2.1", Response, name, now); got[Send] != 1 {
		t.Errorf("after a fifth of a second: %v", got)
	}
	now = now.Add(time.Hour)
	if got := count(r, 7, "192.0.2.1", Response, name, now); got[Send] != 5 {
		t.Errorf("after an hour: %v", got)
	}
}

// A network that goes on asking is held back until it was quiet for the window.
func TestWindow(t *testing.T) {
	r := New(limits(5))
	count(r, 1000, "192.0.2.1", Response, name, epoch)
	if got := count(r, 1, "192.0.2.1", Response, name, epoch.Add(14*time.Second)); got[Send] != 0 {
		t.Errorf("before the window: %v", got)
	}
	count(r, 1000, "192.0.2.1", Response, name, epoch.Add(14*time.Second))
	if got := count(r, 1, "192.0.2.1", Response, name, epoch.Add(30*time.Second)); got[Send] != 1 {
		t.Errorf("after the window: %v", got)
	}
}

func TestWhatIsCountedTogether(t *testing.T) {
	for _, c := range []struct {
		what     string
		client   string
		category Category
		name     wire.Name
		together bool
	}{
		{"the same", "192.0.2.1", Response, name, true},
		{"another client of the network", "192.0.2.254", Response, name, true},
		{"in IPv6 form", "::ffff:192.0.2.9", Response, name, true},
		{"another network", "192.0.3.1", Response, name, false},
		{"another name", "192.0.2.1", Response, other, false},
		{"another category", "192.0.2.1", NXDomain, name, false},
	} {
		r := New(limits(5))
		count(r, 5, "192.0.2.1", Response, name, epoch)
		if got := count(r, 1, c.client, c.category, c.name, epoch); (got[Send] == 0) != c.together {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	r := New(limits(5))
	count(r, 5, "2001:db8:1:2::1", Error, name, epoch)
	if got := count(r, 1, "2001:db8:1:3::1", Error, other, epoch); got[Send] != 0 {
		t.Errorf("errors of one IPv6 network to different names: %v", got)
	}
}

func TestAll(t *testing.T) {
	l := Limits{Window: time.Second, Slip: 0, IPv4Prefix: 32, IPv6Prefix: 64, Table: 100}
	l.PerSecond[All] = 10
	r := New(l)
	sent := 0
	for i := range 100 {
		n := wire.MustParseName(fmt.Sprintf("n%d.example.org", i))
		if r.Decide(netip.MustParseAddr("192.0.2.1"), Category(i%int(All)), n, 1, epoch) == Send {
			sent++
		}
	}
	if sent != 10 {
		t.Errorf("%d were sent", sent)
	}
}

func TestNothingToLimit(t *testing.T) {
	if New(Limits{Table: 10}) != nil {
		t.Error("a limiter without limits")
	}
}

// A flood of networks fills the table and stays held back where it repeats; a quiet network makes room.
func TestFullTable(t *testing.T) {
	r := New(limits(1))
	if n := len(r.table) * ways; n < 1000 || n > 2048 {
		t.Errorf("%d words", n)
	}
	for i := range 100_000 {
		r.Decide(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), Response, name, 1, epoch.Add(time.Duration(i)*time.Millisecond))
	}
	if got := count(r, 10, "192.0.2.1", Response, name, epoch.Add(101*time.Second)); got[Send] != 1 {
		t.Errorf("%v", got)
	}
}

// The time of a word wraps around after 19 hours.
func TestTimeWraps(t *testing.T) {
	r := New(limits(5))
	wrap := time.UnixMicro((epoch.UnixMicro()>>timeBits + 1) << timeBits)
	if got := count(r, 5, "192.0.2.1", Response, name, wrap.Add(-time.Millisecond)); got[Send] != 5 {
		t.Errorf("before: %v", got)
	}
	if got := count(r, 2, "192.0.2.1", Response, name, wrap.Add(205*time.Millisecond)); got[Send] != 1 {
		t.Errorf("after: %v", got)
	}
}

// Compared with a model of real numbers: never more than the rate and one second's credit are let through.
func TestModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		rate := 1 + rng.IntN(50)
		r := New(limits(rate))
		now, sent := epoch, 0
		for range 2000 {
			now = now.Add(time.Duration(rng.IntN(100)) * time.Millisecond)
			if r.Decide(netip.MustParseAddr("192.0.2.1"), Response, name, 1, now) == Send {
				sent++
			}
		}
		if most := float64(rate)*(now.Sub(epoch).Seconds()+1) + 1; float64(sent) > most {
			t.Errorf("rate %d: %d were sent in %v", rate, sent, now.Sub(epoch))
		}
	}
}

func TestConcurrent(t *testing.T) {
	r := New(limits(1000))
	var sent atomic.Int64
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 2000 {
				if r.Decide(netip.MustParseAddr("192.0.2.1"), Response, name, 1, epoch) == Send {
					sent.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if sent.Load() != 1000 {
		t.Errorf("%d were sent", sent.Load())
	}
}

func TestNoAllocation(t *testing.T) {
	l := limits(5)
	l.PerSecond[All] = 100
	r := New(l)
	client := netip.MustParseAddr("2001:db8::1")
	if n := testing.AllocsPerRun(100, func() { r.Decide(client, Response, name, 1, epoch) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	r := New(limits(5))
	client := netip.MustParseAddr("192.0.2.1")
	for b.Loop() {
		r.Decide(client, Response, name, 1, epoch)
	}
}

// TestNoLimitCostsNothing: where nothing is limited there is no table, however large it would be.
func TestNoLimitCostsNothing(t *testing.T) {
	l := Limits{Window: time.Second, IPv4Prefix: 24, IPv6Prefix: 56, Table: MaxTable}
	if n := testing.AllocsPerRun(1, func() {
		if New(l) != nil {
			t.Error("a limiter that limits nothing")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestMomentsOutOfOrder: goroutines that answer at the same time look at the clock one before the other, which must not
// make a network that is held back look like one that was quiet.
func TestMomentsOutOfOrder(t *testing.T) {
	r := New(limits(5))
	count(r, 100, "192.0.2.1", Response, name, epoch)
	for i := range 100 {
		if got := count(r, 1, "192.0.2.1", Response, name, epoch.Add(-time.Duration(i)*time.Millisecond)); got[Send] != 0 {
			t.Fatalf("%d ms before: %v", i, got)
		}
	}
}
