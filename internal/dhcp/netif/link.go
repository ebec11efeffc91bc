package netif

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
)

// MaxPacket is the largest datagram received whole; longer ones are cut and fail to parse. Clients send what fits an
// Ethernet frame.
const MaxPacket = 2048

// Packet is one datagram and how it came.
type Packet struct {
	Data        []byte
	Source      netip.AddrPort
	Destination netip.Addr // an own address, or a broadcast address
	Link        *Link
}

// Link is one served interface with its sockets. Send may be called from any goroutine.
type Link struct {
	Interface
	ports Ports
	conn  *net.UDPConn
	raw   *os.File // nil: no frames, replies to clients without address are broadcast

	datagrams, frames syscall.RawConn // of conn and raw
	outboxes          *sync.Pool
}

// newLink takes over the socket files, also when it fails. raw may be nil.
func newLink(i Interface, ports Ports, udp, raw *os.File) (*Link, error) {
	defer udp.Close()
	closeRaw := func() {
		if raw != nil {
			raw.Close()
		}
	}
	pc, err := net.FilePacketConn(udp)
	if err != nil {
		closeRaw()
		return nil, fmt.Errorf("UDP socket of %s: %w", i.Name, err)
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		pc.Close()
		closeRaw()
		return nil, fmt.Errorf("socket of %s is no UDP socket but %T", i.Name, pc)
	}
	l := &Link{Interface: i, ports: ports, conn: conn, raw: raw, outboxes: &sync.Pool{New: newOutbox}}
	if l.datagrams, err = conn.SyscallConn(); err == nil && raw != nil {
		l.frames, err = raw.SyscallConn()
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("sockets of %s: %w", i.Name, err)
	}
	return l, nil
}

func (l *Link) close() {
	l.conn.Close()
	if l.raw != nil {
		l.raw.Close()
	}
}

// Send sends a payload from one of the interface's addresses. What cannot be sent in a frame goes by ARP to a client
// that has its address, else out as a broadcast. Send never waits: with no room in the socket the reply is lost, and
// the client asks again.
func (l *Link) Send(payload []byte, from netip.Addr, d Destination) error {
	if d.HWAddr == "" && d.To.Addr() == l.ports.Broadcast().To.Addr() {
		d.HWAddr = "\xff\xff\xff\xff\xff\xff" // has the packet socket's room, whatever the other socket waits for
	}
	if d.HWAddr == "" {
		return l.sendUDP(payload, from, d.To)
	}
	err := l.sendFrame(payload, from, d)
	if err == nil {
		return nil
	}
	to := d.To
	if !d.Bound {
		to = l.ports.Broadcast().To
	}
	if uerr := l.sendUDP(payload, from, to); uerr != nil {
		return errors.Join(err, uerr)
	}
	return nil
}

// sendUDP does not wait for room in the socket, as net.UDPConn would: datagrams for addresses that do not answer ARP
// fill it for seconds.
func (l *Link) sendUDP(payload []byte, from netip.Addr, to netip.AddrPort) error {
	if !to.Addr().Is4() {
		return fmt.Errorf("%v is no IPv4 address to send to on %s", to, l.Name)
	}
	b := l.outboxes.Get().(*outbox)
	defer l.outboxes.Put(b)
	b.datagram(payload, l.Index, from, to)
	if err := b.send(l.datagrams); err != nil {
		return fmt.Errorf("send to %v on %s: %w", to, l.Name, err)
	}
	return nil
}

func (l *Link) sendFrame(payload []byte, from netip.Addr, d Destination) error {
	const size = 6
	if l.raw == nil || !l.Ethernet || len(l.HWAddr) != size || len(d.HWAddr) != size || !from.Is4() || !d.To.Addr().Is4() {
		return fmt.Errorf("no frames to %x can be sent on %s", d.HWAddr, l.Name)
	}
	b := l.outboxes.Get().(*outbox)
	defer l.outboxes.Put(b)
	b.frame = appendFrame(b.frame[:0], l.HWAddr, d.HWAddr, netip.AddrPortFrom(from, l.ports.Server), d.To, payload)
	b.ethernet(l.Index)
	if err := b.send(l.frames); err != nil {
		return fmt.Errorf("send frame to %v on %s: %w", d.To, l.Name, err)
	}
	return nil
}

// once runs a system call on a non-blocking socket, once, whatever it says.
func once(socket syscall.Conn, call func(fd int) error) error {
	rc, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := rc.Write(func(fd uintptr) bool {
		result = call(int(fd))
		return true
	}); err != nil {
		return err
	}
	return result
}
