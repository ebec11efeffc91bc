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
	// maxConnections bounds the streams of all clients together. Each costs a goroutine and some kilobytes, and two
	// messages of memory while one is read and answered.
	maxConnections = 1024
	// maxPerClient bounds the streams of one IPv4 address or IPv6 /64, so that one client cannot take them all.
	maxPerClient = 256
	// writeTime is how long a client may take to read a reply.
	writeTime = 10 * time.Second
	// laterTime is how long a reply that was promised for later is waited for.
	laterTime = 30 * time.Second
	// acceptPause is the time between attempts when the system has no descriptor or memory for a connection.
	acceptPause = 50 * time.Millisecond

	streamBuffer = 4096
	maxMessage   = 65535
)

// streams are the TCP connections of a server.
type streams struct {
	timeout  func() time.Duration
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
	in      []byte
	out     []byte
	request Request
}

func newStreams(handler func() Handler, timeout func() time.Duration, c *Counters, failed chan<- error) *streams {
	s := &streams{timeout: timeout, counters: c, failed: failed, done: make(chan struct{}),
		open: make(map[net.Conn]netip.Addr), perClient: make(map[netip.Addr]int)}
	s.scratch.New = func() any {
		return &scratch{handler: handler(), in: make([]byte, maxMessage), out: make([]byte, 2+maxMessage)}
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
	s.mu.Lock()
	refuse := s.closed || len(s.open) >= maxConnections || s.perClient[counted] >= maxPerClient
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
	for {
		if !s.arm(conn) {
			return
		}
		if err := s.next(conn, r, w, client); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				s.counters.TimedOut.Add(1)
			}
			return
		}
		if hasMessage(r) {
			continue // the client pipelines: send replies together
		}
		conn.SetWriteDeadline(time.Now().Add(writeTime))
		if err := w.Flush(); err != nil {
			return
		}
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

// arm sets the time that the client has for its next message. False: the server is closing.
func (s *streams) arm(conn net.Conn) bool {
	var at time.Time
	if t := s.timeout(); t > 0 {
		at = time.Now().Add(t)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	conn.SetReadDeadline(at)
	return true
}

var errNotRequest = errors.New("not a request")

// next reads one message and writes its reply to w.
func (s *streams) next(conn net.Conn, r *bufio.Reader, w *bufio.Writer, client netip.AddrPort) error {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	sc := s.scratch.Get().(*scratch)
	defer func() {
		sc.request = Request{}
		s.scratch.Put(sc)
	}()
	msg := sc.in[:binary.BigEndian.Uint16(size[:])]
	if _, err := io.ReadFull(r, msg); err != nil {
		return err
	}
	if !isRequest(msg) {
		s.counters.NotRequest.Add(1)
		return errNotRequest // nothing that can be answered: the peer does not speak the protocol
	}
	var promised chan []byte
	sc.request = Request{Message: msg, Client: client, TCP: true, later: func() func([]byte) {
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
	if reply == nil && promised != nil {
		// What was answered before must not wait with it.
		conn.SetWriteDeadline(time.Now().Add(writeTime))
		if err := w.Flush(); err != nil {
			return err
		}
		select {
		case reply = <-promised:
		case <-time.After(laterTime):
		case <-s.done:
		}
		if len(reply) == 0 {
			return os.ErrDeadlineExceeded
		}
	}
	if len(reply) == 0 || len(reply) > maxMessage {
		return nil
	}
	conn.SetWriteDeadline(time.Now().Add(writeTime))
	binary.BigEndian.PutUint16(sc.out, uint16(len(reply)))
	if _, err := w.Write(sc.out[:2]); err != nil {
		return err
	}
	_, err := w.Write(reply)
	return err
}
