package allocate

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bundy/internal/dhcp/subnet"
)

func ranges(t testing.TB, texts ...string) []*subnet.Pool {
	var out []*subnet.Pool
	for _, text := range texts {
		r, err := subnet.ParseRange(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &subnet.Pool{Range: r, Length: 32})
	}
	return out
}

func next(t *testing.T, v *Vacancy, want string) {
	t.Helper()
	a, ok := v.Next()
	if got := ""; ok {
		if got = a.String(); got != want {
			t.Errorf("%s instead of %q", got, want)
		}
	} else if want != "" {
		t.Errorf("nothing instead of %s", want)
	}
}

func TestVacancy(t *testing.T) {
	v := NewVacancy(ranges(t, "192.0.2.1-192.0.2.2", "192.0.2.9-192.0.2.9"))
	take := func(text string, s State) { v.Set(netip.MustParseAddr(text), s) }
	next(t, v, "192.0.2.1")
	next(t, v, "192.0.2.2") // on behind the last
	take("192.0.2.2", Taken)
	take("192.0.2.9", Retired)
	next(t, v, "192.0.2.1") // round, before a retired one
	take("192.0.2.1", Retired)
	next(t, v, "192.0.2.9") // longest retired
	next(t, v, "192.0.2.9")
	take("192.0.2.9", Taken)
	next(t, v, "192.0.2.1")
	take("192.0.2.1", Taken)
	next(t, v, "")
	take("192.0.2.2", Free)
	next(t, v, "192.0.2.2")
	take("10.0.0.1", Taken) // outside
	if size, used, retired := v.Counts(); size != 3 || used != 2 || retired != 0 {
		t.Errorf("counts %d %d %d", size, used, retired)
	}
	next(t, NewVacancy(nil), "")
}

// TestVacancyModel compares with a plain map over pools that cross chunks.
func TestVacancyModel(t *testing.T) {
	pools := ranges(t, "10.0.15.250-10.0.16.10", "10.0.32.0/30", "10.0.40.1-10.0.40.1")
	var all []netip.Addr
	for _, r := range pools {
		for a := r.First; a.Compare(r.Last) <= 0; a = a.Next() {
			all = append(all, a)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v, model := NewVacancy(pools), map[netip.Addr]State{}
		var retired []netip.Addr
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			a := rapid.SampledFrom(all).Draw(t, "address")
			s := State(rapid.IntRange(0, 2).Draw(t, "state"))
			v.Set(a, s)
			model[a] = s
			retired = slices.DeleteFunc(retired, func(o netip.Addr) bool { return o == a })
			if s == Retired {
				retired = append(retired, a)
			}
			free := slices.ContainsFunc(all, func(a netip.Addr) bool { return model[a] == Free })
			got, ok := v.Next()
			switch {
			case free && (!ok || model[got] != Free):
				t.Fatalf("got %v, which is not free", got)
			case !free && len(retired) > 0 && got != retired[0]:
				t.Fatalf("got %v instead of %v, the longest retired", got, retired[0])
			case !free && len(retired) == 0 && ok:
				t.Fatalf("got %v although nothing is left", got)
			}
			if !slices.Contains(all, got) && ok {
				t.Fatalf("got %v from outside", got)
			}
		}
	})
}

// BenchmarkNearlyFull measures what the last free address of a million costs.
func BenchmarkNearlyFull(b *testing.B) {
	pools := ranges(b, "10.0.0.0/12")
	v := NewVacancy(pools)
	for a := pools[0].First; pools[0].Contains(a); a = a.Next() {
		v.Set(a, Taken)
	}
	last := netip.MustParseAddr("10.7.77.7")
	v.Set(last, Free)
	b.ReportAllocs()
	for b.Loop() {
		if a, ok := v.Next(); !ok || a != last {
			b.Fatal(a)
		}
	}
}
