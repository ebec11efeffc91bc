package memfile

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"bundy/internal/dhcp/lease"
)

// compactIfGrown begins or ends a compaction.
func (s *Store) compactIfGrown() {
	if s.opts.Volatile {
		return
	}
	if s.compacting != nil {
		select {
		case err := <-s.compacting:
			s.compacting = nil
			if err != nil {
				s.opts.Report(fmt.Sprintf("compaction of %s failed, it is tried again later: %v", s.path, err))
			}
		default:
			return
		}
	}
	s.mu.RLock()
	leases := s.index.leases
	s.mu.RUnlock()
	if s.rows < s.opts.CompactAt || s.rows < compactFactor*leases || s.torn {
		return
	}
	if err := s.rotate(); err != nil {
		s.opts.Report(fmt.Sprintf("compaction of %s could not begin: %v", s.path, err))
		s.rows = 0 // not again with every write: after as many rows as it took now
		return
	}
	result := make(chan error, 1)
	s.compacting = result
	go func() { result <- compact(s.path, s.opts.Family) }()
}

// rotate renames the journal to F.1 and begins a new one. While an earlier compaction is unfinished (F.1 or
// F.completed is there) the journal stays, since finishing it removes F.1.
func (s *Store) rotate() error {
	for _, suffix := range []string{".1", ".completed"} {
		if _, err := os.Stat(s.path + suffix); err == nil {
			s.rows = 0
			return nil
		}
	}
	if err := os.Rename(s.path, s.path+".1"); err != nil {
		return err
	}
	next, err := s.opts.Open(s.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return errors.Join(err, os.Rename(s.path+".1", s.path))
	}
	old, size, rows := s.journal, s.size, s.rows
	s.journal = next
	err = s.begin()
	if err == nil {
		err = syncDir(s.path)
	}
	if err != nil {
		s.journal, s.size, s.rows = old, size, rows
		next.Close()
		return errors.Join(err, os.Rename(s.path+".1", s.path))
	}
	return old.Close()
}

// beginAnew puts a journal with another header aside, to be compacted, after a compaction that was not finished.
func (s *Store) beginAnew() error {
	for _, suffix := range []string{".1", ".completed"} {
		if _, err := os.Stat(s.path + suffix); err == nil {
			if err := compact(s.path, s.opts.Family); err != nil {
				return err
			}
		}
	}
	return s.rotate()
}

// compact merges F.2 and F.1 into a new F.2. Every step can be repeated after a crash.
func compact(path string, family lease.Family) error {
	completed := path + ".completed"
	if _, err := os.Stat(completed); errors.Is(err, fs.ErrNotExist) {
		if err := merge(path+".output", sources(path), family); err != nil {
			return err
		}
		if err := os.Rename(path+".output", completed); err != nil {
			return err
		}
		if err := syncDir(path); err != nil {
			return err
		}
	}
	for _, old := range []string{path + ".2", path + ".1"} {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(completed, path+".2"); err != nil {
		return err
	}
	return syncDir(path)
}

// merge writes the last row of each address in inputs to output, without tombstones. It reads the inputs twice and
// remembers only which rows are the last.
func merge(output string, inputs []string, family lease.Family) (failed error) {
	last := map[[16]byte]uint64{} // number of a row over all inputs, from 1
	rows, err := each(inputs, family, func(number uint64, l *lease.Lease) {
		if l.ValidLifetime == 0 {
			delete(last, l.Address.As16())
		} else {
			last[l.Address.As16()] = number
		}
	})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	defer func() {
		f.Close()
		if failed != nil { // what is left of it would take the room that the journal needs on a full disk
			os.Remove(output)
		}
	}()
	out := bufio.NewWriterSize(&gently{f: f}, mergeBuffer)
	out.Write(lease.AppendHeader(nil, family)) // errors of a bufio.Writer stay until Flush
	var row []byte
	again, err := each(inputs, family, func(number uint64, l *lease.Lease) {
		if last[l.Address.As16()] == number {
			row = lease.AppendRow(row[:0], *l)
			out.Write(row)
		}
	})
	if err != nil {
		return err
	}
	if again != rows {
		return fmt.Errorf("%s had %d rows and now has %d", inputs, rows, again)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", output, err)
	}
	return f.Sync()
}

// each numbers the rows of several files, which may be missing.
func each(inputs []string, family lease.Family, fn func(number uint64, l *lease.Lease)) (rows uint64, err error) {
	for _, name := range inputs {
		_, err := scan(name, family, func(_ int, l *lease.Lease) {
			rows++
			fn(rows, l)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
	}
	return rows, nil
}

const (
	mergeBuffer = 256 << 10

	// gentleSync is how much a merge writes between two syncs. One sync of hundreds of MiB at the end would hold up those of the
	// journal, for which clients wait.
	gentleSync = 4 << 20
)

// gently is a file that is synced now and then while it is written.
type gently struct {
	f       *os.File
	written int
}

func (g *gently) Write(p []byte) (int, error) {
	n, err := g.f.Write(p)
	if g.written += n; err == nil && g.written >= gentleSync {
		g.written = 0
		err = g.f.Sync()
	}
	return n, err
}
