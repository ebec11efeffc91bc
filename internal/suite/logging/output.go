package logging

import (
	"bytes"
	"context"
	"sync"
	"time"
)

const (
	// maxPending bounds what waits for one destination. A destination that is slower than that, or broken for long,
	// loses messages, which are counted; it never holds up a server.
	maxPending = 1 << 20

	// lingering is how long messages may wait for company when flush is off.
	lingering = time.Second

	// retryAfter is the pause before a broken destination is tried again.
	retryAfter = time.Second
)

// writer is the slow end of a destination: complete lines go in. write says how many octets it took, also with an
// error. Only one goroutine calls it.
type writer interface {
	write(lines []byte) (int, error)
	close()
}

// output is a destination: a bounded buffer, and one goroutine that empties it. So a full disk or a stopped terminal
// costs neither the servers nor the other destinations anything.
type output struct {
	options  OutputConfig
	facility int // of syslog; -1 for other destinations
	flush    bool
	to       writer
	report   func(m *Message, args ...any) // tells the other destinations about this one
	wake     chan struct{}                 // capacity 1
	quit     chan struct{}
	ended    chan struct{}

	mu       sync.Mutex
	pending  []byte
	lost     int           // messages since the last report
	put      uint64        // octets ever accepted
	written  uint64        // octets ever taken from pending and written
	progress chan struct{} // closed and replaced when written grows

	spare []byte // owned by run: the array for the next pending
}

func newOutput(options OutputConfig, to writer, report func(*Message, ...any)) *output {
	number := -1
	if options.Destination == "syslog" {
		number, _ = facility(options.Output)
	}
	o := &output{
		options: options, facility: number, flush: options.Flush, to: to, report: report,
		wake: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{}),
		progress: make(chan struct{}),
	}
	go o.run()
	return o
}

// add takes one line, which ends in a line feed.
func (o *output) add(line []byte) {
	o.mu.Lock()
	if len(o.pending)+len(line) > maxPending {
		o.lost++
	} else {
		o.pending = append(o.pending, line...)
		o.put += uint64(len(line))
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run writes until quit is closed and everything that can be written is.
func (o *output) run() {
	defer close(o.ended)
	defer o.to.close()
	for open := true; open; {
		select {
		case <-o.wake:
		case <-o.quit:
			open = false
		}
		if open && !o.flush {
			open = o.pause(lingering)
		}
		for batch := o.take(); len(batch) > 0; batch = o.take() {
			if !o.writeAll(batch) {
				return
			}
			o.spare = batch
		}
	}
}

// take empties pending.
func (o *output) take() []byte {
	o.mu.Lock()
	batch, lost := o.pending, o.lost
	o.pending, o.lost = o.spare[:0], 0
	o.mu.Unlock()
	o.spare = nil
	if lost > 0 {
		o.report(msgMessagesLost, lost, o.name())
	}
	return batch
}

// writeAll writes a batch however often the destination fails; false means that the output is being closed and the
// destination still fails.
func (o *output) writeAll(batch []byte) bool {
	broken := false
	for {
		n, err := o.to.write(batch)
		batch = batch[n:]
		o.advance(n)
		if err == nil {
			if broken {
				o.report(msgDestinationRestored, o.name())
			}
			return true
		}
		if !broken {
			o.report(msgDestinationFailed, o.name(), err)
		}
		broken = true
		if !o.pause(retryAfter) {
			return false
		}
	}
}

func (o *output) advance(n int) {
	o.mu.Lock()
	o.written += uint64(n)
	close(o.progress)
	o.progress = make(chan struct{})
	o.mu.Unlock()
}

// pause waits; false means that the output is being closed.
func (o *output) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-o.quit:
		return false
	}
}

func (o *output) name() string { return o.options.Destination + " " + o.options.Output }

// drain waits until what was added before the call has been written.
func (o *output) drain(ctx context.Context) error {
	o.mu.Lock()
	target := o.put
	o.mu.Unlock()
	for {
		o.mu.Lock()
		done, progress := o.written >= target, o.progress
		o.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-progress:
		case <-o.ended:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// piece returns the longest beginning of lines that holds whole lines and at most limit octets; or one line, if that
// alone is longer.
func piece(lines []byte, limit int) []byte {
	if len(lines) <= limit {
		return lines
	}
	n := bytes.LastIndexByte(lines[:max(limit, 0)], '\n') + 1
	if n == 0 {
		n = bytes.IndexByte(lines, '\n') + 1
	}
	if n == 0 {
		n = len(lines)
	}
	return lines[:n]
}
