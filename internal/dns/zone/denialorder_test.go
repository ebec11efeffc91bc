package zone

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bundy/internal/dns/wire"
)

// check verifies what must hold in every order.
func (o *order) check() error {
	n := 0
	var walk func(p *page, depth int) (int, error)
	walk = func(p *page, depth int) (int, error) {
		if len(p.ends) == 0 || len(p.ends) > pageKeys || p.subs != nil && len(p.subs) != len(p.ends) {
			return 0, fmt.Errorf("a page of %d keys and %d pages", len(p.ends), len(p.subs))
		}
		if p.subs == nil {
			n += len(p.ends)
			return 1, nil
		}
		depths := make(map[int]bool)
		for i, sub := range p.subs {
			if !bytes.Equal(sub.key(0), p.key(i)) {
				return 0, fmt.Errorf("a page begins with %x, not with %x", sub.key(0), p.key(i))
			}
			d, err := walk(sub, depth+1)
			if err != nil {
				return 0, err
			}
			depths[d] = true
		}
		if len(depths) != 1 {
			return 0, fmt.Errorf("pages of %d depths", len(depths))
		}
		for d := range depths {
			return d + 1, nil
		}
		return 0, nil
	}
	if o.root != nil {
		if _, err := walk(o.root, 0); err != nil {
			return err
		}
	}
	if n != o.n {
		return fmt.Errorf("%d keys, counted %d", n, o.n)
	}
	return nil
}

// TestOrder makes versions of an order at random, from any earlier version, and compares all of them with models.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			order order
			model map[string]bool
		}
		size := rapid.SampledFrom([]int{3, 200, 6000}).Draw(t, "keys")
		keyOf := func(i int) string { return fmt.Sprintf("%x", i*2654435761%(1<<24)) }
		first := version{model: map[string]bool{}}
		if rapid.Bool().Draw(t, "full") {
			var keys [][]byte
			for i := range size {
				first.model[keyOf(i)] = true
			}
			for _, k := range slices.Sorted(maps.Keys(first.model)) {
				keys = append(keys, []byte(k))
			}
			first.order = newOrder(keys)
		}
		versions := []version{first}
		for range rapid.IntRange(1, 6).Draw(t, "versions") {
			old := versions[rapid.IntRange(0, len(versions)-1).Draw(t, "from")]
			next := version{old.order, maps.Clone(old.model)}
			at, step := rapid.IntRange(0, size).Draw(t, "at"), rapid.IntRange(1, 7).Draw(t, "step")
			in := rapid.Bool().Draw(t, "put")
			for range rapid.IntRange(1, size).Draw(t, "changes") {
				if k := keyOf(at % size); in {
					next.order.put([]byte(k))
					next.model[k] = true
				} else {
					next.order.remove([]byte(k))
					delete(next.model, k)
				}
				at += step
			}
			versions = append(versions, next)
		}
		probes := rapid.SliceOfN(rapid.IntRange(0, size+10), 1, 20).Draw(t, "probes")
		for i, v := range versions {
			if err := v.order.check(); err != nil {
				t.Fatalf("version %d: %v", i, err)
			}
			want := slices.Sorted(maps.Keys(v.model))
			var got []string
			for k := range v.order.all() {
				got = append(got, string(k))
			}
			if !slices.Equal(got, want) {
				t.Fatalf("version %d: %d keys, want %d", i, len(got), len(want))
			}
			for _, p := range probes {
				k := keyOf(p)
				var before, after string
				if len(want) > 0 {
					j, found := slices.BinarySearch(want, k)
					after = want[0]
					if next := j; next < len(want) {
						if found {
							next++
						}
						if next < len(want) {
							after = want[next]
						}
					}
					if !found {
						j--
					}
					before = want[(j+len(want))%len(want)]
				}
				if b, a := string(v.order.before([]byte(k))), string(v.order.after([]byte(k))); b != before || a != after {
					t.Fatalf("version %d: around %s are %s and %s, want %s and %s", i, k, b, a, before, after)
				}
			}
		}
	})
}

// TestOrderKey: the keys of names sort as names do, and lead back to them.
func TestOrderKey(t *testing.T) {
	label := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 'b', '.', 255}), 1, 12).Draw(t, "label"))
	})
	rapid.Check(t, func(t *rapid.T) {
		origin := rapid.SampledFrom([]wire.Name{wire.Root, wire.MustParseName("example.org.")}).Draw(t, "origin")
		var names [2]wire.Name
		var keys [2][]byte
		for i := range names {
			names[i] = origin
			for _, l := range rapid.SliceOfN(label, 0, 5).Draw(t, "labels") {
				names[i], _ = names[i].Child(l)
			}
			keys[i] = appendOrderKey(nil, names[i], origin)
			var room [wire.MaxName]byte
			if back := orderName(keys[i], origin, room[:]); back != names[i] {
				t.Fatalf("%s became %x and then %s", names[i], keys[i], back)
			}
		}
		if names[0].Compare(names[1]) != bytes.Compare(keys[0], keys[1]) {
			t.Fatalf("%s and %s have keys %x and %x", names[0], names[1], keys[0], keys[1])
		}
	})
}

// TestNSEC3Hash: the hashes of RFC 5155 appendix A.
func TestNSEC3Hash(t *testing.T) {
	origin := wire.MustParseName("example.")
	h := hashing{12, "\xaa\xbb\xcc\xdd"}
	for name, want := range map[string]string{
		"example.":       "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
		"a.example.":     "35mthgpgcu1qg68fab165klnsnk3dpvl",
		"*.w.example.":   "r53bq7cc2uvmubfu5ocmm6pers9tk9en",
		"xx.example.":    "t644ebqk9bibcna874givr6joj62mlhv",
		"x.w.example.":   "b4um86eghhds6nea196smvmlo4ors995",
		"x.y.w.example.": "2vptu5timamqttgl4luu9kg21e0aor3s",
	} {
		x := h.hash(wire.MustParseName(name))
		var room [wire.MaxName]byte
		owner := x.owner(origin, room[:])
		if owner.Label() != want || owner.Parent() != origin {
			t.Errorf("%s is hashed to %s, want %s", name, owner, want)
		}
		if back, ok := hashOf(wire.MustParseName(want+".example."), origin); !ok || back != x {
			t.Errorf("%s is read as %x", want, back)
		}
	}
	for _, bad := range []string{"example.", "a.example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tow.example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.a.example."} {
		if _, ok := hashOf(wire.MustParseName(bad), origin); ok {
			t.Errorf("%s is taken as a hashed name", bad)
		}
	}
}
