package memfile

import (
	"errors"
	"fmt"
	"time"

	"bundy/internal/dhcp/lease"
)

// maxBuffer is the largest row buffer that is kept between writes.
const maxBuffer = 1 << 20

// maxSpare is the most changes whose memory is kept between writes.
const maxSpare = 4096

// write is the writer goroutine: it takes all that waits, makes it durable with one sync, and reports.
func (s *Store) write() {
	defer close(s.stopped)
	for {
		_, open := <-s.wake
		if open {
			s.gather()
		}
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
		if s.torn { // what was refused shall not be there when the file is read again
			if err := s.repair(); err != nil {
				s.opts.Report(err.Error())
			}
		}
		s.journal.Close()
		s.lock.Close()
	}
}

const (
	// gatherPause is how long the writer waits for more when several clients are served at once: a sync costs the processor as
	// much as several leases do. It is a small part of what clients wait for, and of the time of a sync on most disks.
	gatherPause = time.Millisecond

	// crowdPause is the same when so many are served that a sync for each millisecond of them would cost more than they do.
	crowdPause = 3 * time.Millisecond

	// several and aCrowd are the changes of a batch from which these pauses are made.
	several = 2
	aCrowd  = 12
)

// gather lets more changes come if the last batch had several and the disk is not what they wait for.
func (s *Store) gather() {
	pause := gatherPause
	if s.lastBatch >= aCrowd {
		pause = crowdPause
	}
	if s.lastBatch >= several && s.lastSync < pause && !s.opts.Volatile {
		time.Sleep(pause)
	}
}

// drain writes what waits. What comes meanwhile wakes the writer again.
func (s *Store) drain() {
	s.mu.Lock()
	batch, after := s.waiting, s.afterBatch
	s.waiting, s.spare = s.spare, nil
	s.mu.Unlock()
	if len(batch) == 0 {
		s.spare = batch
		return
	}
	s.lastBatch = len(batch)
	err := s.append(batch)
	if err != nil {
		batch = s.goBack(batch, err)
	} else {
		s.forget(batch)
	}
	for _, c := range batch {
		if c.done != nil {
			c.done(err)
		}
	}
	if after != nil {
		after()
	}
	if clear(batch); cap(batch) <= maxSpare {
		s.spare = batch[:0]
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
	begin := time.Now()
	_, err := s.journal.Write(out)
	if err == nil {
		err = s.journal.Sync()
	}
	s.lastSync = time.Since(begin)
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

// forget frees what the changes of a batch replaced.
func (s *Store) forget(batch []change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range batch {
		s.index.forget(&batch[i].past)
	}
}

// goBack undoes in memory the changes of a batch that could not be written, and of all that were made since, which
// may rest on them. It returns them all, in order.
func (s *Store) goBack(batch []change, err error) []change {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch = append(batch, s.waiting...)
	s.waiting = nil
	for i := len(batch) - 1; i >= 0; i-- {
		if c := &batch[i]; c.row.Address.IsValid() {
			s.index.restore(c.row.Address, &c.past)
		}
	}
	if s.failed == nil {
		s.failed = err
	}
	return batch
}
