package netif

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"sync"

	"bundy/internal/dhcp/packet4"
)

// Opener makes the sockets of an interface. The files are non-blocking and belong to the caller.
type Opener interface {
	// UDP binds a datagram socket to the port on the interface alone, with broadcast and IP_PKTINFO.
	UDP(ctx context.Context, name string, port uint16) (*os.File, error)
	// Raw opens a packet socket for sending Ethernet frames.
	Raw(ctx context.Context, name string) (*os.File, error)
	// Drop tells that both are not needed any more.
	Drop(name string, port uint16)
}

// Links are the served interfaces. Update may be called from one goroutine at a time, the other methods from any.
type Links struct {
	opener Opener
	serve  func([]Packet)
	intake *intake
	batch  []Packet // in the intake's turn

	mu   sync.Mutex
	open map[string]*Link
}

// NewLinks makes an empty set. serve gets what is received, some packets at once, from any of the links but never from two
// at a time. Their data are not theirs any more when it returns.
func NewLinks(o Opener, serve func([]Packet)) *Links {
	return &Links{opener: o, serve: serve, intake: newIntake(MaxPacket), open: map[string]*Link{}}
}

// Lost is the number of packets thrown away because the server was busy.
func (s *Links) Lost() uint64 { return s.intake.lost.Load() }

// Open lists the interfaces that are served.
func (s *Links) Open() []Interface {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Interface
	for _, l := range s.open {
		out = append(out, l.Interface)
	}
	slices.SortFunc(out, func(a, b Interface) int { return a.Index - b.Index })
	return out
}

// Changes is what Update did.
type Changes struct {
	Opened, Closed []string
	Failed         map[string]error // by interface; tried again with the next Update
	NoFrames       map[string]error // opened without packet socket
}

// Update serves exactly the wanted interfaces (Choose) at these ports. An interface that was made anew or changed its
// hardware address is opened again; a change of addresses alone keeps the sockets.
func (s *Links) Update(ctx context.Context, wanted []Interface, ports Ports) Changes {
	c := Changes{Failed: map[string]error{}, NoFrames: map[string]error{}}
	same := func(l *Link, i Interface) bool {
		return l.Name == i.Name && l.Index == i.Index && l.HWAddr == i.HWAddr && l.ports == ports
	}
	s.mu.Lock()
	open := maps.Clone(s.open)
	s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(open)) { // first, as a renamed interface is still in use under its old name
		l := open[name]
		if !slices.ContainsFunc(wanted, func(i Interface) bool { return same(l, i) }) {
			s.drop(l)
			delete(open, name)
			c.Closed = append(c.Closed, name)
		}
	}
	for _, i := range wanted {
		if old := open[i.Name]; old != nil {
			if !slices.Equal(old.Addrs, i.Addrs) {
				l := *old
				l.Interface = i
				s.put(&l)
			}
			continue
		}
		l, err := s.start(ctx, i, ports, &c)
		if err != nil {
			c.Failed[i.Name] = err
			continue
		}
		s.put(l)
		c.Opened = append(c.Opened, i.Name)
		s.intake.start(l.Name, l.datagrams, func(n int, crowded bool) { s.received(l, n, crowded) })
	}
	return c
}

func (s *Links) start(ctx context.Context, i Interface, ports Ports, c *Changes) (*Link, error) {
	udp, err := s.opener.UDP(ctx, i.Name, ports.Server)
	if err != nil {
		return nil, fmt.Errorf("open interface %s: %w", i.Name, err)
	}
	var raw *os.File
	if i.Ethernet {
		if raw, err = s.opener.Raw(ctx, i.Name); err != nil {
			c.NoFrames[i.Name] = err
			raw = nil
		}
	}
	return newLink(i, ports, udp, raw)
}

func (s *Links) put(l *Link) {
	s.mu.Lock()
	s.open[l.Name] = l
	s.mu.Unlock()
}

func (s *Links) drop(l *Link) {
	s.mu.Lock()
	delete(s.open, l.Name)
	s.mu.Unlock()
	l.close()
	s.opener.Drop(l.Name, l.ports.Server)
}

// current gives the newest form of a link, with the addresses that the interface has now.
func (s *Links) current(l *Link) *Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.open[l.Name]; now != nil && now.conn == l.conn {
		return now
	}
	return l
}

// Failed delivers the first panic of a goroutine that receives and serves: a packet that the program cannot stand shall
// end the server and not its whole process.
func (s *Links) Failed() <-chan error { return s.intake.failed }

// received serves what came on a link.
func (s *Links) received(l *Link, n int, crowded bool) {
	now, newcomers := s.current(l), 0
	s.batch = s.batch[:0]
	for i := range n {
		data := s.intake.inbox.payload(i)
		if crowded && packet4.Peek(data) == packet4.Discover {
			if newcomers++; newcomers > maxNewcomers {
				s.intake.lost.Add(1)
				continue
			}
		}
		s.batch = append(s.batch, Packet{
			Data: data, Source: s.intake.inbox.source(i), Destination: s.intake.inbox.destination(i), Link: now,
		})
	}
	s.serve(s.batch)
}

// Close ends reception on all interfaces. The sockets are not dropped at the opener: a restarted server gets them
// again with what arrived meanwhile.
func (s *Links) Close() {
	s.mu.Lock()
	for name, l := range s.open {
		delete(s.open, name)
		l.close()
	}
	s.mu.Unlock()
	s.intake.readers.Wait()
}

// Has tells whether an address belongs to a served interface.
func (s *Links) Has(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.open {
		if l.Interface.Has(a) {
			return true
		}
	}
	return false
}
