package memfile

import (
	"hash/maphash"

	"bundy/internal/dhcp/lease"
)

// key is what the records of a chain have in common. A client of no octets has no chain.
type key struct {
	client string
	kind   lease.Kind
	number uint32 // IAID, or hardware type
}

func (x *index) hashAddress(a *[16]byte) uint32 { return uint32(maphash.Bytes(x.seed, a[:])) }

// hash mixes the numbers of a key into the hash of its client, whose value nobody can foresee.
func (x *index) hash(client []byte, kind lease.Kind, number uint32) uint32 {
	h := maphash.Bytes(x.seed, client)
	h ^= (uint64(number)<<8 | uint64(kind)) * 0x9e3779b97f4a7c15
	return uint32(h>>32) ^ uint32(h)
}

// keyOf is the key of a record in a chain. Its client is valid as long as the record's texts.
func (x *index) keyOf(chain int, r *record) (client []byte, kind lease.Kind, number uint32) {
	texts := x.octets(r)
	if chain == owner && r.kind == lease.V4 {
		return texts[:r.hwAddr], 0, uint32(r.hwType)
	}
	client = texts[r.hwAddr : int(r.hwAddr)+int(r.client)]
	if chain == owner {
		return client, 0, 0
	}
	return client, r.kind, r.iaid
}

// first finds the record of a chain that stands in the table; 0 none.
func (x *index) first(chain int, client []byte, kind lease.Kind, number uint32) uint32 {
	return x.clients[chain].find(x.hash(client, kind, number), func(n uint32) bool {
		c, k, i := x.keyOf(chain, x.at(n))
		return string(c) == string(client) && k == kind && i == number
	})
}

// join puts a record in front of its chain.
func (x *index) join(chain int, n uint32) {
	r := x.at(n)
	client, kind, number := x.keyOf(chain, r)
	if len(client) == 0 {
		return
	}
	hash := x.hash(client, kind, number)
	first := x.first(chain, client, kind, number)
	r.chains[chain] = neighbour{behind: first}
	if first == 0 {
		x.clients[chain].add(hash, n)
		return
	}
	x.at(first).chains[chain].before = n
	x.clients[chain].replace(hash, first, n)
}

func (x *index) leave(chain int, n uint32) {
	r := x.at(n)
	client, kind, number := x.keyOf(chain, r)
	if len(client) == 0 {
		return
	}
	near := r.chains[chain]
	if near.behind != 0 {
		x.at(near.behind).chains[chain].before = near.before
	}
	switch {
	case near.before != 0:
		x.at(near.before).chains[chain].behind = near.behind
	case near.behind != 0:
		x.clients[chain].replace(x.hash(client, kind, number), n, near.behind)
	default:
		x.clients[chain].remove(x.hash(client, kind, number), n)
	}
	r.chains[chain] = neighbour{}
}

// members gives the records of a chain, what was written last in front, at most lease.MaxFound.
func (x *index) members(chain int, k key) []uint32 {
	if k.client == "" {
		return nil
	}
	var out []uint32
	n := x.first(chain, []byte(k.client), k.kind, k.number)
	for ; n != 0 && len(out) < lease.MaxFound; n = x.at(n).chains[chain].behind {
		out = append(out, n)
	}
	return out
}

// best picks the lease of a client in a subnet: an active one, else the one given last.
func (x *index) best(chain int, k key, subnet uint32) (lease.Lease, bool) {
	found := uint32(0)
	if k.client != "" {
		n := x.first(chain, []byte(k.client), k.kind, k.number)
		for range lease.MaxFound {
			if n == 0 {
				break
			}
			r := x.at(n)
			if r.subnet == subnet && (found == 0 || better(r, x.at(found))) {
				found = n
			}
			n = r.chains[chain].behind
		}
	}
	if found == 0 {
		return lease.Lease{}, false
	}
	return x.lease(found), true
}

func better(a, b *record) bool {
	if active := a.state == lease.Active; active != (b.state == lease.Active) {
		return active
	}
	return a.start > b.start
}
