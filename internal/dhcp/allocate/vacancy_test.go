package allocate

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bundy/internal/dhcp/subnet"
)

// pool makes a pool of addresses, or of prefixes of a length.
func pool(t testing.TB, text string, length ...uint8) *subnet.Pool {
	r, err := subnet.ParseRange(text)
	if err != nil {
		t.Fatal(err)
	}
	p := &subnet.Pool{Range: r, Length: uint8(r.First.BitLen())}
	if len(length) > 0 {
		p.Length, p.Delegates = length[0], true
	}
	return p
}

// next gives what Free does, else what Oldest does.
func (v *Vacancy) anything() (netip.Addr, bool) {
	if a, ok := v.Free(); ok {
		return a, true
	}
	return v.Oldest()
}

func next(t *testing.T, v *Vacancy, want string) {
	t.Helper()
	got := ""
	if a, ok := v.anything(); ok {
		got = a.String()
	}
	if got != want {
		t.Errorf("%q instead of %q", got, want)
	}
}

func TestVacancy(t *testing.T) {
	v := NewVacancy(pool(t, "192.0.2.1-192.0.2.3"))
	take := func(text string, s State) { v.Set(netip.MustParseAddr(text), s) }
	next(t, v, "192.0.2.1")
	next(t, v, "192.0.2.2") // on behind the last
	take("192.0.2.2", Taken)
	take("192.0.2.3", Retired)
	next(t, v, "192.0.2.1") // round, before a retired one
	take("192.0.2.1", Retired)
	next(t, v, "192.0.2.3") // longest retired
	next(t, v, "192.0.2.3")
	take("192.0.2.3", Taken)
	next(t, v, "192.0.2.1")
	take("192.0.2.1", Taken)
	next(t, v, "")
	take("192.0.2.2", Free)
	next(t, v, "192.0.2.2")
	for _, outside := range []string{"10.0.0.1", "192.0.2.4", "::ffff:192.0.2.2", "2001:db8::"} {
		take(outside, Taken)
	}
	if size, used, retired := v.Counts(); size != 3 || used != 2 || retired != 0 {
		t.Errorf("counts %d %d %d", size, used, retired)
	}
}

// TestVacancySizes looks at both ends of pools of every size.
func TestVacancySizes(t *testing.T) {
	for _, c := range []struct {
		text          string
		length        []uint8
		size          uint64
		first, second string
		last          string // unit, or "" when that cannot be reached
	}{
		{"10.0.0.0/8", nil, 1 << 24, "10.0.0.0", "10.0.0.1", "10.255.255.255"},
		{"0.0.0.0/0", nil, 1 << 32, "0.0.0.0", "0.0.0.1", "255.255.255.255"},
		{"2001:db8::ffff - 2001:db8::1:0", nil, 2, "2001:db8::ffff", "2001:db8::1:0", "2001:db8::1:0"},
		{"2001:db8::/64", nil, maxUnits, "2001:db8::", "2001:db8::1", ""},
		{"2001:db8::/48", nil, maxUnits, "2001:db8::", "2001:db8::1", ""},
		{"::/0", nil, maxUnits, "::", "::1", ""},
		{"2001:db8::/48", []uint8{56}, 256, "2001:db8::", "2001:db8:0:100::", "2001:db8:0:ff00::"},
		{"2001:db8::/32", []uint8{64}, 1 << 32, "2001:db8::", "2001:db8:0:1::", "2001:db8:ffff:ffff::"},
		{"2001:db8::/32", []uint8{72}, 1 << 40, "2001:db8::", "2001:db8:0:0:100::", "2001:db8:ffff:ffff:ff00::"},
		{"2001:db8::/56", []uint8{56}, 1, "2001:db8::", "2001:db8::", "2001:db8::"},
		{"::/0", []uint8{3}, 8, "::", "2000::", "e000::"},
	} {
		v := NewVacancy(pool(t, c.text, c.length...))
		if size, _, _ := v.Counts(); size != c.size {
			t.Errorf("%s: %d units", c.text, size)
		}
		next(t, v, c.first)
		next(t, v, c.second)
		if c.last == "" {
			continue
		}
		last := netip.MustParseAddr(c.last)
		v.next = v.size - 1
		next(t, v, c.last)
		v.Set(last, Retired)
		if a, ok := v.Oldest(); !ok || a != last {
			t.Errorf("%s: oldest %v %v", c.text, a, ok)
		}
	}
}

// TestVacancyModel compares with a plain map over a pool that crosses chunks.
func TestVacancyModel(t *testing.T) {
	for _, p := range []*subnet.Pool{
		pool(t, "10.0.15.250-10.0.16.10"), pool(t, "2001:db8::fff0-2001:db8::1:5"), pool(t, "2001:db8::/44", 48),
	} {
		var all []netip.Addr
		for v, i := NewVacancy(p), uint64(0); i < v.size; i++ {
			all = append(all, v.address(i))
		}
		rapid.Check(t, func(t *rapid.T) {
			v, model := NewVacancy(p), map[netip.Addr]State{}
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
				got, ok := v.anything()
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
}

// TestVacancyForgets: what is free again uses no memory.
func TestVacancyForgets(t *testing.T) {
	p := pool(t, "10.0.0.0/15")
	v := NewVacancy(p)
	for _, s := range []State{Taken, Retired, Free} {
		for a := p.First; p.Contains(a); a = a.Next() {
			v.Set(a, s)
		}
	}
	if len(v.chunks)+len(v.summaries)+len(v.retired)+v.oldest.Len() > 0 || v.used > 0 {
		t.Errorf("%d chunks, %d summaries, %d retired, %d used", len(v.chunks), len(v.summaries), len(v.retired), v.used)
	}
}

// BenchmarkNearlyFull measures what the last free address of a pool costs.
func BenchmarkNearlyFull(b *testing.B) {
	for name, p := range map[string]*subnet.Pool{
		"16": pool(b, "10.0.0.0/16"), "12": pool(b, "10.0.0.0/12"), "8": pool(b, "10.0.0.0/8"), "48of64": pool(b, "2001:db8::/44", 64),
	} {
		b.Run(name, func(b *testing.B) {
			v := NewVacancy(p)
			for i := range v.size {
				v.mark(i, true)
			}
			last := v.address(v.size/2 + 77)
			v.Set(last, Free)
			b.ReportAllocs()
			for b.Loop() {
				if a, ok := v.Free(); !ok || a != last {
					b.Fatal(a)
				}
			}
		})
	}
}
