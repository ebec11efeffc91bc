package zone

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"bundy/internal/dns/wire"
)

// check verifies what must hold in every index.
func (x *index[V]) check() error {
	n := 0
	var walk func(b *branch[V], root bool) error
	walk = func(b *branch[V], root bool) error {
		if len(b.slots) == 0 && !root {
			return fmt.Errorf("an empty branch")
		}
		for i := range b.slots {
			s := &b.slots[i]
			switch {
			case s.sub != nil && (s.value != nil || s.key != ""):
				return fmt.Errorf("a slot is both branch and value")
			case s.sub != nil:
				if err := walk(s.sub, false); err != nil {
					return err
				}
			case s.value == nil:
				return fmt.Errorf("a slot without value")
			default:
				n++
				if x.get(s.key) != s.value {
					return fmt.Errorf("%q is not found", s.key)
				}
			}
		}
		return nil
	}
	if x.root != nil {
		if err := walk(x.root, true); err != nil {
			return err
		}
	}
	if n != x.n {
		return fmt.Errorf("%d values, counted %d", n, x.n)
	}
	return nil
}

// TestIndex makes versions of an index at random, from any earlier version, and checks all of them at the end.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			index index[int]
			model map[wire.Name]*int
		}
		versions := []version{{newIndex[int](), map[wire.Name]*int{}}}
		size := rapid.SampledFrom([]int{3, 100, 1000}).Draw(t, "keys")
		key := rapid.Custom(func(t *rapid.T) wire.Name {
			return wire.Name(fmt.Sprintf("k%d", rapid.IntRange(0, size).Draw(t, "key")))
		})
		for range rapid.IntRange(1, 10).Draw(t, "versions") {
			old := versions[rapid.IntRange(0, len(versions)-1).Draw(t, "from")]
			next := version{old.index, maps.Clone(old.model)}
			e := &edit{}
			for i := range rapid.IntRange(1, size).Draw(t, "changes") {
				k := key.Draw(t, "name")
				if rapid.Bool().Draw(t, "put") {
					v := i
					next.index.put(e, k, &v)
					next.model[k] = &v
				} else {
					next.index.remove(e, k)
					delete(next.model, k)
				}
			}
			versions = append(versions, next)
		}
		for i, v := range versions {
			if err := v.index.check(); err != nil {
				t.Fatalf("version %d: %v", i, err)
			}
			for k, want := range v.model {
				if v.index.get(k) != want {
					t.Fatalf("version %d: %s is wrong", i, k)
				}
			}
			if v.index.n != len(v.model) {
				t.Fatalf("version %d has %d values, want %d", i, v.index.n, len(v.model))
			}
		}
	})
}

// TestIndexCollisions works on the branches where all digits of two hashes are equal, which no input can bring about.
func TestIndexCollisions(t *testing.T) {
	x := newIndex[int]()
	e := &edit{}
	one, two := 1, 2
	b := &branch[int]{edit: e}
	b, added := x.put1(b, e, 7, hashBits, "a", &one)
	if !added {
		t.Fatal("not added")
	}
	if b, added = x.put1(b, e, 7, hashBits, "b", &two); !added || len(b.slots) != 2 {
		t.Fatal("not added")
	}
	if _, added = x.put1(b, e, 7, hashBits, "b", &one); added || b.slots[1].value != &one {
		t.Fatal("not replaced")
	}
	if b = b.remove(e, 7, hashBits, "a"); len(b.slots) != 1 || b.slots[0].key != "b" {
		t.Fatal("not removed")
	}
}
