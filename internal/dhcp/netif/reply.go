package netif

import (
	"net/netip"

	"bundy/internal/dhcp/packet4"
)

// Ports are the UDP ports of servers and relays (67) and of clients (68).
type Ports struct{ Server, Client uint16 }

// standardServer is the port of servers (RFC 2131 section 4.1).
const standardServer = 67

// relayPort is the sub-option by which a relay asks for replies to the port it sent from (RFC 8357 section 5.1).
const relayPort = 19

// Destination is where a reply goes. With HWAddr it goes in a frame to that hardware address, without ARP.
type Destination struct {
	To     netip.AddrPort
	HWAddr string
	Bound  bool // the client has the address already: without a frame it is reached by ARP, else by broadcast
}

// Broadcast is the destination of all clients on the link.
func (p Ports) Broadcast() Destination {
	return Destination{To: netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), p.Client)}
}

// ReplyTo tells where the reply to a request goes (RFC 2131 section 4.1): to the relay; to the address that the client
// has; a NAK to everybody on the link; to everybody too when the client asks for it; else to the address it is being
// given, by its hardware address. A client that has an address is reached by its hardware address too, as it was when it
// got it, if it shares a wire with the server, which the caller has to tell: then nothing waits for ARP, which anybody
// could keep busy by asking in the name of clients that are not there. source is where the request came from. A server on a port of its own, as when the suite runs
// unprivileged, cannot expect relays to listen on that port: it answers them at the port they sent from.
func (p Ports) ReplyTo(request, reply *packet4.Message, source netip.AddrPort) Destination {
	if request.Relayed() {
		port := p.Server
		_, asked := request.SubOption(relayPort)
		if (asked || p.Server != standardServer) && source.Port() != 0 {
			port = source.Port()
		}
		return Destination{To: netip.AddrPortFrom(request.GIAddr, port)}
	}
	if reply.Type() == packet4.NAK {
		return p.Broadcast()
	}
	const ethernet, size = 1, 6
	hw := ""
	if request.Flags&packet4.FlagBroadcast == 0 && request.HType == ethernet && len(request.CHAddr) == size {
		hw = string(request.CHAddr)
	}
	if !request.CIAddr.IsUnspecified() {
		return Destination{To: netip.AddrPortFrom(request.CIAddr, p.Client), HWAddr: hw, Bound: true}
	}
	if request.Type() == packet4.Inform && source.Addr().Is4() && !source.Addr().IsUnspecified() {
		return Destination{To: netip.AddrPortFrom(source.Addr(), p.Client), HWAddr: hw, Bound: true}
	}
	if hw == "" || reply.YIAddr.IsUnspecified() {
		return p.Broadcast()
	}
	return Destination{To: netip.AddrPortFrom(reply.YIAddr, p.Client), HWAddr: hw}
}
