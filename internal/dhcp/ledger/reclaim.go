package ledger

import (
	"time"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/lease"
)

// Config is the map expired-leases-processing of either server. Numbers are seconds if nothing else is said.
type Config struct {
	Wait       uint32 `json:"reclaim-timer-wait-time" optional:"true" default:"10" min:"0" max:"65535" help:"Longest time in seconds between two looks at expired leases. The server also looks when the next lease ends. 0 never reclaims."`
	Flush      uint32 `json:"flush-reclaimed-timer-wait-time" optional:"true" default:"25" min:"0" max:"65535" help:"Seconds between two removals of reclaimed leases that were held long enough. 0 never removes them."`
	Hold       uint32 `json:"hold-reclaimed-time" optional:"true" default:"3600" min:"0" max:"4294967295" help:"Seconds for which a reclaimed lease is remembered, so that its client gets the same address again. 0 forgets it at once."`
	MaxLeases  int    `json:"max-reclaim-leases" optional:"true" default:"100" min:"0" max:"100000" help:"Most leases reclaimed in one go; clients are served before the next. 0 sets the highest number."`
	MaxTime    int    `json:"max-reclaim-time" optional:"true" default:"250" min:"0" max:"10000" help:"Longest time in milliseconds that is spent in one go. 0 is no limit of time."`
	WarnCycles int    `json:"unwarned-reclaim-cycles" optional:"true" default:"5" min:"0" max:"65535" help:"Number of consecutive goes that may leave expired leases behind before a warning is logged."`
}

// Rules say how leases end.
type Rules struct {
	Wait      time.Duration // the longest between two looks at what is over; 0 never ends leases
	Hold      time.Duration // for which a lease that ended is remembered for its client; 0 forgets it at once
	flush     time.Duration
	maxTime   time.Duration
	maxLeases int
	warnAfter int
}

// maxReclaim stands for the item max-reclaim-leases of 0.
const maxReclaim = 100000

// RulesOf makes rules of a configuration.
func RulesOf(c Config) Rules {
	r := Rules{
		Wait:      time.Duration(c.Wait) * time.Second,
		Hold:      time.Duration(c.Hold) * time.Second,
		flush:     time.Duration(c.Flush) * time.Second,
		maxTime:   time.Duration(c.MaxTime) * time.Millisecond,
		maxLeases: c.MaxLeases,
		warnAfter: c.WarnCycles,
	}
	if r.maxLeases == 0 {
		r.maxLeases = maxReclaim
	}
	return r
}

// Pauses between two looks at what is over: after a go that left something, after a failure of the store, and while
// offers are out.
const (
	Soon       = 5 * time.Millisecond
	StorePause = time.Second
	offerPause = time.Second
)

// Reclaim ends what is over at now: offers, leases and declined addresses, and reclaimed leases that were held long
// enough. Its work is bounded by the rules; the rest stays for the next go.
func (l *Ledger) Reclaim(now time.Time) {
	for range allocate.MaxOffers {
		a, ok := l.Book.Offers.Expire(now)
		if !ok {
			break
		}
		l.Book.Sync(a, now)
	}
	if l.rules.Wait > 0 {
		l.endLeases(now)
	}
	if l.rules.flush > 0 && now.Sub(l.flushed) >= l.rules.flush {
		held := l.Store.ReclaimedBefore(now.Add(-l.rules.Hold), l.rules.maxLeases)
		for _, h := range held {
			l.Store.Delete(h.Address, l.Written(h.Address))
			l.Book.Sync(h.Address, now)
		}
		if len(held) < l.rules.maxLeases { // else there may be more
			l.flushed = now
		}
	}
}

func (l *Ledger) endLeases(now time.Time) {
	began := l.now()
	over := l.Store.Expired(now, l.rules.maxLeases)
	done := 0
	for _, o := range over {
		if l.rules.maxTime > 0 && l.now().Sub(began) > l.rules.maxTime {
			break
		}
		l.end(o, now)
		done++
	}
	if done == len(over) && done < l.rules.maxLeases {
		l.behind = 0
		return
	}
	if l.behind++; l.behind == l.rules.warnAfter+1 {
		l.tell.Behind(l.behind)
	}
}

// end reclaims one lease. It is remembered without its name, so that its client may have the address again; a declined
// address has no client, and one that its client chose itself is none of ours: they are forgotten. The names are withdrawn
// when that is on disk.
func (l *Ledger) end(over lease.Lease, now time.Time) {
	names, written := l.names, l.Written(over.Address)
	done := func(err error) {
		if written(err); err == nil {
			l.tell.Reclaimed(over.Address)
			names.Removed(over)
		}
	}
	if over.State != lease.Active || l.rules.Hold == 0 {
		l.Store.Delete(over.Address, done)
	} else {
		rest := over
		rest.State, rest.Hostname, rest.FQDNForward, rest.FQDNReverse = lease.Reclaimed, "", false, false
		l.Store.Put(rest, done)
	}
	l.Book.Sync(over.Address, now)
}

// Next is how long Reclaim need not be called after a call at now.
func (l *Ledger) Next(now time.Time) time.Duration {
	pause := time.Minute
	if l.Book.Offers.Len() > 0 {
		pause = offerPause
	}
	if l.rules.flush > 0 {
		pause = min(pause, l.flushed.Add(l.rules.flush).Sub(now))
	}
	if l.rules.Wait > 0 {
		pause = min(pause, l.rules.Wait)
		if end, ok := l.Store.NextExpiry(); ok {
			pause = min(pause, end.Sub(now))
		}
	}
	return max(pause, Soon)
}

// Due is when the next lease ends; false when none does.
func (l *Ledger) Due() (time.Time, bool) {
	if l.rules.Wait == 0 {
		return time.Time{}, false
	}
	return l.Store.NextExpiry()
}
