package netif

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
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
	l := &Link{Interface: i, ports: ports, conn: conn, raw: raw}
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
	d = l.way(d)
	if d.HWAddr == "" {
		return l.sendUDP(payload, from, d.To)
	}
	err := l.framed(from, d)
	if err == nil {
		err = sendOne(l.frames, func(m *letter, h *unix.Msghdr) { l.frame(m, h, payload, from, d) })
	}
	if err != nil {
		return l.sendInstead(payload, from, d, err)
	}
	return nil
}

// Add is Send with others of an outbox.
func (l *Link) Add(o *Outbox, tag uint8, payload []byte, from netip.Addr, d Destination) {
	o.mu.Lock()
	defer o.mu.Unlock()
	to := d.To
	if d = l.way(d); d.HWAddr != "" {
		err := l.framed(from, d)
		if err == nil {
			m, h := o.place(tag, to)
			m.socket, m.link, m.frame, m.from, m.dest = l.frames, l, true, from, d
			l.frame(m, h, payload, from, d)
			return
		}
		if d.HWAddr, d.To = "", l.unframed(d); !d.To.Addr().Is4() {
			o.report(tag, to, err)
			return
		}
	}
	if err := l.reaches(d.To); err != nil {
		o.report(tag, to, err)
		return
	}
	m, h := o.place(tag, to)
	m.socket, m.link, m.frame, m.from, m.dest = l.datagrams, l, false, from, d
	m.datagram4(h, payload, l.Index, from, d.To)
}

// way puts the broadcast in a frame too: it has the packet socket's room, whatever the other socket waits for.
func (l *Link) way(d Destination) Destination {
	if d.HWAddr == "" && d.To.Addr() == l.ports.Broadcast().To.Addr() {
		d.HWAddr = "\xff\xff\xff\xff\xff\xff"
	}
	return d
}

// framed tells why a reply cannot go in a frame.
func (l *Link) framed(from netip.Addr, d Destination) error {
	const size = 6
	if l.raw == nil || !l.Ethernet || len(l.HWAddr) != size || len(d.HWAddr) != size || !from.Is4() || !d.To.Addr().Is4() {
		return fmt.Errorf("no frames to %x can be sent on %s", d.HWAddr, l.Name)
	}
	return nil
}

func (l *Link) frame(m *letter, h *unix.Msghdr, payload []byte, from netip.Addr, d Destination) {
	m.frame4(h, payload, l.Index, l.HWAddr, d.HWAddr, netip.AddrPortFrom(from, l.ports.Server), d.To)
}

// unframed is where a reply goes that cannot go in a frame.
func (l *Link) unframed(d Destination) netip.AddrPort {
	if d.Bound {
		return d.To
	}
	return l.ports.Broadcast().To
}

// sendInstead sends what could not be sent in a frame, which failed with an error.
func (l *Link) sendInstead(payload []byte, from netip.Addr, d Destination, err error) error {
	if uerr := l.sendUDP(payload, from, l.unframed(d)); uerr != nil {
		return errors.Join(fmt.Errorf("send frame to %v on %s: %w", d.To, l.Name, err), uerr)
	}
	return nil
}

func (l *Link) reaches(to netip.AddrPort) error {
	if !to.Addr().Is4() {
		return fmt.Errorf("%v is no IPv4 address to send to on %s", to, l.Name)
	}
	return nil
}

// sendUDP does not wait for room in the socket, as net.UDPConn would: datagrams for addresses that do not answer ARP
// fill it for seconds.
func (l *Link) sendUDP(payload []byte, from netip.Addr, to netip.AddrPort) error {
	if err := l.reaches(to); err != nil {
		return err
	}
	err := sendOne(l.datagrams, func(m *letter, h *unix.Msghdr) { m.datagram4(h, payload, l.Index, from, to) })
	if err != nil {
		err = l.sendPast(payload, from, to, err)
	}
	if err != nil {
		return fmt.Errorf("send to %v on %s: %w", to, l.Name, err)
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
