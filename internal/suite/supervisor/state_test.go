package supervisor

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func middle() float64 { return 0.5 }

func names(actions []Action) []string {
	var out []string
	for _, a := range actions {
		out = append(out, a.Component.Name)
	}
	return out
}

func component(name string, kind Kind, priority int) Component {
	return Component{Name: name, Program: name, Module: name, Process: "p", Kind: kind, Priority: priority}
}

var begin = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func TestStartOrder(t *testing.T) {
	s := NewState(middle)
	s.Configure(begin, []Component{component("low", Needed, 0), component("b", Needed, 10), component("a", Needed, 10)})
	got := s.Due(begin)
	if want := []string{"a", "b"}; !slices.Equal(names(got), want) {
		t.Fatalf("first %v, want %v", names(got), want)
	}
	if next, _ := s.Next(); next != begin.Add(PriorityWait) {
		t.Errorf("next %v", next)
	}
	s.Ready("a", got[0].Run)
	if more := s.Due(begin); more != nil {
		t.Errorf("%v before b serves", names(more))
	}
	s.Ready("b", got[1].Run)
	low := s.Due(begin)
	if !slices.Equal(names(low), []string{"low"}) || s.Settled() {
		t.Errorf("then %v", names(low))
	}
	s.Ready("low", low[0].Run)
	if !s.Settled() {
		t.Error("not settled when all serve")
	}
}

func TestSlowStartDelaysLowerPriorityOnlySoLong(t *testing.T) {
	s := NewState(middle)
	s.Configure(begin, []Component{component("low", Needed, 0), component("slow", Needed, 1)})
	s.Due(begin)
	if got := s.Due(begin.Add(PriorityWait)); !slices.Equal(names(got), []string{"low"}) {
		t.Errorf("after the wait: %v", names(got))
	}
}

func TestKinds(t *testing.T) {
	for _, test := range []struct {
		kind  Kind
		ready bool
		after time.Duration
		want  Outcome
	}{
		{Core, true, time.Hour, Unsatisfied},
		{Needed, false, 0, Unsatisfied},
		{Needed, true, StartPeriod - 1, Unsatisfied},
		{Needed, true, StartPeriod, Restarting},
		{Needed, false, StartPeriod, Unsatisfied},
		{Dispensable, false, 0, Restarting},
		{Dispensable, true, time.Hour, Restarting},
	} {
		s := NewState(middle)
		s.Configure(begin, []Component{component("x", test.kind, 0)})
		run := s.Due(begin)[0].Run
		if test.ready {
			s.Ready("x", run)
		}
		if got := s.Ended(begin.Add(test.after), "x", run); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
		if got := s.Ended(begin.Add(test.after), "x", run); got != Ignored {
			t.Errorf("%+v: second report: %v", test, got)
		}
	}
}

func TestBackOff(t *testing.T) {
	s := NewState(middle)
	s.Configure(begin, []Component{component("x", Dispensable, 0)})
	now := begin
	var last time.Duration
	for n := range 20 {
		due := s.Due(now)
		if len(due) != 1 {
			t.Fatalf("restart %d: %v", n, due)
		}
		s.Ended(now, "x", due[0].Run)
		next, ok := s.Next()
		d := next.Sub(now)
		if !ok || d < last || d > LastDelay || n == 0 && d != FirstDelay {
			t.Fatalf("restart %d after %v, before %v", n, d, last)
		}
		last, now = d, next
	}
	if last != LastDelay {
		t.Errorf("delay grows to %v only", last)
	}
	due := s.Due(now)
	s.Ready("x", due[0].Run)
	now = now.Add(StablePeriod)
	s.Ended(now, "x", due[0].Run)
	if next, _ := s.Next(); next.Sub(now) != FirstDelay {
		t.Errorf("after a stable run: %v", next.Sub(now))
	}
}

func TestReconfigure(t *testing.T) {
	s := NewState(middle)
	a, b := component("a", Needed, 0), component("b", Core, 0)
	s.Configure(begin, []Component{a, b})
	due := s.Due(begin)
	for _, d := range due {
		s.Ready(d.Component.Name, d.Run)
	}
	changed := a
	changed.Priority = 7
	stops := s.Configure(begin, []Component{changed})
	if !slices.Equal(names(stops), []string{"a", "b"}) || stops[0].Op != Stop || stops[1].Op != Stop {
		t.Fatalf("got %v", stops)
	}
	if s.Due(begin) != nil {
		t.Error("started before it stopped")
	}
	for _, stop := range stops {
		if got := s.Ended(begin, stop.Component.Name, stop.Run); got != Stopped {
			t.Errorf("%s: %v", stop.Component.Name, got)
		}
	}
	again := s.Due(begin)
	if len(again) != 1 || again[0].Component != changed {
		t.Errorf("then %v", again)
	}
}

func TestRemovedWhileWaitingForRestart(t *testing.T) {
	s := NewState(middle)
	s.Configure(begin, []Component{component("x", Dispensable, 0)})
	s.Ended(begin, "x", s.Due(begin)[0].Run)
	if got := s.Configure(begin, nil); len(got) != 1 || got[0].Op != Forget {
		t.Errorf("got %v", got)
	}
	if s.Due(begin.Add(time.Hour)) != nil {
		t.Error("started although removed")
	}
}

// An entry that is renamed runs the same module under another name: the new one waits for the old one.
func TestRenamedEntry(t *testing.T) {
	s := NewState(middle)
	old := component("old", Needed, 0)
	s.Configure(begin, []Component{old})
	run := s.Due(begin)[0].Run
	s.Ready("old", run)
	renamed := old
	renamed.Name = "new"
	s.Configure(begin, []Component{renamed})
	if s.Due(begin) != nil {
		t.Error("two of one module")
	}
	s.Ended(begin, "old", run)
	if got := s.Due(begin); !slices.Equal(names(got), []string{"new"}) || !s.Runs("old") {
		t.Errorf("got %v", got)
	}
}

// Whatever happens in whatever order: no start without a place for it, no two runs of a module, no unit is lost.
func TestStateModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewState(middle)
		now := begin
		active := map[string]Action{} // by module
		all := []Component{component("a", Dispensable, 0), component("b", Dispensable, 5), component("c", Needed, 1)}
		alias := all[0]
		alias.Name = "alias"
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second)
			switch rapid.IntRange(0, 3).Draw(t, "event") {
			case 0:
				var list []Component
				for _, c := range append(all, alias)[rapid.IntRange(0, 1).Draw(t, "skip"):] {
					if rapid.Bool().Draw(t, "wanted") && !slices.ContainsFunc(list, func(o Component) bool { return o.Module == c.Module }) {
						c.Priority = rapid.IntRange(0, 2).Draw(t, "priority")
						list = append(list, c)
					}
				}
				s.Configure(now, list)
			case 1, 2:
				for module, a := range active {
					if rapid.Bool().Draw(t, "ready") {
						s.Ready(a.Component.Name, a.Run)
					}
					if rapid.Bool().Draw(t, "ends") {
						if s.Ended(now, a.Component.Name, a.Run) == Ignored {
							t.Fatalf("end of %v ignored", a)
						}
						delete(active, module)
					}
				}
			}
			for _, a := range s.Due(now) {
				if other, ok := active[a.Component.Module]; ok {
					t.Fatalf("%v beside %v", a, other)
				}
				active[a.Component.Module] = a
			}
			if len(s.Active()) != len(active) {
				t.Fatalf("active %v, want %v", s.Active(), active)
			}
			if next, ok := s.Next(); ok && !next.After(now) {
				t.Fatalf("due at %v, not started at %v", next, now)
			}
		}
	})
}
