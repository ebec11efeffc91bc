package netif

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// inboxSize is the datagrams read by one system call.
	inboxSize = 32

	// infoSize has room for the packet information.
	infoSize = 64

	// gatherPause is how long a receiver that is busy waits for more before it reads: to wake up costs as much as ten
	// datagrams, and a client does not notice the wait.
	gatherPause = 300 * time.Microsecond

	// gatherIdle is how long nothing may have come for a receiver to be no longer busy.
	gatherIdle = time.Millisecond
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
	_      [unsafe.Sizeof(uintptr(0)) - 4]byte
}

// inbox reads datagrams from one socket in batches. It must not be moved: the headers point into it.
type inbox struct {
	socket  syscall.RawConn
	buffers *sync.Pool // of *[MaxPacket]byte
	headers [inboxSize]mmsghdr
	vectors [inboxSize]unix.Iovec
	from    [inboxSize]unix.RawSockaddrInet4
	control [inboxSize][infoSize]byte
	data    [inboxSize]*[MaxPacket]byte
	try     func(fd uintptr) bool
	got     int
	errno   unix.Errno
	last    time.Time // when something came
}

func newInbox(socket syscall.RawConn, buffers *sync.Pool) *inbox {
	b := &inbox{socket: socket, buffers: buffers}
	b.try = func(fd uintptr) bool {
		b.got, b.errno = b.read(fd)
		return b.errno != unix.EAGAIN
	}
	return b
}

// receive waits for datagrams and gives how many there are. Their buffers come from the pool and belong to the caller.
// The error of a socket that was closed is net.ErrClosed, others may pass.
func (b *inbox) receive() (int, error) {
	if time.Since(b.last) < gatherIdle {
		time.Sleep(gatherPause)
	}
	for i := range b.headers {
		if b.data[i] == nil {
			b.data[i] = b.buffers.Get().(*[MaxPacket]byte)
		}
		b.vectors[i].Base = &b.data[i][0]
		b.vectors[i].SetLen(MaxPacket)
		h := &b.headers[i].header
		h.Iov = &b.vectors[i]
		h.SetIovlen(1)
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&b.from[i])), unix.SizeofSockaddrInet4
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

// read takes what has come, without waiting. The call is a raw one, of which the scheduler need not know: told, it
// would give the processor to another thread in the middle of a full batch.
func (b *inbox) read(fd uintptr) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.headers[0])), inboxSize,
		unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

// take gives datagram i of those received, and with it its buffer.
func (b *inbox) take(i int) Packet {
	h := &b.headers[i]
	p := Packet{
		Data:        b.data[i][:h.length],
		Destination: packetInfo(b.control[i][:min(int(h.header.Controllen), infoSize)]),
	}
	if sa := &b.from[i]; sa.Family == unix.AF_INET {
		p.Source = netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), sa.Port>>8|sa.Port<<8)
	}
	b.data[i] = nil
	return p
}

// packetInfo finds the destination address in the control messages (ip(7), IP_PKTINFO); the invalid address if none.
func packetInfo(control []byte) netip.Addr {
	for len(control) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
		size := int(h.Len)
		if size < unix.SizeofCmsghdr || size > len(control) {
			break
		}
		if data := control[unix.CmsgLen(0):size]; h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo {
			return netip.AddrFrom4([4]byte(data[8:12]))
		}
		next := unix.CmsgSpace(size - unix.CmsgLen(0))
		if next > len(control) {
			break
		}
		control = control[next:]
	}
	return netip.Addr{}
}

// outbox sends one datagram at a time. It must not be moved. Outboxes are kept in a pool, as several goroutines send by
// one link.
type outbox struct {
	header  unix.Msghdr
	vector  unix.Iovec
	to4     unix.RawSockaddrInet4
	toLink  unix.RawSockaddrLinklayer
	control [infoSize]byte
	frame   []byte
	try     func(fd uintptr) bool
	errno   unix.Errno
}

func newOutbox() any {
	b := &outbox{}
	b.try = func(fd uintptr) bool {
		_, _, b.errno = unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&b.header)), unix.MSG_DONTWAIT)
		return true // once, whatever it says
	}
	return b
}

// datagram prepares a payload for an address. It is sent from an address of the interface.
func (b *outbox) datagram(payload []byte, index int, from netip.Addr, to netip.AddrPort) {
	port := to.Port()
	b.to4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port>>8 | port<<8, Addr: to.Addr().As4()}
	b.header = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&b.to4)), Namelen: unix.SizeofSockaddrInet4}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b.control[0]))
	h.Level, h.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
	h.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
	info := b.control[unix.CmsgLen(0):unix.CmsgSpace(unix.SizeofInet4Pktinfo)]
	clear(info)
	binary.NativeEndian.PutUint32(info, uint32(index))
	if from.Is4() {
		a := from.As4()
		copy(info[4:], a[:]) // ipi_spec_dst
	}
	b.header.Control = &b.control[0]
	b.header.SetControllen(unix.CmsgSpace(unix.SizeofInet4Pktinfo))
	b.contents(payload)
}

// ethernet prepares the frame for an interface.
func (b *outbox) ethernet(index int) {
	const ipv4InNetworkOrder = 0x0008
	b.toLink = unix.RawSockaddrLinklayer{Family: unix.AF_PACKET, Protocol: ipv4InNetworkOrder, Ifindex: int32(index), Halen: 6}
	b.header = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&b.toLink)), Namelen: unix.SizeofSockaddrLinklayer}
	b.contents(b.frame)
}

func (b *outbox) contents(data []byte) {
	b.vector = unix.Iovec{}
	if len(data) > 0 {
		b.vector.Base = &data[0]
		b.vector.SetLen(len(data))
	}
	b.header.Iov = &b.vector
	b.header.SetIovlen(1)
}

// send runs the system call once, without waiting for room in the socket.
func (b *outbox) send(socket syscall.RawConn) error {
	err := socket.Write(b.try)
	if err == nil && b.errno != 0 {
		err = b.errno
	}
	b.vector, b.header = unix.Iovec{}, unix.Msghdr{} // the payload is the caller's
	return err
}
