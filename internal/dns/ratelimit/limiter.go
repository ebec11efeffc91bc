package ratelimit

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"

	"bundy/internal/dns/wire"
)

// Category is what is counted together. Each has a rate of its own.
type Category uint8

const (
	Response Category = iota // with records in the answer; counted for each name and type
	Referral                 // counted for each name and type
	NoData                   // counted for each zone
	NXDomain                 // counted for each zone
	Error                    // counted for the client only
	All                      // whatever it is, counted for the client only
	categories
)

// Verdict says what shall become of an answer.
type Verdict uint8

const (
	Send     Verdict = iota
	Truncate         // send an empty answer with TC instead: who is no forged client asks again over TCP
	Drop
)

// Limits says how much is let through. Numbers outside of their bounds are a mistake of the caller.
type Limits struct {
	PerSecond  [categories]int // answers in a second by category, 0 to MaxRate; 0 does not limit
	Window     time.Duration   // how long an address that went on asking is held back at most; 1 second to MaxWindow
	Slip       int             // of so many answers held back one is truncated, the others are dropped; 0 drops all; to MaxSlip
	IPv4Prefix int             // length of the networks that share a limit
	IPv6Prefix int             // to 64: what is below is the client's to choose
	Table      int             // networks and answers that are followed, about 8 octets each
}

const (
	MaxRate   = 1000 // beyond it is no limit that would hurt an attacker
	MaxWindow = time.Hour
	MaxSlip   = 10
	MaxTable  = 1 << 24

	ways = 4 // words of a set: those that a key may stand in
)

// A word is, from the top, 24 bits of the key's hash, 4 bits that count answers held back, and 36 bits of time: the
// moment, in microseconds, when the credit that was used will have grown back (the theoretical arrival time of the
// generic cell rate algorithm). 36 bits are 19 hours; a word that was quiet for longer can seem to lie ahead, at most by
// the window for the time of one window in 19 hours, and then limits a quiet network for as long.
const (
	timeBits = 36
	timeMask = 1<<timeBits - 1
	slipMask = 0xf << timeBits
	tagShift = timeBits + 4
)

// Limiter counts answers. Any number of goroutines may use it.
type Limiter struct {
	limits Limits
	step   [categories]uint64 // microseconds between two answers; 0: not limited
	seed   maphash.Seed
	table  [][ways]atomic.Uint64
	mask   uint64
}

// New makes a limiter; nil if the limits limit nothing. The length of the table is rounded up to a power of two.
func New(l Limits) *Limiter {
	if l.PerSecond == [categories]int{} {
		return nil
	}
	n := uint64(1)
	for int(n)*ways < l.Table {
		n <<= 1
	}
	r := &Limiter{limits: l, seed: maphash.MakeSeed(), table: make([][ways]atomic.Uint64, n), mask: n - 1}
	for c, rate := range l.PerSecond {
		if rate > 0 {
			r.step[c] = uint64(time.Second/time.Microsecond) / uint64(rate)
		}
	}
	return r
}

// answer is what a bucket is kept for. It holds no pointer but the name, which is only hashed.
type answer struct {
	network  netip.Addr
	category Category
	qtype    wire.Type
	name     wire.Name
}

// Decide counts an answer to the client and says what shall become of it. The name is that which the category counts
// by, in lower case; it and the type are ignored where it counts by the client only.
func (r *Limiter) Decide(client netip.Addr, c Category, name wire.Name, qtype wire.Type, now time.Time) Verdict {
	network := r.network(client)
	verdict := Send
	if r.step[c] > 0 {
		switch c {
		case Error, All:
			name, qtype = "", 0
		case NoData, NXDomain:
			qtype = 0
		}
		verdict = r.take(answer{network, c, qtype, name}, now)
	}
	if r.step[All] > 0 && c != All {
		verdict = max(verdict, r.take(answer{network: network, category: All}, now))
	}
	return verdict
}

// network gives the network of a client.
func (r *Limiter) network(client netip.Addr) netip.Addr {
	client = client.Unmap().WithZone("")
	bits := r.limits.IPv6Prefix
	if client.Is4() {
		bits = r.limits.IPv4Prefix
	}
	p, err := client.Prefix(bits)
	if err != nil {
		return client
	}
	return p.Addr()
}

// take uses credit of one bucket.
func (r *Limiter) take(a answer, now time.Time) Verdict {
	h := maphash.Comparable(r.seed, a)
	set := &r.table[h&r.mask]
	tag := h >> tagShift
	step := r.step[a.category]
	at := uint64(now.UnixMicro()) & timeMask
	for {
		word, old := find(set, tag, at)
		next, verdict := r.use(old, tag, step, at)
		if word.CompareAndSwap(old, next) {
			return verdict
		}
	}
}

// find gives the word of the key, or the one that makes room for it, and its content.
func find(set *[ways]atomic.Uint64, tag, at uint64) (word *atomic.Uint64, old uint64) {
	quiet := int64(-1) << 62
	for i := range set {
		w := set[i].Load()
		if w != 0 && w>>tagShift == tag {
			return &set[i], w
		}
		since := -ahead(w, at)
		if w == 0 {
			since = 1 << 62
		}
		if since > quiet {
			quiet, word, old = since, &set[i], w
		}
	}
	return word, old
}

// ahead tells how many microseconds the time in a word lies ahead of at; negative when it is past.
func ahead(word, at uint64) int64 {
	return int64((word-at)<<(64-timeBits)) >> (64 - timeBits)
}

const (
	// burst is how much credit a network has at most: that of one second.
	burst = int64(time.Second / time.Microsecond)
	// skew is how much later the moments of other goroutines may be that count at the same time. A word that lies farther
	// ahead is an old one.
	skew = int64(time.Second / time.Microsecond)
)

// use uses the credit of one answer.
func (r *Limiter) use(old, tag, step, at uint64) (next uint64, verdict Verdict) {
	window := r.limits.Window.Microseconds()
	used, slipped := ahead(old, at), old&slipMask
	if old == 0 || old>>tagShift != tag || used < 0 || used > burst+window+skew {
		used, slipped = 0, 0
	}
	used += int64(step)
	if used > burst {
		verdict = Drop
		if r.limits.Slip > 0 {
			n := slipped >> timeBits
			if n++; int(n) >= r.limits.Slip {
				n, verdict = 0, Truncate
			}
			slipped = n << timeBits
		}
		used = min(used, burst+window)
	}
	return tag<<tagShift | slipped | (at+uint64(used))&timeMask, verdict
}
