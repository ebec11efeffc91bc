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

// MaxPacket6 is the largest datagram received whole; longer ones are cut and fail to parse. Relay agents may wrap
// messages several times, so that fragments are no mistake.
const MaxPacket6 = 8192

// Groups that servers listen to (RFC 9915 section 7.1).
func allServersAndRelays() netip.Addr { return netip.MustParseAddr("ff02::1:2") }
func allServers() netip.Addr          { return netip.MustParseAddr("ff05::1:3") }

// Packet6 is one datagram and how it came.
type Packet6 struct {
	Data        []byte
	Source      netip.AddrPort // without zone
	Destination netip.Addr     // an own address, or a group
	Link        *Link6
}

// Link6 is one endpoint with its socket. Send may be called from any goroutine.
type Link6 struct {
	Endpoint6
	port   uint16
	conn   *net.UDPConn
	socket syscall.RawConn // of conn
}

// newLink6 takes over the socket file, also when it fails.
func newLink6(e Endpoint6, port uint16, file *os.File) (*Link6, error) {
	defer file.Close()
	pc, err := net.FilePacketConn(file)
	if err != nil {
		return nil, fmt.Errorf("UDP socket of %s: %w", e.Name, err)
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		pc.Close()
		return nil, fmt.Errorf("socket of %s is no UDP socket but %T", e.Name, pc)
	}
	socket, err := conn.SyscallConn()
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("UDP socket of %s: %w", e.Name, err)
	}
	l := &Link6{Endpoint6: e, port: port, conn: conn, socket: socket}
	if !e.Unicast.IsValid() {
		if err := l.join(); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return l, nil
}

// join makes the socket hear the groups. It may have joined them when the server ran before.
func (l *Link6) join() error {
	for _, group := range []netip.Addr{allServersAndRelays(), allServers()} {
		request := &unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(l.Index)}
		err := once(l.conn, func(fd int) error {
			return unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, request)
		})
		if err != nil && !errors.Is(err, unix.EADDRINUSE) {
			return fmt.Errorf("join %s on %s: %w", group, l.Name, err)
		}
	}
	return nil
}

func (l *Link6) close() { l.conn.Close() }

// hears tells whether a datagram is for a server: one to an address that is not to be served is not.
func (l *Link6) hears(p *Packet6) bool {
	if l.Unicast.IsValid() {
		p.Destination = l.Unicast
		return true
	}
	return p.Destination.IsMulticast() || p.Destination.IsLinkLocalUnicast()
}

// Send sends a payload. It leaves from the endpoint's address. Send never waits: with no room in the socket the reply is
// lost, and the client asks again.
func (l *Link6) Send(payload []byte, to netip.AddrPort) error {
	if err := l.reaches(to); err != nil {
		return err
	}
	if err := sendOne(l.socket, func(m *letter, h *unix.Msghdr) { m.datagram6(h, payload, l.Index, l.source(to), to) }); err != nil {
		return fmt.Errorf("send to %v on %s: %w", to, l.Name, err)
	}
	return nil
}

// Add is Send with others of an outbox.
func (l *Link6) Add(o *Outbox, tag uint8, payload []byte, to netip.AddrPort) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := l.reaches(to); err != nil {
		o.report(tag, to, err)
		return
	}
	m, h := o.place(tag, to)
	m.socket = l.socket
	m.datagram6(h, payload, l.Index, l.source(to), to)
}

func (l *Link6) reaches(to netip.AddrPort) error {
	if !to.Addr().Is6() {
		return fmt.Errorf("%v is no IPv6 address to send to on %s", to, l.Name)
	}
	return nil
}

// source is what a datagram is sent from; the invalid address: what the system chooses.
func (l *Link6) source(to netip.AddrPort) netip.Addr {
	if to.Addr().IsLinkLocalUnicast() && !l.Unicast.IsValid() {
		return l.LinkLocal
	}
	return netip.Addr{}
}
