package zone

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"sync/atomic"

	"bundy/internal/dns/wire"
)

// loader stages records while the next ones are being made, on another processor if the zone is large: reading records
// and storing them cost about the same.
type loader struct {
	v   *Version            // of which the records are
	add func(wire.RR) error // stages a record that can be of it

	stored int            // records stored before there was a goroutine
	batch  []wire.RR      // being filled
	full   chan []wire.RR // to be stored
	empty  chan []wire.RR // to be filled again; has room for all there are
	failed atomic.Bool    // the goroutine stores no more, as finish will tell
	done   chan error     // the goroutine's first error, or nil, when full is closed
}

const (
	loadAlone = 4096 // records for which a goroutine is not worth its price
	loadBatch = 512  // records handed over at once
	loadAhead = 4    // batches made ahead
)

// take stages all records, and gives the first error.
func (l *loader) take(records iter.Seq2[wire.RR, error]) error {
	defer l.finish() // when records panics
	for rr, err := range records {
		if err == nil {
			err = l.hand(rr)
		}
		if err != nil {
			return cmp.Or(l.finish(), err) // the first error, which may be about an earlier record
		}
	}
	return l.finish()
}

// hand takes a record. finish must be called after the last one, also when hand failed; a nil error of hand does not mean
// that there will be none.
func (l *loader) hand(rr wire.RR) error {
	if l.stored < loadAlone {
		l.stored++
		return l.store(rr)
	}
	if l.full == nil {
		l.start()
	}
	if l.batch = append(l.batch, rr); len(l.batch) < loadBatch {
		return nil
	}
	l.full <- l.batch
	l.batch = <-l.empty
	if l.failed.Load() {
		return l.finish()
	}
	return nil
}

func (l *loader) start() {
	l.full, l.empty, l.done = make(chan []wire.RR, loadAhead), make(chan []wire.RR, loadAhead+1), make(chan error, 1)
	for range loadAhead {
		l.empty <- make([]wire.RR, 0, loadBatch)
	}
	l.batch = make([]wire.RR, 0, loadBatch)
	go func() {
		var err error
		for batch := range l.full {
			for i := 0; i < len(batch) && err == nil; i++ {
				err = l.store(batch[i])
			}
			l.failed.Store(err != nil)
			l.empty <- batch[:0]
		}
		l.done <- err
	}()
}

// finish waits until all is stored and gives the first error. Called again, it gives nil.
func (l *loader) finish() error {
	if l.full == nil || l.done == nil {
		return nil
	}
	l.full <- l.batch
	close(l.full)
	err := <-l.done
	l.done = nil
	return err
}

// store checks and stages one record.
func (l *loader) store(rr wire.RR) error {
	if err := l.v.accepts(rr); err != nil {
		return err
	}
	if rr.TTL > math.MaxInt32 {
		rr.TTL = 0
	}
	if err := l.add(rr); err != nil {
		return fmt.Errorf("zone %s: %w", l.v.origin, err)
	}
	return nil
}
