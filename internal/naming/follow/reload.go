package follow

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"bundy/internal/dhcp/lease"
)

// errEmpty says that the current file has no header yet.
var errEmpty = errors.New("the file is empty")

// reload reads all files that hold the state and emits a snapshot. On an error the reader is as it was.
func (r *reader) reload(emit func(Event)) error {
	for range maxReloads {
		next := &reader{path: r.path, buffer: r.buffer, loaded: true}
		e, err := next.snapshot()
		if errors.Is(err, errMoved) {
			next.close()
			continue
		}
		if err != nil {
			next.close()
			return err
		}
		r.close()
		*r = *next
		emit(e)
		return nil
	}
	return fmt.Errorf("lease file %s: %w", r.path, errMoved)
}

// snapshot reads the parts one after the other. The reader ends at the end of the current file, if there is one.
func (r *reader) snapshot() (Event, error) {
	if err := r.readable(); err != nil {
		return Event{}, err
	}
	parts := r.names()
	before, err := identities(parts)
	if err != nil {
		return Event{}, err
	}
	state := map[netip.Addr]lease.Lease{}
	all := Event{Snapshot: true}
	for i, name := range parts {
		if before[i] == nil {
			continue
		}
		r.close()
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return Event{}, errMoved
		}
		if err != nil {
			return Event{}, fmt.Errorf("follow lease file: %w", err)
		}
		r.file, r.header, r.offset, r.skip = f, false, 0, false
		if err := r.drain(func(e Event) {
			all.Skipped += e.Skipped
			for _, l := range e.Rows {
				if l.ValidLifetime == 0 {
					delete(state, l.Address)
				} else {
					state[l.Address] = l
				}
			}
		}); err != nil {
			return Event{}, err
		}
	}
	after, err := identities(parts)
	if err != nil {
		return Event{}, err
	}
	if !same(before, after) {
		return Event{}, errMoved
	}
	r.parts = after
	switch {
	case before[len(before)-1] == nil:
		r.close()
	case !r.header: // just being made, or emptied to be written anew: it does not say yet that there are no leases
		return Event{}, fmt.Errorf("lease file %s: %w", r.path, errEmpty)
	}
	all.Rows = make([]lease.Lease, 0, len(state))
	for _, l := range state {
		all.Rows = append(all.Rows, l)
	}
	return all, nil
}

// identities looks which of the files there are; a missing one is nil.
func identities(names []string) ([]fs.FileInfo, error) {
	out := make([]fs.FileInfo, len(names))
	for i, name := range names {
		info, err := os.Stat(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("follow lease file: %w", err)
		}
		if err == nil {
			out[i] = info
		}
	}
	return out, nil
}

// same tells whether two lists name the same files.
func same(a, b []fs.FileInfo) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) || a[i] != nil && !os.SameFile(a[i], b[i]) {
			return false
		}
	}
	return true
}

// Rows reads the files that hold a server's leases and gives every row in them, also those of leases that ended, some maybe twice.
// No file gives none. fn runs in the caller's goroutine.
func Rows(path string, fn func(lease.Lease)) error {
	for range maxReloads {
		r := &reader{path: filepath.Clean(path)}
		err := r.rows(fn)
		r.close()
		if !errors.Is(err, errMoved) {
			return err
		}
	}
	return fmt.Errorf("lease file %s: %w", path, errMoved)
}

func (r *reader) rows(fn func(lease.Lease)) error {
	if err := r.readable(); err != nil {
		return err
	}
	parts := r.names()
	before, err := identities(parts)
	if err != nil {
		return err
	}
	for i, name := range parts {
		if before[i] == nil {
			continue
		}
		r.close()
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return errMoved
		}
		if err != nil {
			return fmt.Errorf("read leases: %w", err)
		}
		r.file, r.header, r.offset, r.skip = f, false, 0, false
		if err := r.drain(func(e Event) {
			for _, l := range e.Rows {
				fn(l)
			}
		}); err != nil {
			return err
		}
	}
	after, err := identities(parts)
	if err == nil && !same(before, after) {
		err = errMoved
	}
	return err
}
