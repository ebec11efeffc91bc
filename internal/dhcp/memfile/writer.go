package memfile

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"bundy/internal/dhcp/lease"
)

// maxBuffer is the largest row buffer that is kept between writes.
const maxBuffer = 1 << 20

// write is the writer goroutine: it takes all that waits, makes it durable with one sync, and reports.
func (s *Store) write() {
	defer close(s.stopped)
	for {
		_, open := <-s.wake
		s.drain()
		if !open {
			break
		}
		s.compactIfGrown()
	}
	if s.compacting != nil {
		<-s.compacting
	}
	if s.journal != nil {
		s.journal.Close()
		s.lock.Close()
	}
}

// drain writes until nothing waits.
func (s *Store) drain() {
	for {
		s.mu.Lock()
		batch := s.waiting
		s.waiting = nil
		s.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		err := s.append(batch)
		if err != nil {
			batch = s.goBack(batch, err)
		}
		for _, c := range batch {
			if c.done != nil {
				c.done(err)
			}
		}
	}
}

// append writes the rows of batch and syncs. After an error the journal holds no more than before.
func (s *Store) append(batch []change) error {
	if s.opts.Volatile {
		return nil
	}
	rows, out := 0, s.buffer[:0]
	for _, c := range batch {
		if c.row.Address.IsValid() {
			out = lease.AppendRow(out, c.row)
			rows++
		}
	}
	if cap(out) <= maxBuffer {
		s.buffer = out
	} else {
		s.buffer = nil
	}
	if rows == 0 {
		return nil
	}
	if s.torn {
		if err := s.repair(); err != nil {
			return err
		}
	}
	_, err := s.journal.Write(out)
	if err == nil {
		err = s.journal.Sync()
	}
	if err != nil {
		s.torn = true
		return errors.Join(fmt.Errorf("write lease file %s: %w", s.path, err), s.repair())
	}
	s.size += int64(len(out))
	s.rows += rows
	return nil
}

// repair cuts the journal back to its last durable row.
func (s *Store) repair() error {
	err := s.journal.Truncate(s.size)
	if err == nil {
		err = s.journal.Sync()
	}
	if err != nil {
		return fmt.Errorf("cut lease file %s back to %d bytes: %w", s.path, s.size, err)
	}
	s.torn = false
	return nil
}

// goBack undoes in memory the changes of a batch that could not be written, and of all that were made since, which
// may rest on them. It returns them all, in order.
func (s *Store) goBack(batch []change, err error) []change {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch = append(batch, s.waiting...)
	s.waiting = nil
	for i := len(batch) - 1; i >= 0; i-- {
		switch c := batch[i]; {
		case !c.row.Address.IsValid():
		case c.existed:
			s.index.set(c.before)
		default:
			s.index.set(lease.Lease{Address: c.row.Address})
		}
	}
	if s.failed == nil {
		s.failed = err
	}
	return batch
}

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
	leases := len(s.index.byAddress)
	s.mu.RUnlock()
	if s.rows < s.opts.compactAt || s.rows < compactFactor*leases || s.torn {
		return
	}
	if err := s.rotate(); err != nil {
		s.opts.Report(fmt.Sprintf("compaction of %s could not begin: %v", s.path, err))
		s.rows = 0 // not again with every write: after as many rows as it took now
		return
	}
	result := make(chan error, 1)
	s.compacting = result
	go func() { result <- compact(s.path) }()
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
	next, err := s.opts.open(s.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE)
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

// compact merges F.2 and F.1 into a new F.2. Every step can be repeated after a crash.
func compact(path string) error {
	completed := path + ".completed"
	if _, err := os.Stat(completed); errors.Is(err, fs.ErrNotExist) {
		if err := merge(path+".output", sources(path)); err != nil {
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
// remembers only where the last rows stand.
func merge(output string, inputs []string) error {
	type place struct {
		input  int
		offset int64
	}
	last := map[netip.Addr]place{}
	for i, name := range inputs {
		_, err := scan(name, func(offset int64, l lease.Lease) {
			if l.ValidLifetime == 0 {
				delete(last, l.Address)
			} else {
				last[l.Address] = place{i, offset}
			}
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 256<<10)
	out.Write(lease.AppendHeader(nil)) // errors of a bufio.Writer stay until Flush
	var row []byte
	for i, name := range inputs {
		_, err := scan(name, func(offset int64, l lease.Lease) {
			if last[l.Address] == (place{i, offset}) {
				row = lease.AppendRow(row[:0], l)
				out.Write(row)
			}
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", output, err)
	}
	return f.Sync()
}
