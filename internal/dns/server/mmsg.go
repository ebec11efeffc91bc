package server

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchSize is the datagrams read and written by one system call. More gains nothing measurable and makes the
	// first of them wait longer.
	batchSize = 32
	// controlSize has room for the packet information of either family.
	controlSize = 64
	// bufferSize is a cache line more than a datagram takes. Buffers whose distance is a power of two share their few
	// places in the first cache, and push one another out of it.
	bufferSize = MaxUDP + 64
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
	_      [unsafe.Sizeof(uintptr(0)) - 4]byte
}

// batch is the memory of one socket's loop, in the form that the kernel wants. It must not be moved: the headers point
// into it.
type batch struct {
	in, out    [batchSize]mmsghdr
	inVec      [batchSize]unix.Iovec
	outVec     [batchSize]unix.Iovec
	from       [batchSize]unix.RawSockaddrInet6 // also holds the shorter one of IPv4
	inControl  [batchSize][controlSize]byte
	outControl [batchSize][controlSize]byte
	data       [batchSize][bufferSize]byte
	reply      [batchSize][bufferSize]byte
	taken      int // headers of in to be made ready again
}

func newBatch() *batch {
	b := &batch{}
	for i := range b.in {
		b.inVec[i].Base = &b.data[i][0]
		b.inVec[i].SetLen(MaxUDP)
		h := &b.in[i].header
		h.Name = (*byte)(unsafe.Pointer(&b.from[i]))
		h.Iov = &b.inVec[i]
		h.SetIovlen(1)
		h.Control = &b.inControl[i][0]
	}
	b.taken = batchSize
	return b
}

// Both calls are raw ones: they never wait, and the scheduler need not know of them. Told, it would give the processor
// to another thread whenever a full batch takes longer than its patience of 20 microseconds, and the way back costs more
// than ten queries.

// receive reads what has arrived, at most batchSize datagrams, without waiting.
func (b *batch) receive(fd int) (int, unix.Errno) {
	for i := range b.in[:b.taken] {
		h := &b.in[i].header
		h.Namelen = uint32(unsafe.Sizeof(b.from[0]))
		h.SetControllen(controlSize)
		h.Flags = 0
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.in[0])), batchSize,
		unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		b.taken = 1 // the first may have been begun with
		return 0, errno
	}
	b.taken = int(n)
	return int(n), 0
}

// send writes replies from to count without waiting and gives the number sent.
func (b *batch) send(fd, from, count int) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.out[from])), uintptr(count-from),
		unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

// client gives the sender of datagram i; false if it has no usable address.
func (b *batch) client(i int) (netip.AddrPort, bool) { return addrPort(&b.from[i]) }

func addrPort(sa *unix.RawSockaddrInet6) (netip.AddrPort, bool) {
	port := sa.Port>>8 | sa.Port<<8 // network order
	switch sa.Family {
	case unix.AF_INET:
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port), port != 0
	case unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), port), port != 0
	}
	return netip.AddrPort{}, false
}

// queue makes reply the k-th datagram to send, as the answer to datagram i: to its sender, from the address that the
// sender asked.
func (b *batch) queue(k, i int, reply []byte) {
	b.outVec[k].Base = &reply[0]
	b.outVec[k].SetLen(len(reply))
	h := &b.out[k].header
	*h = unix.Msghdr{Name: b.in[i].header.Name, Namelen: b.in[i].header.Namelen, Iov: &b.outVec[k]}
	h.SetIovlen(1)
	if n := returnInfo(b.outControl[k][:], b.control(i)); n > 0 {
		h.Control = &b.outControl[k][0]
		h.SetControllen(n)
	}
}

// control gives the control messages of datagram i.
func (b *batch) control(i int) []byte {
	return b.inControl[i][:min(int(b.in[i].header.Controllen), controlSize)]
}

// returnInfo writes to out the control message that makes a reply leave from the address that the request, which came
// with the control messages in, was sent to. It gives its length, 0 if the system shall choose the address.
func returnInfo(out, in []byte) int {
	for len(in) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&in[0]))
		size := int(h.Len)
		if size < unix.SizeofCmsghdr || size > len(in) {
			return 0
		}
		data := in[unix.CmsgLen(0):size]
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			n := copy(out, in[:size])
			info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&out[unix.CmsgLen(0)]))
			info.Ifindex = 0 // the route back may lie elsewhere
			return unix.CmsgSpace(n - unix.CmsgLen(0))
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			n := copy(out, in[:size])
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&out[unix.CmsgLen(0)]))
			if info.Addr[0] == 0xff {
				return 0 // a multicast address cannot be a source
			}
			if linkLocal := info.Addr[0] == 0xfe && info.Addr[1]&0xc0 == 0x80; !linkLocal {
				info.Ifindex = 0
			}
			return unix.CmsgSpace(n - unix.CmsgLen(0))
		}
		next := unix.CmsgSpace(size - unix.CmsgLen(0))
		if next > len(in) {
			return 0
		}
		in = in[next:]
	}
	return 0
}
