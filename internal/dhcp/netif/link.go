package netif

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

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
	return &Link{Interface: i, ports: ports, conn: conn, raw: raw}, nil
}

func (l *Link) close() {
	l.conn.Close()
	if l.raw != nil {
		l.raw.Close()
	}
}

// read waits for one datagram. The buffer has room for MaxPacket octets.
func (l *Link) read(buffer []byte) (Packet, error) {
	var control [128]byte
	n, cn, _, from, err := l.conn.ReadMsgUDPAddrPort(buffer, control[:])
	if err != nil {
		return Packet{}, err
	}
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	return Packet{Data: buffer[:n], Source: from, Destination: packetInfo(control[:cn]), Link: l}, nil
}

// packetInfo finds the destination address in the control messages (ip(7), IP_PKTINFO); the invalid address if none.
func packetInfo(control []byte) netip.Addr {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return netip.Addr{}
	}
	for _, m := range messages {
		if m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo {
			return netip.AddrFrom4([4]byte(m.Data[8:12]))
		}
	}
	return netip.Addr{}
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
	address := &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	control := packetInfoMessage(l.Index, from)
	err := once(l.conn, func(fd int) error { return unix.Sendmsg(fd, payload, control, address, 0) })
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

// packetInfoMessage makes the control message that sets the interface and the source address of a datagram.
func packetInfoMessage(index int, from netip.Addr) []byte {
	b := make([]byte, unix.CmsgSpace(unix.SizeofInet4Pktinfo))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
	h.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
	data := b[unix.CmsgLen(0):]
	binary.NativeEndian.PutUint32(data, uint32(index))
	if from.Is4() {
		a := from.As4()
		copy(data[4:], a[:]) // ipi_spec_dst
	}
	return b
}

func (l *Link) sendFrame(payload []byte, from netip.Addr, d Destination) error {
	const size = 6
	if l.raw == nil || !l.Ethernet || len(l.HWAddr) != size || len(d.HWAddr) != size || !from.Is4() || !d.To.Addr().Is4() {
		return fmt.Errorf("no frames to %x can be sent on %s", d.HWAddr, l.Name)
	}
	frame := appendFrame(make([]byte, 0, etherHeader+ipHeader+udpHeader+len(payload)), l.HWAddr, d.HWAddr,
		netip.AddrPortFrom(from, l.ports.Server), d.To, payload)
	address := &unix.SockaddrLinklayer{Protocol: 0x0008, Ifindex: l.Index, Halen: size}
	if err := once(l.raw, func(fd int) error { return unix.Sendto(fd, frame, 0, address) }); err != nil {
		return fmt.Errorf("send frame to %v on %s: %w", d.To, l.Name, err)
	}
	return nil
}
