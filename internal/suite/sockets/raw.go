package sockets

import (
	"fmt"
	"net"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// openRaw makes a packet socket. It is made with protocol 0, for which the kernel delivers nothing, and gets its
// protocol by bind when the filter is in place: so no frame ever passes unfiltered.
func openRaw(r Request) (int, error) {
	link, err := net.InterfaceByName(r.Interface)
	if err != nil {
		return -1, fmt.Errorf("%v: %w", r, err)
	}
	filter, err := udpFilter(r.Address.Port())
	if err != nil {
		return -1, fmt.Errorf("%v: %w", r, err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, failure(r, "socket", err)
	}
	err = attach(fd, filter)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	if err != nil {
		unix.Close(fd)
		return -1, failure(r, "socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_IP), Ifindex: link.Index}); err != nil {
		unix.Close(fd)
		return -1, failure(r, "bind", err)
	}
	return fd, nil
}

// attach filters what a socket receives, for good: the process that gets the socket may be a compromised one, and must
// not take the filter off.
func attach(fd int, filter []bpf.RawInstruction) error {
	program := make([]unix.SockFilter, len(filter))
	for i, op := range filter {
		program[i] = unix.SockFilter{Code: op.Op, Jt: op.Jt, Jf: op.Jf, K: op.K}
	}
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	if err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_LOCK_FILTER, 1)
}

// openICMP makes a raw socket of ICMP. What arrives before the filter is in place is thrown away.
func openICMP(r Request) (int, error) {
	const echoReply, whole = 0, 1 << 16
	filter, err := bpf.Assemble([]bpf.Instruction{ // the packet begins with the IP header
		bpf.LoadMemShift{Off: 0},
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: echoReply, SkipFalse: 1},
		bpf.RetConstant{Val: whole},
		bpf.RetConstant{Val: 0},
	})
	if err != nil {
		return -1, fmt.Errorf("%v: %w", r, err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		return -1, failure(r, "socket", err)
	}
	if err := attach(fd, filter); err != nil {
		unix.Close(fd)
		return -1, failure(r, "socket", err)
	}
	for waste := make([]byte, 1); ; {
		if _, _, err := unix.Recvfrom(fd, waste, 0); err != nil {
			return fd, nil
		}
	}
}

// udpFilter passes unfragmented IPv4 datagrams of UDP to one destination port, in frames of Ethernet.
func udpFilter(port uint16) ([]bpf.RawInstruction, error) {
	const (
		etherType   = 12
		network     = 14
		fragment    = network + 6
		protocol    = network + 9
		destination = network + 2 // behind the IP header, whose length is in X
	)
	return bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: etherType, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_IP, SkipTrue: 8},
		bpf.LoadAbsolute{Off: protocol, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: 6},
		bpf.LoadAbsolute{Off: fragment, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x3fff, SkipTrue: 4}, // more fragments, or an offset
		bpf.LoadMemShift{Off: network},
		bpf.LoadIndirect{Off: destination, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(port), SkipTrue: 1},
		bpf.RetConstant{Val: 0xffff},
		bpf.RetConstant{Val: 0},
	})
}

func networkOrder(n uint16) uint16 { return n<<8 | n>>8 }
