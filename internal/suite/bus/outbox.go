package bus

import (
	"errors"
	"io"
	"sync"
)

var errFull = errors.New("send queue is full")
var errClosed = errors.New("command channel is closed")

// outbox is the bounded send queue of one connection, so that a slow reader delays nobody but itself. When it is full
// the oldest event makes room; what is not an event and finds no room is refused.
type outbox struct {
	mu     sync.Mutex
	queue  []outgoing
	bytes  int
	closed bool
	lost   uint64
	wake   chan struct{}
}

type outgoing struct {
	data  []byte
	event bool
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// put never waits. The data must not be changed afterwards; several outboxes may share it.
func (o *outbox) put(data []byte, event bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return errClosed
	}
	for o.isFull(len(data)) {
		if !o.dropEvent() {
			if event {
				o.lost++
				return nil
			}
			return errFull
		}
	}
	o.queue = append(o.queue, outgoing{data, event})
	o.bytes += len(data)
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return nil
}

func (o *outbox) isFull(more int) bool {
	return len(o.queue) >= maxQueueFrames || o.bytes+more > maxQueueBytes
}

func (o *outbox) dropEvent() bool {
	for i, out := range o.queue {
		if out.event {
			o.queue = append(o.queue[:i], o.queue[i+1:]...)
			o.bytes -= len(out.data)
			o.lost++
			return true
		}
	}
	return false
}

func (o *outbox) take() (data []byte, ok, closed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		return nil, false, o.closed
	}
	data = o.queue[0].data
	o.queue[0] = outgoing{}
	o.queue = o.queue[1:]
	o.bytes -= len(data)
	return data, true, false
}

// drain writes the queue to w until the outbox is closed and empty, or a write fails.
func (o *outbox) drain(w io.Writer) error {
	for {
		data, ok, closed := o.take()
		switch {
		case ok:
			if _, err := w.Write(data); err != nil {
				return err
			}
		case closed:
			return nil
		default:
			<-o.wake
		}
	}
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.closed = true
		close(o.wake)
	}
}

func (o *outbox) lostEvents() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost
}
