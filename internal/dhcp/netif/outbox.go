package netif

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// outboxSize is the datagrams sent by one system call.
const outboxSize = 64

// letter is one datagram on its way, or one frame, with its own copy of what is sent. It must not be moved.
type letter struct {
	socket  syscall.RawConn
	to4     unix.RawSockaddrInet4
	to6     unix.RawSockaddrInet6
	toLink  unix.RawSockaddrLinklayer
	control [infoSize]byte
	vector  unix.Iovec
	data    []byte

	to  netip.AddrPort
	tag uint8

	// For sending it another way.
	link  *Link // nil: there is none
	frame bool
	from  netip.Addr
	dest  Destination
}

// datagram4 makes it a datagram for an address, sent from an address of the interface.
func (l *letter) datagram4(h *unix.Msghdr, payload []byte, index int, from netip.Addr, to netip.AddrPort) {
	l.data = append(l.data[:0], payload...)
	port := to.Port()
	l.to4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port>>8 | port<<8, Addr: to.Addr().As4()}
	l.header(h, unsafe.Pointer(&l.to4), unix.SizeofSockaddrInet4)
	c := (*unix.Cmsghdr)(unsafe.Pointer(&l.control[0]))
	c.Level, c.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
	c.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
	info := l.control[unix.CmsgLen(0):unix.CmsgSpace(unix.SizeofInet4Pktinfo)]
	clear(info)
	binary.NativeEndian.PutUint32(info, uint32(index))
	if from.Is4() {
		a := from.As4()
		copy(info[4:], a[:]) // ipi_spec_dst
	}
	h.Control = &l.control[0]
	h.SetControllen(unix.CmsgSpace(unix.SizeofInet4Pktinfo))
}

// frame4 makes it an Ethernet frame for an interface.
func (l *letter) frame4(h *unix.Msghdr, payload []byte, index int, fromHW, toHW string, from, to netip.AddrPort) {
	const ipv4InNetworkOrder = 0x0008
	l.data = appendFrame(l.data[:0], fromHW, toHW, from, to, payload)
	l.toLink = unix.RawSockaddrLinklayer{Family: unix.AF_PACKET, Protocol: ipv4InNetworkOrder, Ifindex: int32(index), Halen: 6}
	l.header(h, unsafe.Pointer(&l.toLink), unix.SizeofSockaddrLinklayer)
}

// datagram6 makes it a datagram for an address. The interface and the source address are said when from is valid.
func (l *letter) datagram6(h *unix.Msghdr, payload []byte, index int, from netip.Addr, to netip.AddrPort) {
	l.data = append(l.data[:0], payload...)
	port := to.Port()
	l.to6 = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port>>8 | port<<8, Addr: to.Addr().As16()}
	if to.Addr().IsLinkLocalUnicast() {
		l.to6.Scope_id = uint32(index)
	}
	l.header(h, unsafe.Pointer(&l.to6), unix.SizeofSockaddrInet6)
	if !from.IsValid() {
		return
	}
	c := (*unix.Cmsghdr)(unsafe.Pointer(&l.control[0]))
	c.Level, c.Type = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
	c.SetLen(unix.CmsgLen(unix.SizeofInet6Pktinfo))
	a := from.As16()
	copy(l.control[unix.CmsgLen(0):], a[:])
	binary.NativeEndian.PutUint32(l.control[unix.CmsgLen(len(a)):], uint32(index))
	h.Control = &l.control[0]
	h.SetControllen(unix.CmsgSpace(unix.SizeofInet6Pktinfo))
}

func (l *letter) header(h *unix.Msghdr, name unsafe.Pointer, size uint32) {
	l.vector = unix.Iovec{}
	if len(l.data) > 0 {
		l.vector.Base = &l.data[0]
		l.vector.SetLen(len(l.data))
	}
	*h = unix.Msghdr{Name: (*byte)(name), Namelen: size, Iov: &l.vector}
	h.SetIovlen(1)
}

// sendOne sends a letter by itself, once, without waiting for room in the socket.
func sendOne(socket syscall.RawConn, fill func(*letter, *unix.Msghdr)) error {
	var l letter
	var h unix.Msghdr
	var errno unix.Errno
	fill(&l, &h)
	err := socket.Write(func(fd uintptr) bool {
		_, _, errno = unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&h)), unix.MSG_DONTWAIT)
		return true
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return err
}

// Outbox gathers replies, so that those which go together leave with one system call. Methods may be called from any
// goroutine, but they are cheap for one at a time.
type Outbox struct {
	report func(tag uint8, to netip.AddrPort, err error)

	mu      sync.Mutex
	headers [outboxSize]mmsghdr
	letters [outboxSize]letter
	used    int

	// Of one system call.
	try         func(fd uintptr) bool
	first, last int
	sent        int
	errno       unix.Errno
}

// NewOutbox makes an empty outbox. report is called for each reply when it was sent, or could not be, with the tag that it
// was added with. It must not use the outbox.
func NewOutbox(report func(tag uint8, to netip.AddrPort, err error)) *Outbox {
	o := &Outbox{report: report}
	o.try = func(fd uintptr) bool {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&o.headers[o.first])),
			uintptr(o.last-o.first), unix.MSG_DONTWAIT, 0, 0)
		o.sent, o.errno = int(n), errno
		return true // once, whatever it says
	}
	return o
}

// Flush sends what was added. It never waits: what has no room in its socket is lost, and the client asks again.
func (o *Outbox) Flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush()
}

// place gives room for one more reply.
func (o *Outbox) place(tag uint8, to netip.AddrPort) (*letter, *unix.Msghdr) {
	if o.used == outboxSize {
		o.flush()
	}
	l, h := &o.letters[o.used], &o.headers[o.used].header
	o.used++
	l.tag, l.to, l.link = tag, to, nil
	return l, h
}

func (o *Outbox) flush() {
	used := o.used
	o.used = 0
	for o.first = 0; o.first < used; {
		l := &o.letters[o.first]
		o.last = o.first + 1
		for o.last < used && o.letters[o.last].socket == l.socket {
			o.last++
		}
		o.sent, o.errno = 0, 0
		err := l.socket.Write(o.try)
		switch {
		case err == nil && o.errno == unix.EINTR:
			continue
		case err == nil && o.errno != 0: // of the first one, as none was sent
			err = o.errno
		}
		if err != nil {
			switch {
			case l.link == nil:
			case l.frame:
				err = l.link.sendInstead(l.data[frameHeader:], l.from, l.dest, err)
			default:
				err = l.link.sendPast(l.data, l.from, l.dest.To, err)
			}
			o.report(l.tag, l.to, err)
			o.first++
			continue
		}
		for range max(o.sent, 1) {
			o.report(o.letters[o.first].tag, o.letters[o.first].to, nil)
			o.first++
		}
	}
	for i := range used {
		o.letters[i].socket, o.letters[i].link = nil, nil // of a link that may be gone
	}
}
