package sockets

import (
	"context"
	"net/netip"
	"os"
)

// Kind says how a socket is made.
type Kind string

const (
	UDP      Kind = "udp"      // datagrams, with packet information; Copies sockets share the port by SO_REUSEPORT
	TCP      Kind = "tcp"      // a listening stream socket
	DHCP4UDP Kind = "dhcp4udp" // 0.0.0.0:port bound to Interface (if given), SO_BROADCAST and IP_PKTINFO set
	DHCP6UDP Kind = "dhcp6udp" // [::]:port bound to Interface, IPV6_RECVPKTINFO set; the owner joins groups
	ICMP4    Kind = "icmp4"    // raw socket of ICMP that sends what it is given and receives answers to pings alone
	DHCP4Raw Kind = "dhcp4raw" // AF_PACKET, SOCK_RAW, ETH_P_IP on Interface, filtered to UDP destination Address.Port()
)

// Request names a socket. Requests that are equal but for Early name the same socket.
type Request struct {
	Kind      Kind           `json:"kind"`
	Address   netip.AddrPort `json:"address"`
	Interface string         `json:"interface,omitempty"`
	Copies    int            `json:"copies,omitempty"` // number of sockets, at least 1; more than one only for UDP
	Early     bool           `json:"early,omitempty"`  // UDP, TCP: bind an address that the machine does not have yet, too
}

// Source gives sockets.
type Source interface {
	// Get binds the socket or finds it still open, and returns its descriptors (Copies of them), non-blocking and
	// owned by the caller. The error names the kind, the address and the operating system's reason.
	Get(ctx context.Context, r Request) ([]*os.File, error)

	// Drop tells the keeper that the socket is not wanted any more; the keeper closes its own descriptor. Sockets
	// that are not dropped stay open until the parent ends or the component is removed from the configuration.
	Drop(r Request)
}
