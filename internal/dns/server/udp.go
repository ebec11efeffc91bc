package server

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// datagrams is the loop of one UDP socket.
type datagrams struct {
	conn     syscall.RawConn
	handler  Handler
	foreseer Foreseer // the handler, or nil
	counters *Counters
	batch    *batch
	request  Request

	// What the functions called by conn work on. The functions are made once, since a closure made for each call
	// would be an allocation.
	read, write func(fd uintptr) bool
	received    int
	sent, count int
	errno       unix.Errno
	current     int // the datagram that is being answered

	requests [batchSize]int    // datagrams that are requests
	messages [batchSize][]byte // those requests
}

func newDatagrams(f *os.File, h Handler, c *Counters) (*datagrams, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("serve datagrams: %w", err)
	}
	d := &datagrams{conn: conn, handler: h, counters: c, batch: newBatch()}
	d.foreseer, _ = h.(Foreseer)
	d.read, d.write = d.tryRead, d.tryWrite
	d.request.later = d.later
	return d, nil
}

// run answers until the file is closed. It always returns an error.
func (d *datagrams) run() error {
	for {
		if err := d.conn.Read(d.read); err != nil {
			return fmt.Errorf("wait for datagrams: %w", err)
		}
		if d.errno != 0 {
			if passing(d.errno) {
				continue
			}
			return fmt.Errorf("receive datagrams: %w", d.errno)
		}
		if n := d.answer(); n > 0 {
			if err := d.send(n); err != nil {
				return fmt.Errorf("send datagrams: %w", err)
			}
		}
	}
}

// passing tells whether a socket goes on after the error.
func passing(e unix.Errno) bool {
	switch e {
	case unix.EINTR, unix.ECONNREFUSED, unix.ENOBUFS, unix.ENOMEM, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ENETDOWN:
		return true
	}
	return false
}

func (d *datagrams) tryRead(fd uintptr) bool {
	d.received, d.errno = d.batch.receive(fd)
	return d.errno != unix.EAGAIN
}

func (d *datagrams) tryWrite(fd uintptr) bool {
	n, errno := d.batch.send(fd, d.sent, d.count)
	d.errno = errno
	if errno == 0 {
		d.sent += n
	}
	return errno != unix.EAGAIN
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

// send writes the replies. One that the system refuses is counted and passed over. An error means that the file was
// closed.
func (d *datagrams) send(count int) error {
	d.sent, d.count = 0, count
	for d.sent < count {
		if err := d.conn.Write(d.write); err != nil {
			return err
		}
		if d.errno != 0 && d.errno != unix.EINTR {
			d.counters.Unsent.Add(1)
			d.sent++
		}
	}
	return nil
}

// later keeps what is needed to answer the current datagram when its memory is used for others.
func (d *datagrams) later() func([]byte) {
	to := d.batch.from[d.current]
	control := append([]byte(nil), d.batch.control(d.current)...)
	conn, counters := d.conn, d.counters
	var once sync.Once
	return func(reply []byte) {
		once.Do(func() {
			var info [controlSize]byte
			n := returnInfo(info[:], control)
			if len(reply) == 0 || sendOne(conn, reply, info[:n], &to) != nil {
				counters.Unsent.Add(1)
			}
		})
	}
}

func sendOne(conn syscall.RawConn, msg, control []byte, to *unix.RawSockaddrInet6) error {
	client, ok := addrPort(to)
	if !ok {
		return unix.EINVAL
	}
	var sa unix.Sockaddr
	if to.Family == unix.AF_INET {
		sa = &unix.SockaddrInet4{Port: int(client.Port()), Addr: client.Addr().As4()}
	} else {
		sa = &unix.SockaddrInet6{Port: int(client.Port()), Addr: to.Addr, ZoneId: to.Scope_id}
	}
	var sent error
	err := conn.Write(func(fd uintptr) bool {
		_, sent = unix.SendmsgN(int(fd), msg, control, sa, unix.MSG_DONTWAIT)
		return sent != unix.EAGAIN
	})
	return errors.Join(err, sent)
}
