package netif

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
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

// Send sends a payload from one of the interface's addresses. A frame that cannot be sent goes out as a broadcast.
func (l *Link) Send(payload []byte, from netip.Addr, d Destination) error {
	if d.HWAddr != "" {
		err := l.sendFrame(payload, from, d)
		if err == nil {
			return nil
		}
		if berr := l.sendUDP(payload, from, l.ports.Broadcast().To); berr != nil {
			return errors.Join(err, berr)
		}
		return nil
	}
	return l.sendUDP(payload, from, d.To)
}

func (l *Link) sendUDP(payload []byte, from netip.Addr, to netip.AddrPort) error {
	if _, _, err := l.conn.WriteMsgUDPAddrPort(payload, packetInfoMessage(l.Index, from), to); err != nil {
		return fmt.Errorf("send to %v on %s: %w", to, l.Name, err)
	}
	return nil
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
	rc, err := l.raw.SyscallConn()
	if err != nil {
		return fmt.Errorf("packet socket of %s: %w", l.Name, err)
	}
	sent := errors.New("not sent")
	err = rc.Write(func(fd uintptr) bool {
		sent = unix.Sendto(int(fd), frame, 0, &unix.SockaddrLinklayer{Protocol: 0x0008, Ifindex: l.Index, Halen: size})
		return !errors.Is(sent, unix.EAGAIN)
	})
	if err == nil {
		err = sent
	}
	if err != nil {
		return fmt.Errorf("send frame to %v on %s: %w", d.To, l.Name, err)
	}
	return nil
}
