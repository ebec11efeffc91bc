package server

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

const (
	// writeTime is how long a client may take to read a reply.
	writeTime = 10 * time.Second
	// laterTime is how long a reply that was promised for later is waited for.
	laterTime = 30 * time.Second
	// acceptPause is the time between attempts when the system has no descriptor or memory for a connection.
	acceptPause = 50 * time.Millisecond

	// streamBuffer holds messages of up to two octets less while they arrive; longer ones take memory as they grow.
	streamBuffer = 4096
	maxMessage   = 65535
)

// Limits bound what TCP clients can take. The zero value lets nobody in.
type Limits struct {
	// Receive is the time that a client has for each message, 0 is without end.
	Receive time.Duration
	// Idle is the time between two messages for a client that asked for it (RFC 7828). It has Receive for each message
	// once that has begun. Less than Receive means Receive.
	Idle time.Duration
	// Connections bounds the streams of all clients together. Each costs a goroutine and some kilobytes, and a
	// message of memory while it is answered.
	Connections int
	// PerClient bounds the streams of one IPv4 address or IPv6 /64, so that one client cannot take them all.
	PerClient int
}

// crowded tells whether so many streams are open that none shall be kept without use.
func (l Limits) crowded(open int) bool { return open > l.Connections/4*3 }

// streams are the TCP connections of a server.
type streams struct {
	limits   func() Limits
	counters *Counters
	scratch  sync.Pool // *scratch
	failed   chan<- error
	done     chan struct{}

	mu        sync.Mutex
	open      map[net.Conn]netip.Addr // with the client they count for
	perClient map[netip.Addr]int
	closed    bool
	wait      sync.WaitGroup
}

// scratch is what one message needs while it is answered.
type scratch struct {
	handler Handler
	out     []byte
	request Request
}

func newStreams(handler func() Handler, limits func() Limits, c *Counters, failed chan<- error) *streams {
	s := &streams{limits: limits, counters: c, failed: failed, done: make(chan struct{}),
		open: make(map[net.Conn]netip.Addr), perClient: make(map[netip.Addr]int)}
	s.scratch.New = func() any {
		return &scratch{handler: handler(), out: make([]byte, 2+maxMessage)}
	}
	return s
}

// accept serves the connections of a listener until it is closed; then it returns nil.
func (s *streams) accept(l net.Listener) error {
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			s.start(conn)
		case errors.Is(err, net.ErrClosed):
			return nil
		default: // out of descriptors or memory, or the client left before: the listener is as good as before
			select {
			case <-time.After(acceptPause):
			case <-s.done:
				return nil
			}
		}
	}
}

// start serves a connection unless a cap is reached.
func (s *streams) start(conn net.Conn) {
	remote, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		conn.Close()
		return
	}
	client := netip.AddrPortFrom(remote.Addr().Unmap().WithZone(""), remote.Port())
	counted := client.Addr()
	if counted.Is6() {
		counted = netip.PrefixFrom(counted, 64).Masked().Addr()
	}
	limits := s.limits()
	s.mu.Lock()
	refuse := s.closed || len(s.open) >= limits.Connections || s.perClient[counted] >= limits.PerClient
	if !refuse {
		s.open[conn] = counted
		s.perClient[counted]++
		s.wait.Add(1)
	}
	s.mu.Unlock()
	if refuse {
		s.counters.Refused.Add(1)
		conn.Close()
		return
	}
	go func() {
		defer s.end(conn)
		fail(s.failed, caught(func() error {
			s.serve(conn, client)
			return nil
		}))
	}()
}

func (s *streams) end(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	counted := s.open[conn]
	delete(s.open, conn)
	if s.perClient[counted]--; s.perClient[counted] == 0 {
		delete(s.perClient, counted)
	}
	s.mu.Unlock()
	s.wait.Done()
}

// close ends the connections when they have sent what they are at, and waits for them.
func (s *streams) close() {
	close(s.done)
	s.mu.Lock()
	s.closed = true
	for conn := range s.open {
		conn.SetReadDeadline(time.Unix(1, 0))
	}
	s.mu.Unlock()
	s.wait.Wait()
}

// serve answers the messages of one connection in order.
func (s *streams) serve(conn net.Conn, client netip.AddrPort) {
	r, w := bufio.NewReaderSize(conn, streamBuffer), bufio.NewWriterSize(conn, streamBuffer)
	stay := false // the client asked to stay
	for {
		if err := s.await(conn, r, stay); err != nil {
			s.countSlow(err)
			return
		}
		asked, err := s.next(conn, r, w, client)
		if err != nil {
			s.countSlow(err)
			conn.SetWriteDeadline(time.Now().Add(writeTime))
			w.Flush() // what came before is answered; the client may be gone
			return
		}
		stay = stay || asked
		if hasMessage(r) {
			continue // the client pipelines: send replies together
		}
		conn.SetWriteDeadline(time.Now().Add(writeTime))
		if err := w.Flush(); err != nil {
			return
		}
	}
}

func (s *streams) countSlow(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.counters.TimedOut.Add(1)
	}
}

// hasMessage tells whether a whole message was read ahead. A part of one is no reason to keep a reply back.
func hasMessage(r *bufio.Reader) bool {
	if r.Buffered() < 2 {
		return false
	}
	size, err := r.Peek(2)
	return err == nil && r.Buffered() >= 2+int(binary.BigEndian.Uint16(size))
}

// await waits for the first octet of the next message, and sets the time that the client has for the rest.
func (s *streams) await(conn net.Conn, r *bufio.Reader, stay bool) error {
	limits, open := s.now()
	idle := limits.Receive
	if stay && !limits.crowded(open) {
		idle = max(idle, limits.Idle)
	}
	if err := s.arm(conn, idle, limits.Receive > 0); err != nil {
		return err
	}
	if _, err := r.Peek(1); err != nil || idle == limits.Receive {
		return err
	}
	return s.arm(conn, limits.Receive, limits.Receive > 0)
}

// now gives the limits and the number of streams.
func (s *streams) now() (limits Limits, open int) {
	limits = s.limits()
	s.mu.Lock()
	defer s.mu.Unlock()
	return limits, len(s.open)
}

// arm sets the time that the client has. The error says that the server is closing.
func (s *streams) arm(conn net.Conn, t time.Duration, limited bool) error {
	var at time.Time
	if limited {
		at = time.Now().Add(t)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	return conn.SetReadDeadline(at)
}

var errNotRequest = errors.New("not a request")

// receive reads one message. It is valid until done is called, which must be before r is read again.
func receive(r *bufio.Reader) (msg []byte, done func(), err error) {
	head, err := r.Peek(2)
	if err != nil {
		return nil, nil, err
	}
	size := 2 + int(binary.BigEndian.Uint16(head))
	if size <= streamBuffer { // who is slow takes no memory beyond the reader's
		msg, err := r.Peek(size)
		if err != nil {
			return nil, nil, err
		}
		return msg[2:], func() { r.Discard(size) }, nil // what was peeked at can be passed over
	}
	msg, err = io.ReadAll(io.LimitReader(r, int64(size)))
	if err == nil && len(msg) < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, nil, err
	}
	return msg[2:], func() {}, nil
}

// next reads one message and writes its reply to w. It tells whether the client asked to stay.
func (s *streams) next(conn net.Conn, r *bufio.Reader, w *bufio.Writer, client netip.AddrPort) (stay bool, err error) {
	msg, done, err := receive(r)
	if err != nil {
		return false, err
	}
	defer done()
	if !isRequest(msg) {
		s.counters.NotRequest.Add(1)
		return false, errNotRequest // nothing that can be answered: the peer does not speak the protocol
	}
	sc := s.scratch.Get().(*scratch)
	defer func() {
		sc.request = Request{}
		s.scratch.Put(sc)
	}()
	var promised chan []byte
	limits, open := s.now()
	idle := max(limits.Idle, limits.Receive)
	if limits.crowded(open) {
		idle = 0
	}
	sc.request = Request{Message: msg, Client: client, TCP: true, Idle: idle, later: func() func([]byte) {
		promised = make(chan []byte, 1)
		replies := promised
		return func(reply []byte) {
			select {
			case replies <- reply:
			default: // called again
			}
		}
	}}
	reply := sc.handler.Handle(&sc.request, sc.out[2:2])
	stay = sc.request.Stay
	if reply == nil && promised != nil {
		// What was answered before must not wait with it.
		conn.SetWriteDeadline(time.Now().Add(writeTime))
		if err := w.Flush(); err != nil {
			return false, err
		}
		select {
		case reply = <-promised:
		case <-time.After(laterTime):
		case <-s.done:
		}
		if len(reply) == 0 {
			return false, os.ErrDeadlineExceeded
		}
	}
	if len(reply) == 0 || len(reply) > maxMessage {
		return stay, nil
	}
	conn.SetWriteDeadline(time.Now().Add(writeTime))
	binary.BigEndian.PutUint16(sc.out, uint16(len(reply)))
	if _, err := w.Write(sc.out[:2]); err != nil {
		return false, err
	}
	_, err = w.Write(reply)
	return stay, err
}
