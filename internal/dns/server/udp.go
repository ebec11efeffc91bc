package server

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// busyBatch is the number of datagrams that come together from which more are taken to be on their way, so that the
// socket is asked instead of watched. Two calls to end watching and begin again are paid for by about half as many.
const busyBatch = 16

// datagrams is the loop of one UDP socket.
type datagrams struct {
	socket   *socket
	handler  Handler
	foreseer Foreseer // the handler, or nil
	counters *Counters
	closing  *atomic.Bool
	batch    *batch
	request  Request
	pace     pace
	begun    time.Time // what pace counts from

	received int
	err      error
	current  int // the datagram that is being answered

	requests [batchSize]int    // datagrams that are requests
	messages [batchSize][]byte // those requests
}

// newDatagrams takes over a socket, also when it fails.
func newDatagrams(f *os.File, h Handler, c *Counters, closing *atomic.Bool) (*datagrams, error) {
	s, err := newSocket(f)
	if err != nil {
		return nil, err
	}
	d := &datagrams{socket: s, handler: h, counters: c, closing: closing, batch: newBatch(), begun: time.Now()}
	d.foreseer, _ = h.(Foreseer)
	d.request.later = d.later
	return d, nil
}

// run answers until closing is set and the socket is stopped, or it fails.
func (d *datagrams) run() error {
	err := d.socket.eachTime(d.turn)
	if d.err != nil {
		return d.err
	}
	if err != nil {
		return fmt.Errorf("wait for datagrams: %w", err)
	}
	return nil
}

// turn answers what has come. False: nothing is left, or others shall have their turn, and more will be told of. True: it
// is time to end.
func (d *datagrams) turn() bool {
	for turns := 0; !d.closing.Load(); {
		n, errno := d.batch.receive(d.socket.fd)
		switch {
		case errno == unix.EAGAIN:
			if err := d.socket.watch(); err != nil {
				return d.fail("wait for datagrams", err)
			}
			return false
		case passing(errno):
			continue
		case errno != 0:
			return d.fail("receive datagrams", errno)
		}
		gather := d.pace.gather(n, time.Since(d.begun))
		if n >= busyBatch || gather {
			if err := d.socket.unwatch(); err != nil {
				return d.fail("receive datagrams", err)
			}
		}
		d.received = n
		d.send(d.answer())
		switch turns++; {
		case turns == maxTurns:
			if err := d.socket.watch(); err != nil {
				return d.fail("wait for datagrams", err)
			}
			return false
		case gather && n < busyBatch:
			pause()
		case n < batchSize && d.socket.watched:
			return false // there were no more, and of those that came meanwhile the wait knows
		}
	}
	return true
}

func (d *datagrams) fail(what string, err error) bool {
	d.err = fmt.Errorf("%s: %w", what, err)
	return true
}

// passing tells whether a socket goes on after the error.
func passing(e unix.Errno) bool {
	switch e {
	case unix.EINTR, unix.ECONNREFUSED, unix.ENOBUFS, unix.ENOMEM, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ENETDOWN:
		return true
	}
	return false
}

// answer handles the datagrams received and gives the number of replies queued.
func (d *datagrams) answer() int {
	requests := d.accept()
	if d.foreseer != nil && requests > 1 {
		d.foreseer.Foresee(d.messages[:requests])
	}
	replies := 0
	for k := range requests {
		d.current = d.requests[k]
		d.request.Message = d.messages[k]
		d.request.Client, _ = d.batch.client(d.current)
		reply := d.handler.Handle(&d.request, d.batch.reply[replies][:0])
		if len(reply) > 0 {
			d.batch.queue(replies, d.current, reply)
			replies++
		}
	}
	return replies
}

// accept finds the requests among the datagrams received and gives their number.
func (d *datagrams) accept() int {
	n := 0
	for i := range d.received {
		h := &d.batch.in[i]
		if h.header.Flags&unix.MSG_TRUNC != 0 {
			d.counters.Oversize.Add(1)
			continue
		}
		msg := d.batch.data[i][:h.length]
		if _, ok := d.batch.client(i); !ok || !isRequest(msg) {
			d.counters.NotRequest.Add(1)
			continue
		}
		d.requests[n], d.messages[n] = i, msg
		n++
	}
	return n
}

// send writes the replies. One that the system refuses is counted and passed over.
func (d *datagrams) send(count int) {
	for sent := 0; sent < count; {
		n, errno := d.batch.send(d.socket.fd, sent, count)
		switch errno {
		case 0:
			sent += n
		case unix.EINTR:
		case unix.EAGAIN:
			if !d.socket.writable() {
				d.counters.Unsent.Add(uint64(count - sent))
				return
			}
		default:
			d.counters.Unsent.Add(1)
			sent++
		}
	}
}

// later keeps what is needed to answer the current datagram when its memory is used for others.
func (d *datagrams) later() func([]byte) {
	to := d.batch.from[d.current]
	control := append([]byte(nil), d.batch.control(d.current)...)
	s, counters := d.socket, d.counters
	var once sync.Once
	return func(reply []byte) {
		once.Do(func() {
			var info [controlSize]byte
			n := returnInfo(info[:], control)
			if len(reply) == 0 || s.sendOne(reply, info[:n], &to) != nil {
				counters.Unsent.Add(1)
			}
		})
	}
}
