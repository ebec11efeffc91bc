package netif

import (
	"errors"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// arpRequest is struct arpreq of arp(7).
type arpRequest struct {
	protocol unix.RawSockaddrInet4
	hardware unix.RawSockaddr
	flags    int32
	netmask  unix.RawSockaddr
	device   [unix.IFNAMSIZ]byte
}

// neighbour gives the hardware address that the kernel knows of an address on the link; "" if it knows none, or still asks
// for it. It is one look into the kernel's table, without a question on the wire.
func (l *Link) neighbour(a netip.Addr) string {
	const complete, size = 0x02, 6 // ATF_COM; of Ethernet
	r := arpRequest{protocol: unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.As4()}}
	if len(l.Name) >= len(r.device) {
		return ""
	}
	copy(r.device[:], l.Name)
	var errno unix.Errno
	err := l.datagrams.Control(func(fd uintptr) {
		_, _, errno = unix.RawSyscall(unix.SYS_IOCTL, fd, unix.SIOCGARP, uintptr(unsafe.Pointer(&r)))
	})
	if err != nil || errno != 0 || r.flags&complete == 0 {
		return ""
	}
	var hw [size]byte
	for i := range hw {
		hw[i] = byte(r.hardware.Data[i])
	}
	return string(hw[:])
}

// sendPast sends a datagram that had no room in its socket. Datagrams for addresses that do not answer ARP fill it for
// seconds, and anybody can make them by asking in the name of relays that are not there: a neighbour who did answer gets a
// frame then. Only then, as the kernel finds out that a neighbour changed his hardware address by sending itself. err is
// why the datagram could not be sent, and what is returned if there is no other way.
func (l *Link) sendPast(payload []byte, from netip.Addr, to netip.AddrPort, err error) error {
	if l.raw == nil || !(errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS)) {
		return err
	}
	d := Destination{To: to, HWAddr: l.neighbour(to.Addr())}
	if l.framed(from, d) != nil {
		return err
	}
	return sendOne(l.frames, func(m *letter, h *unix.Msghdr) { l.frame(m, h, payload, from, d) })
}
