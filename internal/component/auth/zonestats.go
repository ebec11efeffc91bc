package auth

import (
	"strings"
	"sync"
	"sync/atomic"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/stats"
)

// What is counted for each zone.
const (
	zoneQueries = iota
	zoneSuccess
	zoneNXRRset
	zoneNXDomain
	zoneReferral
	zoneOther
	zoneCounters
)

// zoneDefinitions gives the counters of a zone, below class and origin.
func zoneDefinitions() []stats.Definition {
	all := []stats.Definition{
		zoneQueries:  {Path: "queries", Title: "queries", Help: "Queries answered from the zone."},
		zoneSuccess:  {Path: "success", Title: "success", Help: "Answers NOERROR with records."},
		zoneNXRRset:  {Path: "nxrrset", Title: "nxrrset", Help: "Answers that there is no such data."},
		zoneNXDomain: {Path: "nxdomain", Title: "nxdomain", Help: "Answers that there is no such name."},
		zoneReferral: {Path: "referral", Title: "referral", Help: "Referrals to servers of zones below."},
		zoneOther:    {Path: "other", Title: "other", Help: "Other answers, as SERVFAIL of a zone that is not loaded."},
	}
	for i := range all {
		all[i].Path = "zone_queries/<IN>/<.>/" + all[i].Path
	}
	return all
}

// zoneItems describes the counters of zones: sets of classes and of origins, empty at first.
func zoneItems() []*schema.Item {
	items := stats.Items(zoneDefinitions())
	items[0].Title, items[0].Help = "zone_queries", "Queries by class and zone, for the first thousand zones that were asked for."
	items[0].Default, items[0].Element.Default = map[string]any{}, map[string]any{}
	return items
}

// maxCountedZones bounds the zones that are counted: a table that a person or a graph can still make use of.
const maxCountedZones = 1000

// zoneCounts are the counters of one zone, a part for each shard so that processors do not fight for them.
type zoneCounts struct {
	id     zoneID
	shards [shardCount]struct {
		cells [zoneCounters]atomic.Uint64
		_     [64 - zoneCounters*8]byte // a cache line each
	}
}

// zoneID names a zone.
type zoneID struct {
	class  wire.Class
	origin wire.Name // as it was given where zones are counted, in lower case where rules are looked up
}

// zoneTable is what is counted at a time. It is immutable but for the counts.
type zoneTable map[zoneID]*zoneCounts

// zoneStatistics counts by zone. Counting takes no lock once a zone is known.
type zoneStatistics struct {
	table atomic.Pointer[zoneTable]
	mu    sync.Mutex // held to replace the table
}

// of gives the counters of a zone, nil when there are too many zones.
func (s *zoneStatistics) of(id zoneID) *zoneCounts {
	if t := s.table.Load(); t != nil {
		if c := (*t)[id]; c != nil || len(*t) >= maxCountedZones {
			return c
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := zoneTable{}
	if t := s.table.Load(); t != nil {
		if c := (*t)[id]; c != nil || len(*t) >= maxCountedZones {
			return c
		}
		for k, c := range *t {
			next[k] = c
		}
	}
	id.origin = wire.Name(strings.Clone(string(id.origin))) // it may be part of a version of the zone
	c := &zoneCounts{id: id}
	next[id] = c
	s.table.Store(&next)
	return c
}

// forget gives up the counters of zones that are not there any more, so that others have room.
func (s *zoneStatistics) forget(c *zone.Catalog) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table.Load()
	if t == nil {
		return
	}
	next := zoneTable{}
	for id, counts := range *t {
		if c.Get(id.class, id.origin) != nil {
			next[id] = counts
		}
	}
	if len(next) < len(*t) {
		s.table.Store(&next)
	}
}

// snapshot gives the counters by class and origin.
func (s *zoneStatistics) snapshot() map[string]any {
	out := map[string]any{}
	t := s.table.Load()
	if t == nil {
		return out
	}
	names := make([]string, zoneCounters)
	for i, d := range zoneDefinitions() {
		names[i] = d.Title
	}
	for id, counts := range *t {
		name := memberName(id.origin)
		if name == "" {
			continue
		}
		values := map[string]any{}
		for i, title := range names {
			var sum uint64
			for shard := range counts.shards {
				sum += counts.shards[shard].cells[i].Load()
			}
			values[title] = sum
		}
		class, ok := out[id.class.String()].(map[string]any)
		if !ok {
			class = map[string]any{}
			out[id.class.String()] = class
		}
		class[name] = values
	}
	return out
}

// memberName writes a zone's name so that it can be the name of a member of a set; "" if it is too long for one.
func memberName(origin wire.Name) string {
	const longest = 255
	name := strings.NewReplacer("/", `\047`, "[", `\091`, "]", `\093`).Replace(origin.Lower().String())
	if len(name) > longest {
		return ""
	}
	return name
}

// counted is the zone that was counted last, and the table that it is in.
type counted struct {
	table  *zoneTable
	counts *zoneCounts
}

// countZone counts the answer at hand for its zone.
func (r *responder) countZone(a *zone.Answer) {
	e := a.Zone()
	if e == nil {
		return
	}
	counts := r.lastZone.counts // most often queries for one zone come one after the other
	if t := r.zones.table.Load(); t != r.lastZone.table || counts == nil || counts.id != (zoneID{e.Class(), e.Origin()}) {
		counts = r.zones.of(zoneID{e.Class(), e.Origin()})
		r.lastZone.table, r.lastZone.counts = t, counts
	}
	if counts == nil {
		return
	}
	cells := &counts.shards[r.shard].cells
	cells[zoneQueries].Add(1)
	what := zoneOther
	switch {
	case a.Rcode == wire.RcodeNXDomain:
		what = zoneNXDomain
	case a.Rcode != wire.RcodeNoError:
	case a.Answers() > 0:
		what = zoneSuccess
	case a.AA:
		what = zoneNXRRset
	default:
		what = zoneReferral
	}
	cells[what].Add(1)
}
