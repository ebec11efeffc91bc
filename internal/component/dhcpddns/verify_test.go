package dhcpddns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"bundy/internal/dhcp/redundancy"
	"bundy/internal/dns/wire"
)

// eventBus carries events from a test to the component.
type eventBus struct {
	mu          sync.Mutex
	subscribers map[string][]func(json.RawMessage)
	roles       map[string]redundancy.Role // that the module Ha gives; nil: it does not run
}

func (b *eventBus) Call(_ context.Context, to, _ string, _, result any) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if to != redundancy.Module || b.roles == nil {
		return errors.New("not in this test")
	}
	text, err := json.Marshal(b.roles)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, result)
}

// become gives the node a role in the group lan, and tells it.
func (b *eventBus) become(role redundancy.Role) {
	b.mu.Lock()
	b.roles = map[string]redundancy.Role{"lan": role}
	b.mu.Unlock()
	b.Publish(redundancy.Event, nil)
}

func (b *eventBus) Subscribe(event string, fn func(json.RawMessage)) func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subscribers == nil {
		b.subscribers = map[string][]func(json.RawMessage){}
	}
	b.subscribers[event] = append(b.subscribers[event], fn)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subscribers, event)
	}
}

func (b *eventBus) Publish(event string, params any) error {
	text, err := json.Marshal(params)
	b.mu.Lock()
	fns := b.subscribers[event]
	b.mu.Unlock()
	for _, fn := range fns {
		fn(text)
	}
	return err
}

// TestLostRecordsComeBack empties zones behind the component: by each of the ways in which it hears of that, what was
// lost comes back, and what is there is asked for but not changed.
func TestLostRecordsComeBack(t *testing.T) {
	s := newSite(t)
	s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
	s.row(leaseOf("192.0.2.2", "b", "beta.lab.example."))
	s.start()
	all := append(both("alpha.lab.example.", "192.0.2.1"), both("beta.lab.example.", "192.0.2.2")...)
	s.eventually(all...)
	for _, c := range []struct {
		zone string
		hear func()
	}{
		{"lab.example.", func() { s.bus.Publish(eventZoneLoaded, map[string]any{"origin": "LAB.example.", "class": "IN"}) }},
		{"2.0.192.in-addr.arpa.", func() { s.bus.Publish(eventZoneLoaded, nil) }},
		{"lab.example.", func() {
			if _, err := s.c.Call(context.Background(), "reconcile", nil); err != nil {
				t.Error(err)
			}
		}},
		{"lab.example.", func() {
			s.later.Add(int64(firstCheck))
			s.apply() // wakes it up
		}},
		{"2.0.192.in-addr.arpa.", func() {
			s.doc[name]["verify_interval"] = int64(1)
			s.apply()
			s.later.Add(int64(time.Second))
		}},
	} {
		for s.c.counters.pending.Load() > 0 {
			s.dns.Updates()
		}
		s.dns.Clear(t, c.zone)
		before := s.c.counters.restored.Load()
		s.later.Add(int64(scanPause))
		c.hear()
		s.eventually(all...)
		for s.c.counters.restored.Load() < before+2 {
			s.dns.Updates()
		}
	}
}

// TestNameTakenMeanwhileIsAConflict puts somebody else's record in the place of a lost one: it is left alone, and the
// address no longer points to it.
func TestNameTakenMeanwhileIsAConflict(t *testing.T) {
	s := newSite(t)
	s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
	s.start()
	s.eventually(both("alpha.lab.example.", "192.0.2.1")...)
	s.dns.Clear(t, "lab.example.")
	s.dns.Add(t, wire.RR{Name: wire.MustParseName("alpha.lab.example."), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 77}})
	s.bus.Publish(eventZoneLoaded, map[string]any{"origin": "lab.example."})
	for s.c.counters.families[0].conflicts.Load() == 0 {
		s.dns.Updates()
	}
	s.eventually(forward("alpha.lab.example.", "192.0.2.77"))
	s.row(tombstone("192.0.2.1"))
	for s.c.counters.owned.Load() > 0 {
		s.dns.Updates()
	}
	s.eventually(forward("alpha.lab.example.", "192.0.2.77"))
}

// TestVerificationGoesOnWhenServersFail loses records while the server refuses everything.
func TestVerificationGoesOnWhenServersFail(t *testing.T) {
	s := newSite(t)
	s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
	s.start()
	s.eventually(both("alpha.lab.example.", "192.0.2.1")...)
	s.dns.Clear(t, "lab.example.")
	s.dns.SetRefuse(wire.RcodeServFail)
	s.bus.Publish(eventZoneLoaded, map[string]any{"origin": "."})
	for s.c.counters.families[0].failures.Load() < 2 {
		s.dns.Updates()
	}
	s.dns.SetRefuse(0)
	s.eventually(both("alpha.lab.example.", "192.0.2.1")...)
}

func TestSuspectZonesAreBounded(t *testing.T) {
	var c check
	for i := range 10 * maxSuspects {
		c.suspect(wire.MustParseName(fmt.Sprintf("z%d.example.", i)))
	}
	_, all := c.zones[wire.Root]
	if len(c.zones) > maxSuspects || !all {
		t.Errorf("%d zones, all of them %v", len(c.zones), all)
	}
}
