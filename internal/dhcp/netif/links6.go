package netif

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Opener6 makes the sockets of a DHCPv6 server. The files are non-blocking and belong to the caller.
type Opener6 interface {
	// Interface binds a datagram socket to the port on the interface alone, with IPV6_RECVPKTINFO.
	Interface(ctx context.Context, name string, port uint16) (*os.File, error)
	// Address binds a datagram socket to the port of one address.
	Address(ctx context.Context, a netip.AddrPort) (*os.File, error)
	// DropInterface and DropAddress tell that a socket is not needed any more.
	DropInterface(name string, port uint16)
	DropAddress(a netip.AddrPort)
}

// Links6 are the served endpoints. Packets come from any of them on one channel. Update may be called from one
// goroutine at a time, the other methods from any.
type Links6 struct {
	opener  Opener6
	packets chan Packet6
	buffers sync.Pool
	lost    atomic.Uint64
	readers sync.WaitGroup
	failed  chan error

	mu   sync.Mutex
	open map[endpoint]*Link6
}

// endpoint names one: an interface, or one of its addresses.
type endpoint struct {
	name    string
	unicast netip.Addr
}

// NewLinks6 makes an empty set.
func NewLinks6(o Opener6) *Links6 {
	return &Links6{
		opener: o, packets: make(chan Packet6, queueLength), open: map[endpoint]*Link6{},
		failed:  make(chan error, 1),
		buffers: sync.Pool{New: func() any { return new([MaxPacket6]byte) }},
	}
}

// Packets gives what is received. Release must be called for each packet when its data are not needed any more.
func (s *Links6) Packets() <-chan Packet6 { return s.packets }

// Release gives a packet's buffer back.
func (s *Links6) Release(p Packet6) {
	if cap(p.Data) >= MaxPacket6 {
		s.buffers.Put((*[MaxPacket6]byte)(p.Data[:MaxPacket6]))
	}
}

// Lost is the number of packets thrown away because the server was busy.
func (s *Links6) Lost() uint64 { return s.lost.Load() }

// Failed delivers the first panic of a goroutine that receives.
func (s *Links6) Failed() <-chan error { return s.failed }

// Open lists the endpoints that are served.
func (s *Links6) Open() []Endpoint6 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Endpoint6
	for _, l := range s.open {
		out = append(out, l.Endpoint6)
	}
	slices.SortFunc(out, func(a, b Endpoint6) int { return a.Index - b.Index })
	return out
}

// Update serves exactly the wanted endpoints (Choose6) at this port. One of an interface that was made anew is opened
// again; a change of addresses alone keeps the socket.
func (s *Links6) Update(ctx context.Context, wanted []Endpoint6, port uint16) Changes {
	c := Changes{Failed: map[string]error{}}
	s.mu.Lock()
	open := maps.Clone(s.open)
	s.mu.Unlock()
	for key, l := range open { // first, as a renamed interface is still in use under its old name
		stays := func(e Endpoint6) bool {
			return endpoint{e.Name, e.Unicast} == key && e.Index == l.Index && l.port == port
		}
		if !slices.ContainsFunc(wanted, stays) {
			s.drop(key, l)
			delete(open, key)
			c.Closed = append(c.Closed, l.String())
		}
	}
	slices.Sort(c.Closed)
	for _, e := range wanted {
		key := endpoint{e.Name, e.Unicast}
		if old := open[key]; old != nil {
			if !slices.Equal(old.Addrs, e.Addrs) || old.LinkLocal != e.LinkLocal || old.HWAddr != e.HWAddr {
				l := *old
				l.Endpoint6 = e
				s.put(key, &l)
			}
			continue
		}
		l, err := s.start(ctx, e, port)
		if err != nil {
			c.Failed[e.String()] = err
			continue
		}
		s.put(key, l)
		c.Opened = append(c.Opened, e.String())
		s.readers.Go(func() { s.read(key, l) })
	}
	return c
}

func (s *Links6) start(ctx context.Context, e Endpoint6, port uint16) (*Link6, error) {
	var file *os.File
	var err error
	if e.Unicast.IsValid() {
		file, err = s.opener.Address(ctx, netip.AddrPortFrom(e.Unicast, port))
	} else {
		file, err = s.opener.Interface(ctx, e.Name, port)
	}
	if err != nil {
		return nil, fmt.Errorf("open interface %s: %w", e.Name, err)
	}
	return newLink6(e, port, file)
}

func (s *Links6) put(key endpoint, l *Link6) {
	s.mu.Lock()
	s.open[key] = l
	s.mu.Unlock()
}

func (s *Links6) drop(key endpoint, l *Link6) {
	s.mu.Lock()
	delete(s.open, key)
	s.mu.Unlock()
	l.close()
	if l.Unicast.IsValid() {
		s.opener.DropAddress(netip.AddrPortFrom(l.Unicast, l.port))
	} else {
		s.opener.DropInterface(l.Name, l.port)
	}
}

// current gives the newest form of a link, with the addresses that the interface has now.
func (s *Links6) current(key endpoint, l *Link6) *Link6 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.open[key]; now != nil && now.conn == l.conn {
		return now
	}
	return l
}

// read receives until the link is closed.
func (s *Links6) read(key endpoint, l *Link6) {
	defer func() {
		if value := recover(); value != nil {
			select {
			case s.failed <- fmt.Errorf("panic while receiving on %s: %v\n%s", l.Name, value, debug.Stack()):
			default: // one reason to fail is enough
			}
		}
	}()
	inbox := newInbox6(l.socket, &s.buffers)
	for {
		n, err := inbox.receive()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// ICMP errors about earlier replies, or the interface went down: Update closes it then.
			time.Sleep(readPause)
			continue
		}
		current := s.current(key, l)
		for i := range n {
			p := inbox.take(i)
			if p.Link = current; !current.hears(&p) {
				s.Release(p)
				continue
			}
			select {
			case s.packets <- p:
			default:
				s.lost.Add(1)
				s.Release(p)
			}
		}
	}
}

// Close ends reception on all endpoints. The sockets are not dropped at the opener: a restarted server gets them again
// with what arrived meanwhile.
func (s *Links6) Close() {
	s.mu.Lock()
	for key, l := range s.open {
		delete(s.open, key)
		l.close()
	}
	s.mu.Unlock()
	s.readers.Wait()
}

// Has tells whether an address belongs to a served interface.
func (s *Links6) Has(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.open {
		if l.Interface6.Has(a) {
			return true
		}
	}
	return false
}
