package stats

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Definition describes one counter. Path is its place in the module's statistics, as "request/v4"; an element in angle
// brackets is a member of a named set, as in "zones/<_SERVER_>/request/v4".
type Definition struct {
	Path  string
	Title string // the short name, "request.v4"; may be empty
	Help  string
}

// Counters is a fixed set of counters. A counter is addressed by the position of its definition, for which modules
// declare constants. All counters begin at zero and never go down; they wrap at 2^64.
type Counters struct {
	definitions []Definition
	shared      *Shard

	mu     sync.Mutex
	shards []*Shard // shared is the first; the mutex guards the list, not the cells
}

// New makes the counters that the definitions name.
func New(definitions []Definition) *Counters {
	c := &Counters{definitions: definitions}
	c.shared = c.Shard()
	return c
}

// Shard is one goroutine's part of the counters. Counting in a shard that another goroutine uses as well is right, but
// slower.
type Shard struct {
	counters *Counters
	cells    []atomic.Uint64
}

// padding keeps the cells of two shards on different cache lines (64 octets, and the line that the processor fetches
// along with it).
const padding = 16

// Shard adds a shard. Close it when its goroutine ends.
func (c *Counters) Shard() *Shard {
	n := len(c.definitions)
	cells := make([]atomic.Uint64, padding+n+padding)
	s := &Shard{counters: c, cells: cells[padding : padding+n : padding+n]}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shards = append(c.shards, s)
	return s
}

// Add counts n events of counter i.
func (s *Shard) Add(i int, n uint64) { s.cells[i].Add(n) }

// Inc counts one event of counter i.
func (s *Shard) Inc(i int) { s.cells[i].Add(1) }

// Close gives the shard up and keeps what it counted. It must not be used afterwards.
func (s *Shard) Close() {
	c := s.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.Index(c.shards, s)
	if at < 1 {
		return
	}
	c.shards = slices.Delete(c.shards, at, at+1)
	for i := range s.cells {
		c.shared.cells[i].Add(s.cells[i].Load())
	}
}

// Add counts n events of counter i in a shard that all share: for what is rare.
func (c *Counters) Add(i int, n uint64) { c.shared.cells[i].Add(n) }

// Inc counts one event of counter i in a shard that all share: for what is rare.
func (c *Counters) Inc(i int) { c.shared.cells[i].Add(1) }

// Value returns one counter.
func (c *Counters) Value(i int) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum(i)
}

func (c *Counters) sum(i int) uint64 {
	var n uint64
	for _, s := range c.shards {
		n += s.cells[i].Load()
	}
	return n
}

// Snapshot returns all counters as nested maps, the form of module.Component's Stats: {"request": {"v4": 7}}. Counters
// that count on meanwhile may show different instants.
func (c *Counters) Snapshot() map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]any{}
	for i, d := range c.definitions {
		at := out
		path := strings.Split(d.Path, "/")
		for _, name := range path[:len(path)-1] {
			name, _ = member(name)
			next, ok := at[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[name] = next
			}
			at = next
		}
		at[path[len(path)-1]] = c.sum(i)
	}
	return out
}

// member takes the brackets off an element of a path.
func member(element string) (name string, ofSet bool) {
	if strings.HasPrefix(element, "<") && strings.HasSuffix(element, ">") {
		return element[1 : len(element)-1], true
	}
	return element, false
}
