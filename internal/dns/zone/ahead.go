package zone

import (
	"hash/maphash"

	"bundy/internal/dns/wire"
)

const (
	// maxAhead bounds the questions of one Ahead: more than a processor can have reads under way.
	maxAhead = 64
	// largeZone is the number of names from which a zone does not fit the processor's caches.
	largeZone = 20000
	// line is the size of what memory gives at once.
	line = 64
)

// Ahead brings the memory nearer that the look-ups of several questions will read. Each look-up alone waits for memory
// several times; when all of them say first what they will need, they wait for it together. It changes nothing.
// The zero value is ready for use; reuse one for all questions of a goroutine.
type Ahead struct {
	n       int
	glances [maxAhead]glance
	sum     uint64 // of what was read, so that reading is not for nothing
}

// glance is one place to look at.
type glance struct {
	in  *frozen
	tag uint32
}

// Add takes a question, whose name is in lower case. It returns false if its zone is none that this would help.
func (a *Ahead) Add(c *Catalog, class wire.Class, name wire.Name) bool {
	e := c.Find(class, name)
	if e == nil {
		return false
	}
	v := e.Version()
	if v == nil || v.names.frozen.table.n < largeZone {
		return false
	}
	if v.cuts > 0 { // the look-up begins below the apex
		for len(name) > len(v.key) && len(name.Parent()) > len(v.key) {
			name = name.Parent()
		}
	}
	if a.n < maxAhead {
		a.glances[a.n] = glance{v.names.frozen, tagOf(maphash.String(v.names.over.seed, string(name)))}
		a.n++
	}
	return true
}

// Fetch reads what the questions need, and forgets them.
func (a *Ahead) Fetch() {
	glances := a.glances[:a.n]
	a.n = 0
	sum := a.sum
	for i := range glances {
		g := &glances[i]
		sum += g.in.table.slots[g.tag>>g.in.table.shift]
	}
	for i := range glances {
		g := &glances[i]
		at := g.tag >> g.in.table.shift
		for s := g.in.table.slots[at]; s != 0; s = g.in.table.slots[at] {
			if uint32(s>>32) == g.tag {
				b := g.in.slab.at(ref(s))
				sum += uint64(b[0]) + uint64(b[min(line, len(b)-1)])
				break
			}
			at = (at + 1) & uint32(len(g.in.table.slots)-1)
		}
	}
	a.sum = sum
	for i := range glances {
		glances[i].in = nil // not to keep a version that goes out of service
	}
}
