package zonefile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"syscall"

	"bundy/internal/dns/wire"
)

// Bounds of one zone.
const (
	MaxRecords = 1 << 27 // what a serial load could hold in memory on no machine of today, and still a number
	MaxErrors  = 100     // errors after which reading ends: the file is not a master file, or the reader has seen enough
	MaxDepth   = 16      // files that include one another; also ends cycles
)

// Options say how a zone is read. The zero value reads a zone of class IN from files.
type Options struct {
	Class wire.Class // 0 means IN

	// Open opens the file and those it includes; nil opens regular files of the file system.
	Open func(path string) (io.ReadCloser, error)

	// Memory is used for the file, but not for those it includes; nil makes some.
	Memory *Memory

	// Warn is called for what is odd but not wrong; nil ignores it.
	Warn func(*Error)
}

// Read reads the records of the zone origin from a master file, in the order of the file. After an error, which is
// always an *Error, the sequence goes on with the next entry unless the caller ends it, so that all errors of a file
// can be seen; it ends by itself after MaxErrors or when a file cannot be read. A zone with any error is not complete.
//
// RFC 1035 section 5, RFC 2308 section 4 ($TTL), RFC 3597 section 5; $GENERATE as BIND 9 has it.
func Read(path string, origin wire.Name, o Options) iter.Seq2[wire.RR, error] {
	return func(yield func(wire.RR, error) bool) {
		if o.Class == 0 {
			o.Class = wire.ClassIN
		}
		if o.Open == nil {
			o.Open = func(path string) (io.ReadCloser, error) {
				f, _, err := OpenRegular(path)
				return f, err
			}
		}
		r := reader{Options: o, zone: origin, yield: yield}
		stream, err := o.Open(path)
		if err != nil {
			yield(wire.RR{}, &Error{File: path, What: reason(err), Err: err})
			return
		}
		r.file(stream, path, origin, "", nil)
	}
}

// Memory is what reading a file needs, to be used again for the next one by who reads many. The zero value is ready; it serves
// one file at a time.
type Memory struct{ scanner scanner }

// OpenRegular opens a file to read. A pipe or a device could keep a server waiting for ever: opened without blocking it
// cannot, and is then refused.
// It also tells what the file is like.
func OpenRegular(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		f.Close() // nothing was done with it
		return nil, nil, err
	}
	return f, info, nil
}

// reason gives the part of an error of the file system that does not repeat the path.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// reader is the state of one zone over all its files.
type reader struct {
	Options
	zone    wire.Name
	yield   func(wire.RR, error) bool
	done    bool // the caller has enough, or reading must end
	records int
	errors  int

	preset            uint32 // by $TTL, or the first SOA's MINIMUM
	last              uint32 // TTL that was given last
	hasPreset, hasTTL bool   // whether preset and last are set
	borrowed          bool   // the warning about last was given
}

// file is the state of one file.
type file struct {
	*reader
	scan   *scanner
	path   string
	origin wire.Name // of relative names
	owner  wire.Name // of the record before; empty at first
	above  *file     // that includes it; nil if none does
	depth  int
}

// file reads one file and those it includes. It closes the stream.
func (r *reader) file(stream io.ReadCloser, path string, origin, owner wire.Name, above *file) {
	depth := 0
	if above != nil {
		depth = above.depth + 1
	}
	defer stream.Close() // opened to read: closing has nothing left to fail
	var scan *scanner
	if depth == 0 && r.Memory != nil {
		scan = &r.Memory.scanner
		scan.again(stream)
	} else {
		scan = newScanner(stream)
	}
	f := &file{reader: r, scan: scan, path: path, origin: origin, owner: owner, above: above, depth: depth}
	for !r.done {
		err := f.scan.next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = f.entry()
		}
		if err != nil {
			f.report(err)
			var p *fs.PathError
			if errors.As(err, &p) { // reading failed; the next attempt would as well
				r.done = true
			}
		}
	}
	if f.scan.cut && !r.done {
		f.warn("no line feed at the end of the file", nil)
	}
}

func (f *file) finding(what string, text []byte) *Error {
	e := &Error{File: f.path, Line: f.scan.entry.line, What: what}
	if text != nil {
		e.Text = quote(text)
	}
	return e
}

func (f *file) warn(what string, text []byte) {
	if f.Warn != nil {
		f.Warn(f.finding(what, text))
	}
}

// report hands an error to the caller.
func (f *file) report(err error) {
	e := f.finding(err.Error(), nil)
	var about *fault
	if errors.As(err, &about) {
		e = f.finding(about.what, about.text)
	}
	e.Err = err
	if f.errors++; f.errors == MaxErrors {
		e.What += fmt.Sprintf(" (reading ended after %d errors)", MaxErrors)
	}
	if !f.yield(wire.RR{}, e) || f.errors == MaxErrors || errors.Is(err, ErrLimit) {
		f.done = true
	}
}

// entry handles the entry that was scanned.
func (f *file) entry() error {
	e := &f.scan.entry
	first := e.word(0)
	if !e.indent && !e.tokens[0].quoted && len(first) > 1 && first[0] == '$' {
		return f.directive(first)
	}
	at := 0
	owner := f.owner
	if !e.indent {
		var err error
		if owner, err = e.owner(f.origin); err != nil {
			return err
		}
		at = 1
	} else if owner == "" {
		return errors.New("the first record has no owner")
	}
	return f.record(e, owner, at)
}

// record handles the record whose TTL, class and type begin at token at.
func (f *file) record(e *entry, owner wire.Name, at int) error {
	f.owner = owner
	if !owner.IsBelow(f.zone) {
		return fmt.Errorf("%s is not in the zone %s", owner, f.zone)
	}
	h, err := e.head(at)
	if err != nil {
		return err
	}
	if h.hasClass && h.class != f.Class {
		return fmt.Errorf("class %s in a zone of class %s", h.class, f.Class)
	}
	if isMeta(h.rrtype) {
		return fmt.Errorf("type %s cannot stand in a zone", h.rrtype)
	}
	data, err := e.data(h.rrtype, e.tokens[h.rest:], f.origin)
	if err != nil {
		var about *fault
		if errors.As(err, &about) {
			return &fault{h.rrtype.String() + " RDATA: " + about.what, about.text}
		}
		return fmt.Errorf("%s RDATA: %w", h.rrtype, err)
	}
	ttl, err := f.ttl(h, data)
	if err != nil {
		return err
	}
	if f.records++; f.records > MaxRecords {
		return fmt.Errorf("%w: more than %d records", ErrLimit, MaxRecords)
	}
	if !f.yield(wire.RR{Name: owner, Type: h.rrtype, Class: f.Class, TTL: ttl, Data: data}, nil) {
		f.done = true
	}
	return nil
}

// isMeta tells whether a type exists in messages only (RFC 6895 section 3.1).
func isMeta(t wire.Type) bool { return t == 0 || t == wire.TypeOPT || t >= 128 && t <= 255 }

// ttl decides the TTL of a record: its own; else that of $TTL; else the last one given (RFC 1035); else a SOA's own
// MINIMUM, which then holds for what follows.
func (f *file) ttl(h head, data []byte) (uint32, error) {
	switch {
	case h.hasTTL:
		f.last, f.hasTTL = f.limitTTL(h.ttl), true
		return f.last, nil
	case f.hasPreset:
		return f.preset, nil
	case f.hasTTL:
		if !f.borrowed {
			f.borrowed = true
			f.warn("no TTL and no $TTL; using the TTL of the record before", nil)
		}
		return f.last, nil
	case h.rrtype == wire.TypeSOA && len(data) >= 4:
		f.preset, f.hasPreset = f.limitTTL(binary.BigEndian.Uint32(data[len(data)-4:])), true
		f.warn("no TTL and no $TTL; using the MINIMUM of the SOA record", nil)
		return f.preset, nil
	}
	return 0, errors.New("no TTL")
}

// limitTTL takes a TTL above MaxTTL as 0 (RFC 2181 section 8).
func (f *file) limitTTL(ttl uint32) uint32 {
	if ttl > MaxTTL {
		f.warn("TTL above 2147483647 is taken as 0", nil)
		return 0
	}
	return ttl
}
