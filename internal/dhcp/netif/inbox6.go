package netif

import (
	"net/netip"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inbox6 is the twin of inbox for sockets of IPv6. It must not be moved: the headers point into it.
type inbox6 struct {
	socket  syscall.RawConn
	buffers *sync.Pool // of *[MaxPacket6]byte
	headers [inboxSize]mmsghdr
	vectors [inboxSize]unix.Iovec
	from    [inboxSize]unix.RawSockaddrInet6
	control [inboxSize][infoSize]byte
	data    [inboxSize]*[MaxPacket6]byte
	try     func(fd uintptr) bool
	got     int
	errno   unix.Errno
	last    time.Time // when something came
}

func newInbox6(socket syscall.RawConn, buffers *sync.Pool) *inbox6 {
	b := &inbox6{socket: socket, buffers: buffers}
	b.try = func(fd uintptr) bool {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.headers[0])), inboxSize, unix.MSG_DONTWAIT, 0, 0)
		b.got, b.errno = int(n), errno
		return b.errno != unix.EAGAIN
	}
	return b
}

// receive waits for datagrams and gives how many there are, as inbox.receive does.
func (b *inbox6) receive() (int, error) {
	if time.Since(b.last) < gatherIdle {
		time.Sleep(gatherPause)
	}
	for i := range b.headers {
		if b.data[i] == nil {
			b.data[i] = b.buffers.Get().(*[MaxPacket6]byte)
		}
		b.vectors[i].Base = &b.data[i][0]
		b.vectors[i].SetLen(MaxPacket6)
		h := &b.headers[i].header
		h.Iov = &b.vectors[i]
		h.SetIovlen(1)
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&b.from[i])), unix.SizeofSockaddrInet6
		h.Control = &b.control[i][0]
		h.SetControllen(infoSize)
		h.Flags = 0
	}
	if err := b.socket.Read(b.try); err != nil {
		return 0, err
	}
	if b.errno != 0 {
		return 0, b.errno
	}
	b.last = time.Now()
	return b.got, nil
}

// take gives datagram i of those received, and with it its buffer.
func (b *inbox6) take(i int) Packet6 {
	h := &b.headers[i]
	p := Packet6{
		Data:        b.data[i][:h.length],
		Destination: packetInfo6(b.control[i][:min(int(h.header.Controllen), infoSize)]),
	}
	if sa := &b.from[i]; sa.Family == unix.AF_INET6 {
		p.Source = netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), sa.Port>>8|sa.Port<<8)
	}
	b.data[i] = nil
	return p
}

// packetInfo6 finds the destination address in the control messages (ipv6(7), IPV6_PKTINFO), which stand in front as no
// others are asked for; the invalid address if there is none.
func packetInfo6(control []byte) netip.Addr {
	size := unix.CmsgLen(unix.SizeofInet6Pktinfo)
	if len(control) < size {
		return netip.Addr{}
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	if h.Level != unix.IPPROTO_IPV6 || h.Type != unix.IPV6_PKTINFO || int(h.Len) < size {
		return netip.Addr{}
	}
	return netip.AddrFrom16([16]byte(control[unix.CmsgLen(0):]))
}

// outbox6 sends one datagram at a time. It must not be moved.
type outbox6 struct {
	header  unix.Msghdr
	vector  unix.Iovec
	to      unix.RawSockaddrInet6
	control [infoSize]byte
	try     func(fd uintptr) bool
	errno   unix.Errno
}

func newOutbox6() any {
	b := &outbox6{}
	b.try = func(fd uintptr) bool {
		_, _, b.errno = unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&b.header)), unix.MSG_DONTWAIT)
		return true // once, whatever it says
	}
	return b
}

// send sends a payload once, without waiting for room in the socket. The interface and the source address are said
// when from is valid.
func (b *outbox6) send(socket syscall.RawConn, payload []byte, index int, from netip.Addr, to netip.AddrPort) error {
	port := to.Port()
	b.to = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port>>8 | port<<8, Addr: to.Addr().As16()}
	if to.Addr().IsLinkLocalUnicast() {
		b.to.Scope_id = uint32(index)
	}
	b.header = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&b.to)), Namelen: unix.SizeofSockaddrInet6}
	if from.IsValid() {
		n := copy(b.control[:], packetInfoMessage6(index, from))
		b.header.Control = &b.control[0]
		b.header.SetControllen(n)
	}
	b.vector = unix.Iovec{}
	if len(payload) > 0 {
		b.vector.Base = &payload[0]
		b.vector.SetLen(len(payload))
	}
	b.header.Iov = &b.vector
	b.header.SetIovlen(1)
	err := socket.Write(b.try)
	if err == nil && b.errno != 0 {
		err = b.errno
	}
	b.vector, b.header = unix.Iovec{}, unix.Msghdr{} // the payload is the caller's
	return err
}
