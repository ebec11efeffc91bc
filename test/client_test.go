package test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// client is a DHCPv4 client behind a relay on the suite's loopback address.
type client struct {
	t    *testing.T
	s    *suite
	mac  net.HardwareAddr
	name string
	via  netip.Addr // address of the relay, which selects the subnet
	link netip.Addr // the clients' network, if the relay names it (RFC 3527)
}

func newClient(t *testing.T, s *suite, number byte, name string) *client {
	return &client{t: t, s: s, mac: net.HardwareAddr{2, 0, 0, 0, 9, number}, name: name, via: s.address}
}

// exchange relays a message and waits for the answer to it; nil when there is none within the limit.
func (c *client) exchange(m *dhcpv4.DHCPv4, limit time.Duration) *dhcpv4.DHCPv4 {
	c.t.Helper()
	relay(m, c.via, c.link)
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(c.via, 0)))
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), c.s.dhcp))
	end := time.Now().Add(limit)
	buf := make([]byte, 2048)
	for time.Now().Before(end) {
		if _, err := conn.WriteToUDP(m.ToBytes(), to); err != nil {
			c.t.Fatal(err)
		}
		retry := time.Now().Add(300 * time.Millisecond)
		for {
			conn.SetReadDeadline(retry)
			n, err := conn.Read(buf)
			if err != nil {
				break
			}
			if reply, err := dhcpv4.FromBytes(buf[:n]); err == nil && reply.TransactionID == m.TransactionID && reply.OpCode == dhcpv4.OpcodeBootReply {
				return reply
			}
		}
	}
	return nil
}

// relay makes m a message of a relay that wants its answers at the port it sends from (RFC 8357).
func relay(m *dhcpv4.DHCPv4, address, link netip.Addr) {
	const linkSelection, sourcePort = 5, 19
	m.GatewayIPAddr, m.HopCount = address.AsSlice(), 1
	said := []dhcpv4.Option{dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(sourcePort), nil)}
	if link.IsValid() {
		said = append(said, dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(linkSelection), link.AsSlice()))
	}
	m.UpdateOption(dhcpv4.OptRelayAgentInfo(said...))
}

func (c *client) message(kind dhcpv4.MessageType, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	c.t.Helper()
	mods = append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(c.mac), dhcpv4.WithMessageType(kind)}, mods...)
	if c.name != "" {
		mods = append(mods, dhcpv4.WithOption(dhcpv4.OptHostName(c.name)))
	}
	m, err := dhcpv4.New(mods...)
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

// lease runs the four-way exchange and returns the acknowledged address.
func (c *client) lease() netip.Addr {
	c.t.Helper()
	offer := c.exchange(c.message(dhcpv4.MessageTypeDiscover), busy*10*time.Second)
	if offer == nil || offer.MessageType() != dhcpv4.MessageTypeOffer {
		c.t.Fatalf("%s got no offer: %v", c.name, offer)
	}
	ack := c.exchange(c.message(dhcpv4.MessageTypeRequest,
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(offer.YourIPAddr)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(offer.ServerIdentifier()))), busy*10*time.Second)
	if ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck {
		c.t.Fatalf("%s got no acknowledgement: %v", c.name, ack)
	}
	a, _ := netip.AddrFromSlice(ack.YourIPAddr.To4())
	return a
}

// renew asks for the lease again and returns what the server answers.
func (c *client) renew(a netip.Addr) *dhcpv4.DHCPv4 {
	c.t.Helper()
	m := c.message(dhcpv4.MessageTypeRequest)
	m.ClientIPAddr = a.AsSlice()
	return c.exchange(m, busy*10*time.Second)
}

// release gives the lease back. There is no answer to it.
func (c *client) release(a netip.Addr) {
	c.t.Helper()
	m := c.message(dhcpv4.MessageTypeRelease, dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(127, 0, 0, 1))))
	m.ClientIPAddr = a.AsSlice()
	c.tell(m)
}

// decline says that somebody else uses the address. There is no answer to it.
func (c *client) decline(a netip.Addr) {
	c.t.Helper()
	c.tell(c.message(dhcpv4.MessageTypeDecline, dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(127, 0, 0, 1))),
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(a.AsSlice()))))
}

// tell relays a message that has no answer.
func (c *client) tell(m *dhcpv4.DHCPv4) {
	c.t.Helper()
	relay(m, c.via, c.link)
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), c.s.dhcp)))
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(m.ToBytes()); err != nil {
		c.t.Fatal(err)
	}
}
