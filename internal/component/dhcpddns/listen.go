package dhcpddns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"bundy/internal/naming/ncr"
	"bundy/internal/suite/sockets"
)

const (
	// queueLimit is how many requests may wait for the engine; more wait in the socket.
	queueLimit = 1024

	// queueResume is how few must wait before reading goes on after it stopped: 80 per cent, so that a queue at its
	// limit does not stop and go with every request.
	queueResume = queueLimit * 8 / 10

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
	return &listener{address: address, conn: conn}, nil
}

func (l *listener) close() { l.conn.Close() } // UDP: nothing can be lost that an error would tell of

// serve reads requests into queue until the socket is closed or done is. While the queue is full it does not read:
// what the kernel cannot keep then is lost, as with any datagram. drained tells that requests were taken.
func (l *listener) serve(done <-chan struct{}, c *component, queue chan<- ncr.Request, drained <-chan struct{}) {
	c.deps.Log.Log(msgQueueStarted, l.address)
	buf := make([]byte, ncr.MaxDatagram+1)
	var complained time.Time
	for {
		n, from, err := l.conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			c.deps.Log.Log(msgReceiveError, l.address, err)
			select {
			case <-time.After(reopenDelay):
			case <-done:
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
			continue
		}
		c.deps.Log.Log(msgRequest, r.Change, r.Name, r.Address, from)
		select {
		case queue <- r:
			continue
		default:
		}
		c.counters.full.Add(1)
		c.deps.Log.Log(msgQueueFull, queueLimit)
		select {
		case queue <- r:
		case <-done:
			return
		}
		for len(queue) > queueResume {
			select {
			case <-drained:
			case <-done:
				return
			}
		}
		c.deps.Log.Log(msgQueueResumed)
	}
}
