package dhcpddns

import (
	"errors"
	"testing"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/reconcile"
)

func TestGateLetsOneFindOut(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	silent := outcome{results: []publish.Result{{Outcome: reconcile.Failed, Refusals: []publish.Refusal{{Err: errors.New("no answer")}}}}}
	refused := outcome{results: []publish.Result{{Outcome: reconcile.Failed, Refusals: []publish.Refusal{{Rcode: wire.RcodeRefused}}}}}
	var g gate
	for range 2 {
		if g.enter(now) != 0 {
			t.Fatal("an open gate lets only one in")
		}
	}
	g.leave(now, refused, 1)
	if g.enter(now) != 0 {
		t.Fatal("a server that answers was taken for silent")
	}
	for range 20 { // all that were under way at once
		g.leave(now, silent, 1)
	}
	wait := g.enter(now)
	if wait != 200*time.Millisecond {
		t.Fatalf("shut for %v after one failure", wait)
	}
	now = now.Add(wait)
	if g.enter(now) != 0 {
		t.Fatal("nobody may find out")
	}
	if g.enter(now) != probeWait {
		t.Fatal("two find out at once")
	}
	g.leave(now, silent, 1)
	if wait := g.enter(now); wait != 400*time.Millisecond {
		t.Fatalf("shut for %v after the second failure", wait)
	}
	g.leave(now, outcome{}, 1)
	for range 2 {
		if g.enter(now) != 0 {
			t.Fatal("shut after a success")
		}
	}
}
