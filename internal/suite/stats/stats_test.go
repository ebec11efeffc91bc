package stats

import (
	"encoding/json"
	"sync"
	"testing"

	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

const (
	requestV4 = iota
	requestV6
	responses
)

func definitions() []Definition {
	return []Definition{
		requestV4: {"zones/<_SERVER_>/request/v4", "request.v4", "requests over IPv4"},
		requestV6: {"zones/<_SERVER_>/request/v6", "request.v6", "requests over IPv6"},
		responses: {"responses", "", "responses sent"},
	}
}

func snapshot(t *testing.T, c *Counters) string {
	t.Helper()
	text, err := json.Marshal(c.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCounters(t *testing.T) {
	c := New(definitions())
	const workers, rounds = 4, 1000
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			s := c.Shard()
			defer s.Close()
			for range rounds {
				s.Inc(requestV4)
				s.Add(responses, 2)
			}
		})
	}
	open := c.Shard()
	open.Inc(requestV6)
	c.Inc(requestV6)
	c.Snapshot() // while others count
	wg.Wait()
	if got, want := snapshot(t, c), `{"responses":8000,"zones":{"_SERVER_":{"request":{"v4":4000,"v6":2}}}}`; got != want {
		t.Errorf("snapshot %s, want %s", got, want)
	}
	if got := c.Value(responses); got != 8000 {
		t.Errorf("responses %d", got)
	}
	if len(c.shards) != 2 {
		t.Errorf("%d shards are left, want the shared and the open one", len(c.shards))
	}
	open.Close()
	open.Close()
	if got := c.Value(requestV6); got != 2 {
		t.Errorf("after closing twice %d, want 2", got)
	}
}

func TestNoAllocation(t *testing.T) {
	s := New(definitions()).Shard()
	if n := testing.AllocsPerRun(100, func() { s.Inc(requestV4); s.Add(responses, 2) }); n != 0 {
		t.Errorf("counting allocates %v times", n)
	}
}

// TestItems: the description fits the snapshot, and gives zeros before anything has happened.
func TestItems(t *testing.T) {
	m := schema.New("Auth", "", nil, paths.Default())
	m.Statistics = Items(definitions())
	c := New(definitions())
	zeros, err := json.Marshal(schema.Complete(m.Statistics, nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := snapshot(t, c); string(zeros) != got {
		t.Errorf("defaults %s, want %s", zeros, got)
	}
	v, err := schema.Parse([]byte(snapshot(t, c)))
	if err != nil {
		t.Fatal(err)
	}
	described := &schema.Module{Name: "Auth", Config: m.Statistics}
	if errs := schema.Validate(described, v.(map[string]any)); len(errs) > 0 {
		t.Error(errs)
	}
	item, err := described.Find("zones/_SERVER_/request/v4")
	if err != nil || item.Title != "request.v4" || item.Type != schema.Integer {
		t.Errorf("item %+v, %v", item, err)
	}
}
