package authority

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"sync"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonedb"
	"bundy/internal/dns/zonefile"
)

// slot is one zone of one data source: its version in memory, and the updates on their way to the database.
type slot struct {
	key
	origin    wire.Name // as it was given
	authority *Authority
	source    string    // name of the data source
	db        *database // nil when the zone comes from a file
	path      string    // of the master file
	item      string    // where the data source stands in the configuration
	stored    bool      // the zone is read for each answer, and version stays nil

	// turn holds one token. Who has it may extend head or load the zone. It is not a mutex because a load takes time
	// and those who wait can give up.
	turn chan struct{}

	files []stamp       // that the zone was read from last; for who has the turn
	like  *zone.Version // of the slot before, until this one is loaded; for who has the turn

	mu      sync.Mutex
	version *zone.Version  // in service, and on disk; nil when the zone could not be loaded
	err     error          // why there is no version
	failed  error          // why the last load failed, nil if it did not
	edition zonedb.Edition // of version
	seen    zonedb.Edition // that was read last, good or not: what differs is worth reading
	head    *zone.Version  // version with all updates that were accepted; they may still fail
	running *batch         // being committed
	open    *batch         // what is accepted meanwhile, committed next
	compact bool           // a goroutine makes head compact
	serial  zone.Serial    // of a zone that is not in memory, when it was last looked at
}

func newSlot(a *Authority, src *source, origin wire.Name) *slot {
	s := &slot{key: keyOf(src.Class, origin), origin: origin, authority: a, source: src.Name, item: src.Item, db: src.db, stored: src.Stored, turn: make(chan struct{}, 1)}
	s.path = src.files[s.key]
	s.err = zone.ErrNotLoaded
	s.turn <- struct{}{}
	return s
}

func (s *slot) acquire(ctx context.Context) error {
	select {
	case <-s.turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for zone %s: %w", s.origin, ctx.Err())
	}
}

func (s *slot) release() { s.turn <- struct{}{} }

// known gives the version that the next one is likely to be like, nil if there is none. The caller has the turn.
func (s *slot) known() *zone.Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.version, s.like)
}

func (s *slot) state() zone.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return zone.State{Origin: s.origin, Class: s.class, Version: s.version, Err: s.err, Stored: s.stored && s.err == nil}
}

// editions gives the edition of the version, and the one that was read last.
func (s *slot) editions() (own, seen zonedb.Edition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.edition, s.seen
}

func (s *slot) finding(kind FindingKind, err error) Finding {
	f := Finding{Kind: kind, Class: s.class, Origin: s.origin, Source: s.source, Err: err}
	if s.db != nil {
		f.Database = s.db.path
	}
	return f
}

// load reads the zone and, if it is good, makes it the version of the slot; else the slot keeps what it has. Only a zone
// that was emptied in its database is not kept: that was somebody's will and not a mistake in the data. The caller has the turn, or the slot to itself. The findings tell everything; the error is why the zone was not loaded.
func (s *slot) load(ctx context.Context, from *zoneReader) ([]Finding, error) {
	if s.stored {
		return s.probe(ctx)
	}
	v, edition, found, err := s.read(ctx, from)
	s.like = nil
	if err == nil {
		more, bad := s.validate(v)
		found, err = append(found, more...), bad
	}
	if err != nil && !isNoZone(err) {
		found = append(found, s.finding(LoadFailed, err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.failed = edition, err
	if err == nil {
		s.version, s.head, s.edition, s.err = v, v, edition, nil
	} else if emptied := s.db != nil && v != nil && v.Len() == 0; emptied || s.version == nil {
		s.version, s.head, s.err = nil, nil, err
	}
	return found, err
}

// loadAlone is load of this one zone.
func (s *slot) loadAlone(ctx context.Context) ([]Finding, error) {
	var from zoneReader
	defer from.close() // nothing was written
	return s.load(ctx, &from)
}

func (s *slot) read(ctx context.Context, from *zoneReader) (*zone.Version, zonedb.Edition, []Finding, error) {
	if s.db != nil {
		if s.db.DB == nil {
			return nil, zonedb.Edition{}, nil, s.db.err
		}
		v, edition, err := from.load(ctx, s)
		return v, edition, nil, err
	}
	v, found, err := s.readFile(from)
	return v, zonedb.Edition{}, found, err
}

// zoneReader reads the zones of slots, one after the other; zones of the same database that follow one another are of
// one moment. The zero value is ready for use.
type zoneReader struct {
	db      *database
	r       *zonedb.Reader
	builder zone.Builder    // for zones of master files
	memory  zonefile.Memory // for the files
}

func (z *zoneReader) load(ctx context.Context, s *slot) (*zone.Version, zonedb.Edition, error) {
	if z.db != s.db {
		if err := z.close(); err != nil {
			return nil, zonedb.Edition{}, err
		}
		r, err := s.db.Reader(ctx)
		if err != nil {
			return nil, zonedb.Edition{}, err
		}
		z.db, z.r = s.db, r
	}
	return z.r.Renew(ctx, s.known(), s.origin, s.class)
}

func (z *zoneReader) close() error {
	if z.r == nil {
		return nil
	}
	r := z.r
	z.db, z.r = nil, nil
	return r.Close()
}

// validate applies the rules for zones (package zone, Check).
func (s *slot) validate(v *zone.Version) (found []Finding, err error) {
	for _, f := range v.Check() {
		if !f.Fatal {
			if !s.isBuiltIn() { // which names itself as its name server, as such zones do, and cannot have an address
				found = append(found, s.finding(CheckWarning, errors.New(f.Text)))
			}
			continue
		}
		found = append(found, s.finding(CheckError, errors.New(f.Text)))
		if err == nil {
			err = fmt.Errorf("the zone is not valid: %s", f.Text)
		}
	}
	return found, err
}

// readFile reads the zone from its master file. The zone of the server's own names is built in when it has no file.
func (s *slot) readFile(from *zoneReader) (*zone.Version, []Finding, error) {
	var found []Finding
	var first error
	options := zonefile.Options{Class: s.class, Open: s.openStamped, Memory: &from.memory, Warn: func(e *zonefile.Error) { found = append(found, s.finding(FileWarning, e)) }}
	records := func(yield func(wire.RR, error) bool) {
		found, first, s.files = nil, nil, nil // it may be the second time
		for rr, err := range zonefile.Read(s.path, s.origin, options) {
			if err != nil {
				found = append(found, s.finding(FileError, err))
				if first == nil {
					first = err
				}
				continue
			}
			if first == nil && !yield(rr, nil) {
				return
			}
		}
		if first != nil {
			yield(wire.RR{}, first)
		}
	}
	v, err := from.builder.Renew(s.known(), s.origin, s.class, records)
	switch {
	case errors.Is(first, fs.ErrNotExist) && s.isBuiltIn():
		v, err = s.authority.builtIn(s.origin)
		return v, nil, err
	case first != nil:
		return nil, found, first
	}
	return v, found, err
}

func (s *slot) isBuiltIn() bool { return s.class == wire.ClassCH && s.key.origin == builtInOrigin }

// Origin of the zone of the server's own names.
const builtInOrigin wire.Name = "\x04bind\x00"

// builtIn makes the zone that tells what serves.
func (a *Authority) builtIn(origin wire.Name) (*zone.Version, error) {
	var records iter.Seq2[wire.RR, error] = func(yield func(wire.RR, error) bool) {
		for _, text := range []string{
			"@ SOA @ @ 0 28800 7200 604800 86400", "@ NS @",
			"VERSION TXT " + zonefile.FormatData(wire.TypeTXT, characterString("Bundy "+a.version)),
			`AUTHORS TXT "The Bundy project"`,
		} {
			rr, err := zonefile.ParseRR(text, origin)
			rr.Class = wire.ClassCH
			if !yield(rr, err) {
				return
			}
		}
	}
	return zone.Build(origin, wire.ClassCH, records)
}

// characterString gives text as RDATA of one string, cut at its longest.
func characterString(text string) []byte {
	text = text[:min(len(text), 255)]
	return append([]byte{byte(len(text))}, text...)
}

func isNoZone(err error) bool { return errors.Is(err, zonedb.ErrNoZone) }
