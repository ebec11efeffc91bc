package table

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// TestModel compares with a map, and walks in pieces while entries come and go.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table Table[int, int]
		model := map[int]int{}
		key := rapid.IntRange(0, 30)
		change := func() {
			k, v := key.Draw(t, "key"), rapid.Int().Draw(t, "value")
			_, had := model[k]
			if rapid.Bool().Draw(t, "put") {
				if table.Set(k, v) != had {
					t.Fatalf("Set of %d does not tell that it was there: %v", k, had)
				}
				model[k] = v
			} else {
				if table.Delete(k) != had {
					t.Fatalf("Delete of %d does not tell that it was there: %v", k, had)
				}
				delete(model, k)
			}
		}
		for range rapid.IntRange(0, 60).Draw(t, "changes") {
			change()
		}
		stays := maps.Clone(model)
		seen := map[int]bool{}
		for from := table.Len(); from > 0; {
			from = table.Piece(from, rapid.IntRange(1, 5).Draw(t, "piece"), func(k, _ int) { seen[k] = true })
			for range rapid.IntRange(0, 3).Draw(t, "meanwhile") {
				change()
			}
			for k := range stays {
				if _, there := model[k]; !there {
					delete(stays, k)
				}
			}
		}
		for k := range stays {
			if !seen[k] {
				t.Fatalf("%d was there all the time and not seen", k)
			}
		}
		all := maps.Collect(table.All())
		if !maps.Equal(all, model) || table.Len() != len(model) {
			t.Fatalf("%v, want %v", all, model)
		}
		for k, v := range model {
			if got, ok := table.Get(k); !ok || got != v {
				t.Fatalf("%d has %d %v, want %d", k, got, ok, v)
			}
		}
	})
}

// TestRoomIsGivenBack: a table that was large once does not stay so.
func TestRoomIsGivenBack(t *testing.T) {
	var table Table[int, [16]int]
	for i := range 100_000 {
		table.Set(i, [16]int{})
	}
	for i := range 100_000 {
		table.Delete(i)
	}
	if n := cap(table.list); n > 1024 {
		t.Errorf("room for %d entries is kept", n)
	}
}
