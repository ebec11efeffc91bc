package publish_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/dhcid"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/publish/servertest"
	"bundy/internal/naming/reconcile"
)

// pairOf is both records of the first address.
func pairOf(id dhcid.Identifier, state owned.State) []owned.Record {
	return []owned.Record{record(owned.Forward, pc, first, id, state), record(owned.Reverse, pc, first, id, state)}
}

// TestPairs: both records of an address go in one transaction of the suite's server. When the name is somebody else's neither
// is added; when the address has another name by hand, the name is added alone; each is removed by itself.
func TestPairs(t *testing.T) {
	reverse := publish.ReverseName(first)
	byHand := rr(pc, wire.TypeA, "\xcb\x00\x71\x01")
	marked := rr(pc, wire.TypeDHCID, string(others.RDATA(pc)))
	pointer := rr(reverse, wire.TypePTR, string(wire.MustParseName("other.lab.example.")))
	const done, taken, held = "done", "taken", "held"
	for _, c := range []struct {
		name    string
		there   []wire.RR
		state   owned.State
		want    []string
		records int // in both zones afterwards
		updates int
	}{
		{"free", nil, owned.Adding, []string{done, done}, 4, 1},
		{"the name was made by hand", []wire.RR{byHand}, owned.Adding, []string{taken, held}, 1, 2},
		{"the name is another client's", []wire.RR{byHand, marked}, owned.Adding, []string{taken, held}, 2, 2},
		{"the address has another name", []wire.RR{pointer}, owned.Adding, []string{done, taken}, 3, 3},
		{"both are taken", []wire.RR{byHand, pointer}, owned.Adding, []string{taken, taken}, 2, 2},
		{"nothing to remove", nil, owned.Removing, []string{done, done}, 0, 1},
		{"nothing of ours to remove", []wire.RR{byHand, marked, pointer}, owned.Removing, []string{done, done}, 3, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := servertest.New(t, []string{forwardZone, reverseZone})
			s.Add(t, c.there...)
			p := &publish.Publisher{Suite: s}
			results := p.Here(t.Context(), "", pairOf(ours, c.state)...)
			var got []string
			for _, r := range results {
				switch {
				case r.Held:
					got = append(got, held)
				case r.Outcome == reconcile.Done:
					got = append(got, done)
				case r.Outcome == reconcile.Taken:
					got = append(got, taken)
				default:
					got = append(got, fmt.Sprint(r))
				}
			}
			if !slices.Equal(got, c.want) || s.Updates() != c.updates {
				t.Errorf("%q after %d updates, want %q after %d; %+v", got, s.Updates(), c.want, c.updates, results)
			}
			if all := append(s.Records(forwardZone), s.Records(reverseZone)...); len(all) != c.records {
				t.Errorf("%d records, want %d: %q", len(all), c.records, all)
			}
			p.Here(t.Context(), "", pairOf(ours, owned.Removing)...)
			if all := append(s.Records(forwardZone), s.Records(reverseZone)...); len(all) != len(c.there) {
				t.Errorf("after the removal: %q", all)
			}
		})
	}
}

// TestBatchOfPairs: each pair of a batch has its own fate, in one transaction.
func TestBatchOfPairs(t *testing.T) {
	s := servertest.New(t, []string{forwardZone, reverseZone})
	p := &publish.Publisher{Suite: s}
	var rs []owned.Record
	address, want := first, 0
	for i := range 50 {
		name := wire.MustParseName(fmt.Sprintf("h%d.lab.example.", i))
		if i%7 == 0 {
			s.Add(t, rr(name, wire.TypeA, "\xcb\x00\x71\x01"))
			want += 1
		} else {
			want += 4
		}
		rs = append(rs, record(owned.Forward, name, address, ours, owned.Adding), record(owned.Reverse, name, address, ours, owned.Adding))
		address = address.Next()
	}
	for i, r := range p.Here(t.Context(), "", rs...) {
		if bad := i/2%7 == 0; bad != (r.Outcome != reconcile.Done) || r.Held != (bad && i%2 == 1) {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if got := len(s.Records(forwardZone)) + len(s.Records(reverseZone)); got != want || s.Updates() != 2 {
		t.Errorf("%d records, want %d, after %d updates", got, want, s.Updates())
	}
}

// fault is a suite that fails as it is told.
type fault struct {
	publish.Suite
	err   error
	apart bool // zones cannot change together
}

func (f fault) Update(ctx context.Context, ts []update.Transaction) ([][]error, error) {
	if f.err != nil {
		return nil, f.err
	}
	if f.apart && len(ts[0]) > 1 {
		return [][]error{{update.ErrUntouched, &update.Error{Rcode: wire.RcodeNotImp}}}, nil
	}
	return f.Suite.Update(ctx, ts)
}

// TestSuiteThatFails: what was not answered is in doubt, unless nothing can come of it any more; what is refused is told with the reason; zones
// that cannot change together do so one after the other.
func TestSuiteThatFails(t *testing.T) {
	s := servertest.New(t, []string{forwardZone, reverseZone})
	for _, c := range []struct {
		err      error
		doubtful bool
	}{{servertest.ErrSilent, true}, {fmt.Errorf("%w: it does not run", publish.ErrOver), false}} {
		for _, r := range (&publish.Publisher{Suite: fault{s, c.err, false}}).Here(t.Context(), "", pairOf(ours, owned.Adding)...) {
			if r.Outcome != reconcile.Failed || r.Unanswered != c.doubtful || len(r.Refusals) != 1 || !errors.Is(r.Refusals[0].Err, c.err) || !strings.HasPrefix(r.Reason, "this suite: ") {
				t.Errorf("%v: %+v", c.err, r)
			}
		}
	}
	if r := (&publish.Publisher{}).Here(t.Context(), "", pairOf(ours, owned.Adding)...)[0]; r.Outcome != reconcile.Failed {
		t.Errorf("without suite: %+v", r)
	}
	s.SetRefuse(wire.RcodeNotAuth)
	for _, r := range (&publish.Publisher{Suite: s}).Here(t.Context(), "", record(owned.Forward, pc, first, ours, owned.Adding)) {
		if r.Outcome != reconcile.Failed || r.Reason != "this suite: NOTAUTH, as the test says" || r.Unanswered {
			t.Errorf("refused: %+v", r)
		}
	}
	s.SetRefuse(0)
	for _, r := range (&publish.Publisher{Suite: fault{s, nil, true}}).Here(t.Context(), "", pairOf(ours, owned.Adding)...) {
		if r.Outcome != reconcile.Done {
			t.Errorf("apart: %+v", r)
		}
	}
	any := record(owned.Reverse, pc, second, ours, owned.Adding)
	any.Zone = wire.Root
	if r := (&publish.Publisher{Suite: s}).Here(t.Context(), "", any)[0]; r.Outcome != reconcile.Done || len(s.Records(reverseZone)) != 4 {
		t.Errorf("in a zone that is to be found: %+v %q", r, s.Records(reverseZone))
	}
}
