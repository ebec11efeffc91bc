package netif

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// inboxSize is the datagrams read by one system call. Those of one call are served together, so that it also bounds how
	// long the first of them waits for its answer: some milliseconds at full load.
	inboxSize = 128

	// infoSize has room for the packet information.
	infoSize = 64
)

// mmsghdr is struct mmsghdr of recvmmsg(2) and sendmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
	_      [unsafe.Sizeof(uintptr(0)) - 4]byte
}

// inbox has the memory to read datagrams of either family in batches. It must not be moved: the headers point into it. All
// links of a server share one.
type inbox struct {
	headers [inboxSize]mmsghdr
	vectors [inboxSize]unix.Iovec
	from    [inboxSize]unix.RawSockaddrInet6 // also holds the shorter one of IPv4
	control [inboxSize][infoSize]byte
	data    []byte
	size    int // of the room for one datagram
	taken   int // headers to be made ready again
}

func newInbox(size int) *inbox {
	b := &inbox{data: make([]byte, inboxSize*size), size: size, taken: inboxSize}
	for i := range b.headers {
		b.vectors[i].Base = &b.data[i*size]
		b.vectors[i].SetLen(size)
		h := &b.headers[i].header
		h.Iov = &b.vectors[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&b.from[i]))
		h.Control = &b.control[i][0]
	}
	return b
}

// read takes what has come, without waiting. The call is a raw one, of which the scheduler need not know: told, it
// would give the processor to another thread in the middle of a full batch.
func (b *inbox) read(fd uintptr) (int, unix.Errno) {
	for i := range b.taken {
		h := &b.headers[i].header
		h.Namelen = uint32(unsafe.Sizeof(b.from[0]))
		h.SetControllen(infoSize)
		h.Flags = 0
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.headers[0])), inboxSize,
		unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		b.taken = 1 // the first may have been begun with
		return 0, errno
	}
	b.taken = int(n)
	return int(n), 0
}

// payload is datagram i of those read, until the next read.
func (b *inbox) payload(i int) []byte {
	start, n := i*b.size, int(b.headers[i].length)
	return b.data[start : start+n : start+n]
}

// source is where datagram i came from; invalid if that is unknown.
func (b *inbox) source(i int) netip.AddrPort {
	switch sa := &b.from[i]; sa.Family {
	case unix.AF_INET:
		sa4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(sa4.Addr), sa4.Port>>8|sa4.Port<<8)
	case unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), sa.Port>>8|sa.Port<<8)
	}
	return netip.AddrPort{}
}

// destination is where datagram i was sent to, which stands in its control messages (IP_PKTINFO of ip(7), IPV6_PKTINFO
// of ipv6(7)); the invalid address if it does not.
func (b *inbox) destination(i int) netip.Addr {
	control := b.control[i][:min(int(b.headers[i].header.Controllen), infoSize)]
	for len(control) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
		size := int(h.Len)
		if size < unix.SizeofCmsghdr || size > len(control) {
			break
		}
		data := control[unix.CmsgLen(0):size]
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			return netip.AddrFrom4([4]byte(data[8:12]))
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			return netip.AddrFrom16([16]byte(data))
		}
		next := unix.CmsgSpace(size - unix.CmsgLen(0))
		if next > len(control) {
			break
		}
		control = control[next:]
	}
	return netip.Addr{}
}
