package sockets

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	// maxCopies is more than the processors of any machine that the suite runs on, and fits one SCM_RIGHTS message.
	maxCopies = 64

	// receiveBuffer is what the kernel may keep for a datagram socket while its server restarts; net.core.rmem_max
	// may make it less.
	receiveBuffer = 4 << 20

	// minimumMTU is the MTU of every IPv6 link (RFC 8200 section 5). Answers over IPv6 are fragmented to it, since
	// a resolver behind a tunnel cannot tell us of a smaller one.
	minimumMTU = 1280

	listenBacklog = 4096
)

// normal checks a request and gives the form under which equal ones are equal.
func (r Request) normal() (Request, error) {
	r.Copies = max(1, r.Copies)
	r.Address = netip.AddrPortFrom(r.Address.Addr().Unmap(), r.Address.Port())
	switch {
	case !slices.Contains([]Kind{UDP, TCP, DHCP4UDP, DHCP4Raw, DHCP6UDP, ICMP4}, r.Kind):
		return r, fmt.Errorf("socket of unknown kind %q", r.Kind)
	case r.Copies > maxCopies:
		return r, fmt.Errorf("%v: %d copies are more than %d", r, r.Copies, maxCopies)
	case r.Early && r.Kind != UDP && r.Kind != TCP:
		return r, fmt.Errorf("%v: only udp and tcp sockets can be early", r)
	case r.Copies > 1 && r.Kind != UDP:
		return r, fmt.Errorf("%v: only udp sockets have copies", r)
	case len(r.Interface) >= unix.IFNAMSIZ || len(r.Address.Addr().Zone()) >= unix.IFNAMSIZ:
		return r, fmt.Errorf("%s socket: no interface has a name of more than %d octets", r.Kind, unix.IFNAMSIZ-1)
	case (r.Kind == DHCP4Raw || r.Kind == DHCP6UDP) && r.Interface == "":
		return r, fmt.Errorf("%v: no interface", r)
	case r.Kind == DHCP6UDP:
		r.Address = netip.AddrPortFrom(netip.IPv6Unspecified(), r.Address.Port())
	case r.Kind == ICMP4:
		r.Address, r.Interface = netip.AddrPortFrom(netip.IPv4Unspecified(), 0), ""
	case r.Kind == DHCP4Raw || r.Kind == DHCP4UDP:
		r.Address = netip.AddrPortFrom(netip.IPv4Unspecified(), r.Address.Port())
	case !r.Address.IsValid():
		return r, fmt.Errorf("%s socket without address", r.Kind)
	}
	return r, nil
}

// String names the socket in errors.
func (r Request) String() string {
	switch {
	case r.Interface == "":
		return fmt.Sprintf("%s %v", r.Kind, r.Address)
	case r.Kind == DHCP4Raw:
		return fmt.Sprintf("%s %s port %d", r.Kind, r.Interface, r.Address.Port())
	}
	return fmt.Sprintf("%s %v on %s", r.Kind, r.Address, r.Interface)
}

// open makes all sockets of a request, or none. ours tells that the keeper itself holds a socket with the same port,
// which the new one may stand beside; against everybody else the port must be free.
func open(r Request, ours bool) ([]int, error) {
	switch r.Kind {
	case DHCP4Raw:
		fd, err := openRaw(r)
		return []int{fd}, err
	case ICMP4:
		fd, err := openICMP(r)
		return []int{fd}, err
	}
	at, err := sockaddr(r)
	if err != nil {
		return nil, err
	}
	if !ours {
		// SO_REUSEPORT, which restarts and copies need, would let a second suite of the same user take half of the
		// traffic in silence. So first see whether the port can be bound without it.
		if at, err = probe(r, at); err != nil {
			return nil, err
		}
	}
	var fds []int
	for range r.Copies {
		fd, err := bound(r, at, true)
		if err == nil {
			fds = append(fds, fd)
			at, err = resolved(r, fd, at)
		}
		if err != nil {
			closeAll(fds)
			return nil, err
		}
		if r.Kind == TCP {
			if err := unix.Listen(fd, listenBacklog); err != nil {
				closeAll(fds)
				return nil, failure(r, "listen", err)
			}
		}
	}
	return fds, nil
}

// probe returns the address, with the port chosen by the kernel if it was 0.
func probe(r Request, at unix.Sockaddr) (unix.Sockaddr, error) {
	fd, err := bound(r, at, false)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return resolved(r, fd, at)
}

func resolved(r Request, fd int, at unix.Sockaddr) (unix.Sockaddr, error) {
	if r.Address.Port() != 0 {
		return at, nil
	}
	got, err := unix.Getsockname(fd)
	if err != nil {
		return nil, failure(r, "getsockname", err)
	}
	return got, nil
}

func bound(r Request, at unix.Sockaddr, reuse bool) (int, error) {
	domain := unix.AF_INET
	if r.Address.Addr().Is6() {
		domain = unix.AF_INET6
	}
	typ := unix.SOCK_DGRAM
	if r.Kind == TCP {
		typ = unix.SOCK_STREAM
	}
	fd, err := unix.Socket(domain, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, failure(r, "socket", err)
	}
	if err := prepare(r, fd, reuse); err != nil {
		unix.Close(fd)
		return -1, failure(r, "socket", err)
	}
	err = unix.Bind(fd, at)
	if r.Early && errors.Is(err, unix.EADDRNOTAVAIL) {
		level, name := freebind(r)
		if err = unix.SetsockoptInt(fd, level, name, 1); err == nil {
			err = unix.Bind(fd, at)
		}
	}
	if err != nil {
		unix.Close(fd)
		return -1, failure(r, "bind", err)
	}
	return fd, nil
}

// freebind is the option that lets a socket have an address that is not there.
func freebind(r Request) (level, name int) {
	if r.Address.Addr().Is6() {
		return unix.IPPROTO_IPV6, unix.IPV6_FREEBIND
	}
	return unix.IPPROTO_IP, unix.IP_FREEBIND
}

// isEarly tells whether a new socket has an address that was not there.
func isEarly(r Request, f *os.File) bool {
	if !r.Early {
		return false
	}
	early := 0
	if raw, err := f.SyscallConn(); err == nil {
		level, name := freebind(r)
		// An error says that the socket is closed already, and then nothing matters.
		_ = raw.Control(func(fd uintptr) { early, _ = unix.GetsockoptInt(int(fd), level, name) })
	}
	return early != 0
}

// dhcp tells whether datagrams of a kind are worth more than net.core.rmem_max lets wait: a client whose message is lost waits
// for seconds before it asks again, and in a flood those of known clients wait among the others.
func dhcp(k Kind) bool { return k == DHCP4UDP || k == DHCP6UDP }

// prepare sets the options that must stand before bind.
func prepare(r Request, fd int, reuse bool) error {
	is6 := r.Address.Addr().Is6()
	var set []error
	option := func(level, name, value int) { set = append(set, unix.SetsockoptInt(fd, level, name, value)) }
	if reuse {
		option(unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if r.Kind == TCP {
		option(unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	} else if !dhcp(r.Kind) || unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		option(unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	if is6 {
		option(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	// Only a socket of all addresses must be told which of them was asked. To give and take it with each datagram is a
	// twentieth of the cost of a query.
	anyAddress := r.Address.Addr().IsUnspecified()
	switch {
	case r.Kind == UDP && is6:
		if anyAddress {
			option(unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		}
		option(unix.IPPROTO_IPV6, unix.IPV6_MTU, minimumMTU)
	case r.Kind == UDP:
		if anyAddress {
			option(unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}
		// Forged ICMP must not choose how small our answers are cut.
		option(unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT)
	case r.Kind == DHCP6UDP:
		option(unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	case r.Kind == DHCP4UDP:
		option(unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		option(unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
	}
	if r.Interface != "" {
		set = append(set, unix.BindToDevice(fd, r.Interface))
	}
	return errors.Join(set...)
}

func sockaddr(r Request) (unix.Sockaddr, error) {
	addr, port := r.Address.Addr(), int(r.Address.Port())
	if addr.Is4() {
		return &unix.SockaddrInet4{Port: port, Addr: addr.As4()}, nil
	}
	at := &unix.SockaddrInet6{Port: port, Addr: addr.As16()}
	if zone := addr.Zone(); zone != "" {
		link, err := net.InterfaceByName(zone)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", r, err)
		}
		at.ZoneId = uint32(link.Index)
	}
	return at, nil
}

// failure words an error as the operator needs it: what was tried, on what, and the system's reason.
func failure(r Request, call string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fmt.Errorf("%s %v: %w (ports below 1024 and raw sockets need the super user: start bundy as root)", call, r, err)
	}
	return fmt.Errorf("%s %v: %w", call, r, err)
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
