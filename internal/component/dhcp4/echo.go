package dhcp4

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"bundy/internal/suite/sockets"
)

// echo sends pings and receives their answers (RFC 792).
type echo struct {
	conn    atomic.Pointer[net.IPConn] // nil: not open
	replies chan netip.Addr
	readers sync.WaitGroup
}

const (
	echoRequest = 8
	echoReply   = 0
	echoHeader  = 8
)

// readPause keeps a socket that only fails from using a processor.
const readPause = 10 * time.Millisecond

// maxReplies bounds the answers that wait for the server. What does not fit counts as no answer.
const maxReplies = 256

// id marks our pings among those of others on the machine.
func (e *echo) id() uint16 { return uint16(os.Getpid()) & 0x7fff }

// open takes a socket from the suite, unless there is one.
func (e *echo) open(ctx context.Context, source opener) error {
	if e.conn.Load() != nil {
		return nil
	}
	f, err := source.get(ctx, sockets.Request{Kind: sockets.ICMP4, Address: netip.AddrPortFrom(netip.IPv4Unspecified(), 0)})
	if err != nil {
		return err
	}
	defer f.Close()
	pc, err := net.FilePacketConn(f)
	if err != nil {
		return fmt.Errorf("socket for pings: %w", err)
	}
	conn, ok := pc.(*net.IPConn)
	if !ok {
		pc.Close()
		return fmt.Errorf("socket for pings is no raw socket but %T", pc)
	}
	e.conn.Store(conn)
	e.readers.Go(func() { e.receive(conn) })
	return nil
}

func (e *echo) close() {
	if conn := e.conn.Load(); conn != nil {
		conn.Close()
	}
	e.readers.Wait()
}

// ping sends one echo request.
func (e *echo) ping(a netip.Addr) error {
	conn := e.conn.Load()
	if conn == nil {
		return errNoPing
	}
	m := make([]byte, echoHeader)
	m[0] = echoRequest
	binary.BigEndian.PutUint16(m[2:], ^(echoRequest<<8 + e.id())) // the sum has no carry
	binary.BigEndian.PutUint16(m[4:], e.id())
	_, err := conn.WriteToIP(m, &net.IPAddr{IP: a.AsSlice()})
	return err
}

// receive passes on who answers, until the socket is closed.
func (e *echo) receive(conn *net.IPConn) {
	b := make([]byte, 128)
	for {
		n, from, err := conn.ReadFromIP(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(readPause)
			continue
		}
		a, ok := netip.AddrFromSlice(from.IP.To4())
		if ok && n >= echoHeader && b[0] == echoReply && binary.BigEndian.Uint16(b[4:]) == e.id() {
			select {
			case e.replies <- a:
			default:
			}
		}
	}
}
