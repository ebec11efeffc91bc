package dhcpddns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"bundy/internal/naming/ncr"
	"bundy/internal/suite/sockets"
)

const (
	// queueLimit is how many requests may wait for the engine; more wait in the socket.
	queueLimit = 1024

	// queueResume is how few must wait before reading goes on after it stopped: 80 per cent, so that a queue at its
	// limit does not stop and go with every request.
	queueResume = queueLimit * 8 / 10

	// readBuffer is how much may wait in the socket while requests are written: some ten thousand of them.
	readBuffer = 4 << 20

	// reopenDelay is how long a socket that failed is left alone before it is read again.
	reopenDelay = time.Second
)

// listener reads name change requests from one socket.
type listener struct {
	address netip.AddrPort
	conn    *net.UDPConn
}

func request(a netip.AddrPort) sockets.Request {
	return sockets.Request{Kind: sockets.UDP, Address: a, Copies: 1}
}

func listen(ctx context.Context, source sockets.Source, address netip.AddrPort) (*listener, error) {
	files, err := source.Get(ctx, request(address))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		defer f.Close() // FilePacketConn duplicates it
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no socket for %s", address)
	}
	pc, err := net.FilePacketConn(files[0])
	if err != nil {
		return nil, fmt.Errorf("socket for %s: %w", address, err)
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("socket for %s is a %T", address, pc), pc.Close())
	}
	_ = conn.SetReadBuffer(readBuffer) // as much of it as the system allows
	return &listener{address: address, conn: conn}, nil
}

func (l *listener) close() { l.conn.Close() } // UDP: nothing can be lost that an error would tell of

// serve reads requests into queue until the socket is closed or done is. What is in the queue is in the journal too, and
// leaves the socket, which the parent process keeps open, only then: so a request that has arrived outlives this process,
// however it ends. While the queue is full it does not read; what the kernel cannot keep then is lost, as with any
// datagram. drained tells that requests were taken.
func (l *listener) serve(done <-chan struct{}, c *component, journal *ncr.Journal, queue chan<- ncr.Request, drained <-chan struct{}) {
	c.deps.Log.Log(msgQueueStarted, l.address)
	buf := make([]byte, ncr.MaxDatagram+1)
	var complained time.Time
	for {
		n, from, err := l.peek(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			c.deps.Log.Log(msgReceiveError, l.address, err)
			if !pause(done, reopenDelay) {
				return
			}
			continue
		}
		c.counters.received.Add(1)
		r, err := ncr.Parse(buf[:n])
		if !c.settings.Load().allows(from.Addr()) {
			err = errors.New("the source is not allowed")
		}
		if err != nil {
			c.counters.invalid.Add(1)
			if now := c.now(); now.Sub(complained) >= time.Second {
				complained = now
				c.deps.Log.Log(msgInvalidNCR, from, err)
			}
			l.drop()
			continue
		}
		c.deps.Log.Log(msgRequest, r.Change, r.Name, r.Address, from)
		if !l.keep(done, c, journal, buf[:n]) {
			return
		}
		l.drop()
		if !put(done, c, queue, drained, r) {
			return
		}
	}
}

// peek waits for a datagram and reads it without taking it out of the socket.
func (l *listener) peek(buf []byte) (n int, from netip.AddrPort, err error) {
	raw, err := l.conn.SyscallConn()
	if err != nil {
		return 0, from, err
	}
	var source unix.Sockaddr
	var bad error
	if err = raw.Read(func(fd uintptr) bool {
		n, source, bad = unix.Recvfrom(int(fd), buf, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return !errors.Is(bad, unix.EAGAIN) && !errors.Is(bad, unix.EINTR)
	}); err != nil {
		return 0, from, err
	}
	switch a := source.(type) {
	case *unix.SockaddrInet4:
		from = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		from = netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	}
	return n, from, bad
}

// drop takes the datagram that was peeked at out of the socket.
func (l *listener) drop() {
	var none [1]byte
	_, _, _ = l.conn.ReadFromUDPAddrPort(none[:]) // it is there; an error comes again with the next peek
}

// keep writes a datagram into the journal. It waits while that is full or cannot be written; false means that done came
// first.
func (l *listener) keep(done <-chan struct{}, c *component, journal *ncr.Journal, datagram []byte) bool {
	full := false
	for {
		err := journal.Append(datagram)
		if err == nil {
			if full {
				c.deps.Log.Log(msgQueueResumed)
			}
			return true
		}
		if !full {
			full = true
			c.counters.full.Add(1)
			c.deps.Log.Log(msgJournalError, err)
		}
		select {
		case <-journal.Empty():
		case <-time.After(reopenDelay):
		case <-done:
			return false
		}
	}
}

// put puts a request into the queue. False means that done came first.
func put(done <-chan struct{}, c *component, queue chan<- ncr.Request, drained <-chan struct{}, r ncr.Request) bool {
	select {
	case queue <- r:
		return true
	default:
	}
	c.counters.full.Add(1)
	c.deps.Log.Log(msgQueueFull, queueLimit)
	select {
	case queue <- r:
	case <-done:
		return false
	}
	for len(queue) > queueResume {
		select {
		case <-drained:
		case <-done:
			return false
		}
	}
	c.deps.Log.Log(msgQueueResumed)
	return true
}

// pause waits; false means that done came first.
func pause(done <-chan struct{}, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-done:
		return false
	}
}
