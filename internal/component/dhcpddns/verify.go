package dhcpddns

import (
	"context"
	"encoding/json"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
)

// eventZoneLoaded is published by a DNS server of the suite when it has loaded a zone that it did not change itself.
const eventZoneLoaded = "zone_loaded"

const (
	// checkPause is the least time between two records that are looked for, so that a zone of any size costs a name
	// server little, and what leases need goes in between.
	checkPause = 5 * time.Millisecond

	// scanPause is the least time between two searches for the records of zones that were loaded, however often
	// somebody loads them.
	scanPause = time.Second

	// firstCheck is when all records are looked for after the start: what happened to DNS meanwhile nobody tells. The
	// name servers of this machine, which may be starting too, are given that time.
	firstCheck = 10 * time.Second
)

// check is what is to be looked for in DNS, although it was put there.
type check struct {
	zones    map[wire.Name]struct{} // whose records are still to be found; bounded by maxSuspects
	nextScan time.Time
	nextAll  time.Time // round of all records
	begun    bool      // the first round, which is a quick one

	queue   []owned.Key
	queued  map[owned.Key]struct{}
	pause   time.Duration // between two of the queue
	nextOne time.Time
}

// maxSuspects bounds the zones that wait for a search; beyond that all zones are suspect.
const maxSuspects = 100

// suspect lets the records at and below a name be looked for.
func (c *check) suspect(origin wire.Name) {
	if c.zones == nil {
		c.zones = map[wire.Name]struct{}{}
	}
	if len(c.zones) >= maxSuspects {
		clear(c.zones)
		origin = wire.Root
	}
	c.zones[origin] = struct{}{}
}

// add puts a record into the queue, at most once.
func (c *check) add(k owned.Key) {
	if c.queued == nil {
		c.queued = map[owned.Key]struct{}{}
	}
	if _, ok := c.queued[k]; !ok {
		c.queued[k] = struct{}{}
		c.queue = append(c.queue, k)
	}
}

// due is when something is to be done; false if that is not known yet.
func (c *check) due(interval time.Duration) (next time.Time, ok bool) {
	consider := func(t time.Time) {
		if !ok || t.Before(next) {
			next, ok = t, true
		}
	}
	if interval > 0 {
		consider(c.nextAll)
	}
	if len(c.zones) > 0 {
		consider(c.nextScan)
	}
	if len(c.queue) > 0 {
		consider(c.nextOne)
	}
	return next, ok
}

// verify finds the records to look for, and lets the next one go when its time has come.
func (e *engine) verify(now time.Time) {
	c := &e.check
	if interval := e.settings.verify; interval > 0 && !now.Before(c.nextAll) {
		c.nextAll = now.Add(interval)
		e.gather(wire.Root)
		c.pause, c.nextOne = checkPause, now
		if c.begun {
			c.pause = max(interval/2/time.Duration(max(len(c.queue), 1)), checkPause)
		}
		c.begun = true
	}
	if len(c.zones) > 0 && !now.Before(c.nextScan) {
		c.nextScan = now.Add(scanPause)
		for origin := range c.zones {
			e.gather(origin)
		}
		clear(c.zones)
		c.pause, c.nextOne = checkPause, now
	}
	if len(c.queue) == 0 || now.Before(c.nextOne) || e.running >= maxTransactions {
		return
	}
	k := c.queue[0]
	c.queue = c.queue[1:]
	delete(c.queued, k)
	c.nextOne = now.Add(c.pause)
	if r, ok := e.store.Get(k); ok && r.State == owned.Present && r.Source != owned.Found {
		r.NextTry = now
		e.schedule.Verify(r)
	}
}

// gather queues the records at and below origin that should be in DNS.
func (e *engine) gather(origin wire.Name) {
	for r := range e.store.All() {
		if r.State == owned.Present && r.Source != owned.Found && publish.Owner(r.Key, r.Zone).IsBelow(origin) {
			e.check.add(r.Key)
		}
	}
}

// zoneLoaded makes the function that takes events. Parameters that cannot be read may be about any zone.
func (e *engine) zoneLoaded(ctx context.Context) func(json.RawMessage) {
	return func(params json.RawMessage) {
		var event struct {
			Origin string `json:"origin"`
		}
		origin := wire.Root
		if json.Unmarshal(params, &event) == nil {
			if n, err := wire.ParseName(event.Origin); err == nil {
				origin = n.Lower()
			}
		}
		select {
		case e.loaded <- origin:
		case <-ctx.Done():
		}
	}
}
