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

	"bundy/internal/dhcp/packet4"
)

// queueLength bounds the packets that wait for the server: about 50 ms of work at full load. What waits longer than
// clients take to repeat is useless, so more would only make answers late.
const queueLength = 512

// Opener makes the sockets of an interface. The files are non-blocking and belong to the caller.
type Opener interface {
	// UDP binds a datagram socket to the port on the interface alone, with broadcast and IP_PKTINFO.
	UDP(ctx context.Context, name string, port uint16) (*os.File, error)
	// Raw opens a packet socket for sending Ethernet frames.
	Raw(ctx context.Context, name string) (*os.File, error)
	// Drop tells that both are not needed any more.
	Drop(name string, port uint16)
}

// Links are the served interfaces. Packets come from any of them on one channel. Update may be called from one
// goroutine at a time, the other methods from any.
type Links struct {
	opener  Opener
	packets chan Packet
	buffers sync.Pool
	lost    atomic.Uint64
	readers sync.WaitGroup
	failed  chan error

	mu   sync.Mutex
	open map[string]*Link
}

// NewLinks makes an empty set.
func NewLinks(o Opener) *Links {
	return &Links{
		opener: o, packets: make(chan Packet, queueLength), open: map[string]*Link{},
		failed:  make(chan error, 1),
		buffers: sync.Pool{New: func() any { return new([MaxPacket]byte) }},
	}
}

// Packets gives what is received. Release must be called for each packet when its data are not needed any more.
func (s *Links) Packets() <-chan Packet { return s.packets }

// Release gives a packet's buffer back.
func (s *Links) Release(p Packet) {
	if cap(p.Data) >= MaxPacket {
		s.buffers.Put((*[MaxPacket]byte)(p.Data[:MaxPacket]))
	}
}

// Lost is the number of packets thrown away because the server was busy.
func (s *Links) Lost() uint64 { return s.lost.Load() }

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
		s.readers.Go(func() { s.read(l) })
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

// Failed delivers the first panic of a goroutine that receives: a frame that the program cannot stand shall end the
// server and not its whole process.
func (s *Links) Failed() <-chan error { return s.failed }

// read receives until the link is closed.
func (s *Links) read(l *Link) {
	defer func() {
		if value := recover(); value != nil {
			select {
			case s.failed <- fmt.Errorf("panic while receiving on %s: %v\n%s", l.Name, value, debug.Stack()):
			default: // one reason to fail is enough
			}
		}
	}()
	in := newInbox(l.datagrams, &s.buffers)
	for {
		n, err := in.receive()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// ICMP errors about earlier replies, or the interface went down: Update closes it then.
			time.Sleep(readPause)
			continue
		}
		now := s.current(l)
		for i := range n {
			p := in.take(i)
			p.Link = now
			s.queue(p)
		}
	}
}

// maxNewcomers is how many packets may wait for one of a client that looks for a server to be queued behind them. The rest
// of the queue is for those who have an address, or were offered one: a flood of clients that do not exist does not stop
// the renewals of those that do.
const maxNewcomers = queueLength / 2

func (s *Links) queue(p Packet) {
	if len(s.packets) < maxNewcomers || packet4.Peek(p.Data) != packet4.Discover {
		select {
		case s.packets <- p:
			return
		default:
		}
	}
	s.lost.Add(1)
	s.Release(p)
}

// readPause keeps a socket that only fails from using a processor.
const readPause = 10 * time.Millisecond

// Close ends reception on all interfaces. The sockets are not dropped at the opener: a restarted server gets them
// again with what arrived meanwhile.
func (s *Links) Close() {
	s.mu.Lock()
	for name, l := range s.open {
		delete(s.open, name)
		l.close()
	}
	s.mu.Unlock()
	s.readers.Wait()
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
