package memfile

import (
	"bytes"
	"hash/maphash"
	"net/netip"

	"bundy/internal/dhcp/lease"
)

const (
	pageRecords = 4096

	// maxLeases bounds the leases of one store: more than a network of 10.0.0.0/8 has eight times over, and what some
	// tens of GiB hold.
	maxLeases = 1 << 27
)

// Chains join the records of one client; the first one, which was written last, stands in a table.
const (
	association = iota // V4: the client identifier; else DUID, kind and IAID
	owner              // V4: the hardware address; else the DUID
)

// index is the memory: leases by address, by client, and by the time they end. It knows no disk and no lock.
type index struct {
	seed    maphash.Seed
	texts   *slab
	pages   [][]record
	made    uint32 // records made so far; number 0 is none
	spare   uint32 // the first record that serves no more; its chains name the next
	leases  int
	address table
	clients [2]table
	tallies map[tallyKey]*lease.Tally

	running   timeline // all but Reclaimed, with an end
	reclaimed timeline

	scratch []byte // of set
}

type tallyKey struct {
	subnet uint32
	kind   lease.Kind
}

func newIndex() *index {
	return &index{seed: maphash.MakeSeed(), texts: newSlab(), tallies: map[tallyKey]*lease.Tally{}}
}

func (x *index) at(n uint32) *record { return &x.pages[n/pageRecords][n%pageRecords] }

func (x *index) octets(r *record) []byte { return x.texts.octets(r.text, r.length()) }

func (x *index) lease(n uint32) lease.Lease {
	r := x.at(n)
	return r.decode(x.octets(r))
}

func (x *index) find(a [16]byte) uint32 {
	return x.address.find(x.hashAddress(&a), func(n uint32) bool { return x.at(n).address == a })
}

func (x *index) get(a netip.Addr) (lease.Lease, bool) {
	if !a.IsValid() {
		return lease.Lease{}, false
	}
	n := x.find(addressOf(a))
	if n == 0 {
		return lease.Lease{}, false
	}
	return x.lease(n), true
}

// past is what an address was before a change, until the change is lasting.
type past struct {
	record  record
	existed bool
	shared  bool // the record has the texts of the one that came after it
}

// set makes l the state of its address; a lifetime of 0 removes the address. The past is to be given to forget or, in
// reverse order, to restore. False: there is no room for more leases.
func (x *index) set(l *lease.Lease) (past, bool) {
	a := addressOf(l.Address)
	n := x.find(a)
	if l.ValidLifetime == 0 {
		if n == 0 {
			return past{}, true
		}
		p := past{record: *x.at(n), existed: true}
		x.drop(n)
		return p, true
	}
	next, texts := encode(l, x.scratch[:0])
	if x.scratch = texts; cap(texts) > maxPiece*granule {
		x.scratch = nil
	}
	p := past{existed: n != 0}
	if p.existed {
		p.record = *x.at(n)
		p.shared = p.record.length() == len(texts) && bytes.Equal(x.octets(&p.record), texts)
	}
	if p.shared {
		next.text = p.record.text
	} else {
		var room bool
		if next.text, room = x.texts.take(len(texts)); !room || !p.existed && x.leases == maxLeases {
			if room {
				x.texts.give(next.text, len(texts))
			}
			return past{}, false
		}
		copy(x.texts.octets(next.text, len(texts)), texts)
	}
	x.enter(n, next)
	return p, true
}

// enter makes r the record of its address, which has number n or none yet.
func (x *index) enter(n uint32, r record) {
	if n != 0 {
		x.unlink(n)
	} else {
		n = x.number()
		x.address.add(x.hashAddress(&r.address), n)
		x.leases++
	}
	*x.at(n) = r
	x.link(n)
}

// drop takes the record of an address out. Its texts stay.
func (x *index) drop(n uint32) {
	x.unlink(n)
	x.address.remove(x.hashAddress(&x.at(n).address), n)
	x.leases--
	*x.at(n) = record{chains: [2]neighbour{{behind: x.spare}}}
	x.spare = n
}

func (x *index) number() uint32 {
	if n := x.spare; n != 0 {
		x.spare = x.at(n).chains[0].behind
		return n
	}
	x.made++
	if int(x.made)/pageRecords >= len(x.pages) {
		x.pages = append(x.pages, make([]record, pageRecords))
	}
	return x.made
}

// forget gives up the past of a change that is lasting.
func (x *index) forget(p *past) {
	if p.existed && !p.shared {
		x.texts.give(p.record.text, p.record.length())
	}
}

// restore takes the change back that left p behind for an address.
func (x *index) restore(a netip.Addr, p *past) {
	n := x.find(addressOf(a))
	text, length := uint32(0), 0 // what the change brought, unless it was there before
	if n != 0 && !p.shared {
		text, length = x.at(n).text, x.at(n).length()
	}
	switch {
	case p.existed:
		x.enter(n, p.record)
	case n != 0:
		x.drop(n)
	}
	x.texts.give(text, length)
}

// link enters a record into chains, timelines and tallies.
func (x *index) link(n uint32) {
	r := x.at(n)
	for c := range r.chains {
		x.join(c, n)
	}
	switch {
	case r.state == lease.Reclaimed:
		x.reclaimed.push(x, n)
	case r.valid != lease.Infinity:
		x.running.push(x, n)
	}
	k := tallyKey{r.subnet, r.kind}
	t := x.tallies[k]
	if t == nil {
		t = &lease.Tally{Subnet: r.subnet, Kind: r.kind}
		x.tallies[k] = t
	}
	t.Count(r.state, 1)
}

func (x *index) unlink(n uint32) {
	r := x.at(n)
	for c := range r.chains {
		x.leave(c, n)
	}
	switch {
	case r.state == lease.Reclaimed:
		x.reclaimed.remove(x, int(r.place))
	case r.valid != lease.Infinity:
		x.running.remove(x, int(r.place))
	}
	k := tallyKey{r.subnet, r.kind}
	t := x.tallies[k]
	if t.Count(r.state, -1); t.Active+t.Declined+t.Reclaimed+t.Registered == 0 {
		delete(x.tallies, k)
	}
}
