package netif

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"sync"

	"bundy/internal/dhcp/packet6"
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

// Links6 are the served endpoints. Update may be called from one goroutine at a time, the other methods from any.
type Links6 struct {
	opener Opener6
	serve  func([]Packet6)
	intake *intake
	batch  []Packet6 // in the intake's turn

	mu   sync.Mutex
	open map[endpoint]*Link6
}

// endpoint names one: an interface, or one of its addresses.
type endpoint struct {
	name    string
	unicast netip.Addr
}

// NewLinks6 makes an empty set. serve gets what is received, some packets at once, from any of the links but never from
// two at a time. Their data are not theirs any more when it returns.
func NewLinks6(o Opener6, serve func([]Packet6)) *Links6 {
	return &Links6{opener: o, serve: serve, intake: newIntake(MaxPacket6), open: map[endpoint]*Link6{}}
}

// Lost is the number of packets thrown away because the server was busy.
func (s *Links6) Lost() uint64 { return s.intake.lost.Load() }

// Failed delivers the first panic of a goroutine that receives and serves.
func (s *Links6) Failed() <-chan error { return s.intake.failed }

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
		s.intake.start(l.String(), l.socket, func(n int, crowded bool) { s.received(key, l, n, crowded) })
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

// received serves what came on an endpoint.
func (s *Links6) received(key endpoint, l *Link6, n int, crowded bool) {
	now, newcomers := s.current(key, l), 0
	s.batch = s.batch[:0]
	for i := range n {
		data := s.intake.inbox.payload(i)
		if crowded && packet6.Peek(data) == packet6.Solicit {
			if newcomers++; newcomers > maxNewcomers {
				s.intake.lost.Add(1)
				continue
			}
		}
		p := Packet6{
			Data: data, Source: s.intake.inbox.source(i), Destination: s.intake.inbox.destination(i), Link: now,
		}
		if now.hears(&p) {
			s.batch = append(s.batch, p)
		}
	}
	s.serve(s.batch)
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
	s.intake.readers.Wait()
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
