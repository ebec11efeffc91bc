package decline

import (
	"fmt"
	"testing"
	"time"
)

func TestTally(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	tally := newTally(ByClient)
	for i := range ByClient {
		if tally.resting("a", now) {
			t.Errorf("rests after %d", i)
		}
		tally.add("a", now)
	}
	if !tally.resting("a", now.Add(Rest-1)) || tally.resting("b", now) {
		t.Error("the wrong one rests")
	}
	if tally.resting("a", now.Add(Rest)) {
		t.Error("rests for ever")
	}
	tally.add("a", now.Add(Rest))
	if tally.resting("a", now.Add(Rest)) {
		t.Error("what was long ago counts")
	}
}

// TestBound: a flood of those that do not exist takes no memory.
func TestBound(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	tally := newTally(ByClient)
	for i := range 2 * maxKnown {
		tally.add(fmt.Sprint(i), now)
	}
	if len(tally.by) != maxKnown {
		t.Errorf("%d are known", len(tally.by))
	}
}
