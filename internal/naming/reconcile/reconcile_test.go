package reconcile

import (
	"fmt"
	"maps"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
)

var (
	address = netip.MustParseAddr("192.0.2.1")
	zone    = wire.MustParseName("example.")
	start   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

func desired(name, dhcid string) *Desired {
	d := Direction{Wanted: true, Zone: zone}
	return &Desired{Name: wire.MustParseName(name), DHCID: dhcid, Forward: d, Reverse: d, TTL: 60}
}

func record(kind owned.Kind, name, dhcid string, state owned.State) owned.Record {
	return owned.Record{Key: owned.Key{Kind: kind, Address: address, Name: wire.MustParseName(name)}, DHCID: dhcid, Zone: zone, State: state}
}

// TestAddress lists what one address may come to.
func TestAddress(t *testing.T) {
	f, r := owned.Forward, owned.Reverse
	reverseOnly := desired("a", "1")
	reverseOnly.Forward.Wanted = false
	noZone := desired("a", "1")
	noZone.Forward.Zone = ""
	for _, c := range []struct {
		name string
		want *Desired
		have []owned.Record
		out  []string
	}{
		{"nothing", nil, nil, nil},
		{"new", desired("a", "1"), nil, []string{"forward a. 1 adding", "reverse a. 1 adding"}},
		{"the name is under way", desired("a", "1"), []owned.Record{record(f, "a", "1", owned.Adding)}, []string{"reverse a. 1 adding"}},
		{"the name is there", desired("a", "1"), []owned.Record{record(f, "a", "1", owned.Present)}, []string{"reverse a. 1 adding"}},
		{"the name is somebody else's", desired("a", "1"), []owned.Record{record(f, "a", "1", owned.Conflict)}, nil},
		{"the name became somebody else's", desired("a", "1"), []owned.Record{record(f, "a", "1", owned.Conflict), record(r, "a", "1", owned.Present)},
			[]string{"reverse a. 1 removing"}},
		{"the name is put back", desired("a", "1"), []owned.Record{record(f, "a", "1", owned.Adding), record(r, "a", "1", owned.Present)}, nil},
		{"reverse only", reverseOnly, nil, []string{"reverse a. 1 adding"}},
		{"no domain for a new one", noZone, nil, []string{"reverse a. 1 adding"}},
		{"no domain any more", noZone, []owned.Record{record(f, "a", "1", owned.Present), record(r, "a", "1", owned.Present)},
			[]string{"forward a. 1 removing"}},
		{"unchanged", desired("a", "1"), []owned.Record{record(f, "a", "1", owned.Present), record(r, "a", "1", owned.Conflict)}, nil},
		{"ended", nil, []owned.Record{record(f, "a", "1", owned.Present), record(r, "a", "1", owned.Conflict)},
			[]string{"forward a. 1 removing", "reverse a. 1 removing"}},
		{"ended, once more", nil, []owned.Record{record(f, "a", "1", owned.Removing)}, nil},
		{"renamed", desired("b", "2"), []owned.Record{record(f, "a", "1", owned.Adding)},
			[]string{"forward a. 1 removing", "forward b. 2 adding", "reverse b. 2 adding"}},
		{"renamed back", desired("a", "1"), []owned.Record{record(f, "a", "1", owned.Removing), record(f, "b", "2", owned.Present), record(r, "a", "1", owned.Present)},
			[]string{"forward a. 1 adding", "forward b. 2 removing"}},
		{"another client, same name: the key is taken", desired("a", "2"), []owned.Record{record(f, "a", "1", owned.Present), record(r, "b", "9", owned.Removing)},
			[]string{"forward a. 1 removing"}},
	} {
		var out []string
		for _, change := range Address(address, c.want, c.have) {
			if change.Put == nil {
				t.Errorf("%s: %+v is no Put", c.name, change)
				continue
			}
			if err := change.Put.Check(); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			out = append(out, fmt.Sprintf("%s %s %s %s", change.Put.Kind, change.Put.Name, change.Put.DHCID, change.Put.State))
		}
		if fmt.Sprint(out) != fmt.Sprint(c.out) {
			t.Errorf("%s: %v, want %v", c.name, out, c.out)
		}
	}
}

func TestDelays(t *testing.T) {
	r := record(owned.Forward, "a", "1", owned.Adding)
	var waits []time.Duration
	for range 12 {
		r = *Finish(r, Failed, "why", false, start, false, 1).Put
		waits = append(waits, r.NextTry.Sub(start))
	}
	if waits[0] != 200*time.Millisecond || waits[1] != 400*time.Millisecond || waits[11] != 30*time.Second || r.State != owned.Adding || r.LastError != "why" {
		t.Errorf("%v %+v", waits, r)
	}
	if d := ServerDelay(1000, true, 0); d != 2500*time.Millisecond {
		t.Errorf("loopback, no jitter: %v", d)
	}
	r = *Finish(r, Taken, "", false, start, false, 1).Put
	if r.State != owned.Conflict || r.NextTry.Sub(start) < time.Minute {
		t.Errorf("conflict: %+v", r)
	}
	r = *Finish(r, Done, "", false, start, false, 1).Put
	if r.State != owned.Present || r.Tries != 0 || !r.NextTry.IsZero() {
		t.Errorf("present: %+v", r)
	}
	r.State = owned.Removing
	if c := Finish(r, Done, "", false, start, false, 1); c.Delete == nil || *c.Delete != r.Key {
		t.Errorf("removed: %+v", c)
	}
}

func TestTTL(t *testing.T) {
	for _, c := range [][3]uint32{{3600, 0, 1200}, {12, 0, 10}, {6, 0, 6}, {0xffffffff, 0, 3600}, {0, 0, 10}, {3600, 300, 300}, {60, 300, 60}} {
		if got := TTL(c[0], c[1]); got != c[2] {
			t.Errorf("TTL(%d, %d) = %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

func TestRemovalsFirst(t *testing.T) {
	s := NewSchedule()
	add := record(owned.Forward, "new", "2", owned.Adding)
	s.Put(add)
	old := record(owned.Forward, "old", "1", owned.Removing)
	s.Put(old)
	r, ok := s.Next(start)
	if !ok || r.Key != old.Key {
		t.Fatalf("first %+v", r)
	}
	if r, ok := s.Next(start); ok {
		t.Fatalf("%+v goes while the old name is being removed", r)
	}
	old.Tries, old.NextTry = 1, start.Add(time.Minute) // it failed
	s.Put(old)
	s.Ended(old.Key)
	if r, ok := s.Next(start); !ok || r.Key != add.Key {
		t.Fatalf("a removal that fails holds up the new name: %+v %v", r, ok)
	}
}

func TestConflictGoesWhenTheNameIsFreed(t *testing.T) {
	s := NewSchedule()
	mine := record(owned.Forward, "a", "1", owned.Removing)
	other := mine
	other.Address, other.DHCID, other.State, other.NextTry = netip.MustParseAddr("192.0.2.2"), "2", owned.Conflict, start.Add(time.Hour)
	s.Put(mine)
	s.Put(other)
	if r, ok := s.Next(start); !ok || r.Key != mine.Key {
		t.Fatal("the removal does not go")
	}
	s.Delete(mine.Key)
	s.Ended(mine.Key)
	if _, ok := s.Next(start); ok {
		t.Fatal("the conflict goes although nothing was freed")
	}
	s.Freed(mine.Key)
	if r, ok := s.Next(start); !ok || r.Key != other.Key {
		t.Fatal("the conflict does not go")
	}
}

// TestScheduleModel drives the schedule with random events and checks after each that no place is taken twice, that
// removals go first, and in the end that everything that was put was given out: nothing is forgotten in a queue.
func TestScheduleModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewSchedule()
		now := start
		model := map[owned.Key]owned.Record{}
		running := map[owned.Key]owned.Record{}
		key := rapid.Custom(func(t *rapid.T) owned.Key {
			return owned.Key{
				Kind:    owned.Kind(rapid.IntRange(0, 1).Draw(t, "kind")),
				Address: netip.AddrFrom4([4]byte{192, 0, 2, rapid.Uint8Range(0, 2).Draw(t, "host")}),
				Name:    rapid.SampledFrom([]wire.Name{"\x01a\x00", "\x01b\x00", "\x01c\x00"}).Draw(t, "name"),
			}
		})
		next := func() bool {
			r, ok := s.Next(now)
			if !ok {
				return false
			}
			if model[r.Key] != r || r.NextTry.After(now) {
				t.Fatalf("gave %+v, model has %+v", r, model[r.Key])
			}
			for _, p := range places(r.Key) {
				for k := range running {
					for _, q := range places(k) {
						if p == q {
							t.Fatalf("%v runs beside %v", r.Key, k)
						}
					}
				}
			}
			for k, other := range model {
				if r.State != owned.Removing && other.State == owned.Removing && k != r.Key && places(k)[0] == places(r.Key)[0] {
					t.Fatalf("%v is added before %v is removed", r.Key, k)
				}
			}
			running[r.Key] = r
			return true
		}
		end := func(k owned.Key) {
			delete(running, k)
			s.Ended(k)
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0, 1:
				r := owned.Record{Key: key.Draw(t, "key"), State: owned.State(rapid.IntRange(0, 3).Draw(t, "state")),
					Tries: rapid.Uint32Range(0, 1).Draw(t, "tries"), NextTry: now.Add(time.Duration(rapid.IntRange(-1, 3).Draw(t, "wait")) * time.Second)}
				s.Put(r)
				if r.State == owned.Present {
					delete(model, r.Key)
				} else {
					model[r.Key] = r
				}
			case 2:
				next()
			case 3:
				for k := range running {
					end(k)
					break
				}
			case 4:
				now = now.Add(time.Second)
			}
			if s.Running() != len(running) || s.Len() != len(model) {
				t.Fatalf("%d run, %d known; model %d, %d", s.Running(), s.Len(), len(running), len(model))
			}
		}
		for k := range maps.Clone(running) {
			end(k)
		}
		now = now.Add(time.Hour)
		for len(model) > 0 {
			if !next() {
				t.Fatalf("nothing goes any more, but %v are left", model)
			}
			for k := range maps.Clone(running) {
				delete(model, k)
				s.Delete(k)
				end(k)
			}
		}
		if s.Len() != 0 || len(s.places) != 0 || len(s.due) != 0 {
			t.Fatalf("left over: %d entries, %d places, %d in the heap", s.Len(), len(s.places), len(s.due))
		}
	})
}

func TestDeadlines(t *testing.T) {
	d := NewDeadlines()
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	d.Set(a, start.Add(time.Second))
	d.Set(b, start.Add(2*time.Second))
	d.Set(a, start.Add(3*time.Second))
	if next, ok := d.Next(); !ok || next != start.Add(2*time.Second) {
		t.Errorf("next %v %v", next, ok)
	}
	if got, ok := d.Past(start.Add(2 * time.Second)); !ok || got != b {
		t.Errorf("past %v %v", got, ok)
	}
	if _, ok := d.Past(start.Add(2 * time.Second)); ok {
		t.Error("the first end was not forgotten when it moved")
	}
	d.Drop(a)
	if _, ok := d.Next(); ok {
		t.Error("a dropped address is still there")
	}
}

// TestReverseWaitsForForward: both are written down together, but the address gets its name only when that is there.
func TestReverseWaitsForForward(t *testing.T) {
	f, r := record(owned.Forward, "a", "1", owned.Adding), record(owned.Reverse, "a", "1", owned.Adding)
	next := func(s *Schedule, want ...owned.Kind) {
		t.Helper()
		var got []owned.Kind
		for {
			r, ok := s.Next(start)
			if !ok {
				break
			}
			got = append(got, r.Kind)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("may go: %v, want %v", got, want)
		}
	}
	for name, settle := range map[string]func(s *Schedule){
		"passed":  func(s *Schedule) { s.Passed(f.Key) },
		"written": func(s *Schedule) { p := f; p.State = owned.Present; s.Put(p); s.Ended(f.Key) },
		"gone":    func(s *Schedule) { s.Delete(f.Key); s.Ended(f.Key) },
	} {
		t.Run(name, func(t *testing.T) {
			s := NewSchedule()
			s.Put(r)
			s.Put(f)
			next(s, owned.Forward)
			next(s)
			settle(s)
			next(s, owned.Reverse)
		})
	}
	s := NewSchedule()
	c := f
	c.State, c.NextTry = owned.Conflict, start.Add(time.Hour)
	s.Put(r)
	s.Put(c)
	next(s)
	gone := r
	gone.State = owned.Removing // it is withdrawn, which waits for nothing
	s.Put(gone)
	next(s, owned.Reverse)
}
