package netif

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"

	"golang.org/x/net/ipv4"

	"bundy/internal/dhcp/packet4"
)

func TestFrame(t *testing.T) {
	from, to := netip.MustParseAddrPort("192.0.2.1:67"), netip.MustParseAddrPort("192.0.2.10:68")
	for _, payload := range []string{"", "a", "hello world", string(make([]byte, 301))} {
		f := appendFrame(nil, "\x02\x00\x00\x00\x00\x01", "\x02\x00\x00\x00\x00\x02", from, to, []byte(payload))
		if string(f[:14]) != "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00" {
			t.Errorf("Ethernet header %x", f[:14])
		}
		h, err := ipv4.ParseHeader(f[14:])
		if err != nil {
			t.Fatal(err)
		}
		if h.TotalLen != len(f)-14 || h.Protocol != 17 || h.Src.String() != "192.0.2.1" || h.Dst.String() != "192.0.2.10" {
			t.Errorf("IP header %v", h)
		}
		// A receiver adds everything, checksums included, and gets all ones (RFC 1071).
		if got := fold(sum(0, f[14:34])); got != 0xffff {
			t.Errorf("IP checksum is wrong by %04x", got)
		}
		pseudo := append(slices.Clone(f[26:34]), 0, 17, byte((len(f)-34)>>8), byte(len(f)-34))
		if got := fold(sum(sum(0, pseudo), f[34:])); got != 0xffff {
			t.Errorf("UDP checksum is wrong by %04x", got)
		}
		if string(f[42:]) != payload {
			t.Errorf("payload %q", f[42:])
		}
	}
}

func TestReplyTo(t *testing.T) {
	ports := Ports{Server: 67, Client: 68}
	zero := netip.IPv4Unspecified()
	source := netip.MustParseAddrPort("192.0.2.77:1234")
	a := netip.MustParseAddr
	for _, c := range []struct {
		name    string
		request func(*packet4.Message)
		kind    packet4.Type
		want    string
		frame   bool
	}{
		{"by hardware address", func(m *packet4.Message) {}, packet4.Offer, "192.0.2.10:68", true},
		{"broadcast flag", func(m *packet4.Message) { m.Flags = packet4.FlagBroadcast }, packet4.Offer, "255.255.255.255:68", false},
		{"not Ethernet", func(m *packet4.Message) { m.HType = 32 }, packet4.Offer, "255.255.255.255:68", false},
		{"NAK", func(m *packet4.Message) { m.CIAddr = a("192.0.2.9") }, packet4.NAK, "255.255.255.255:68", false},
		{"renewing", func(m *packet4.Message) { m.CIAddr = a("192.0.2.9") }, packet4.ACK, "192.0.2.9:68", true},
		{"renewing with broadcast flag", func(m *packet4.Message) {
			m.CIAddr, m.Flags = a("192.0.2.9"), packet4.FlagBroadcast
		}, packet4.ACK, "192.0.2.9:68", false},
		{"renewing, not Ethernet", func(m *packet4.Message) { m.CIAddr, m.HType = a("192.0.2.9"), 32 }, packet4.ACK, "192.0.2.9:68", false},
		{"relayed", func(m *packet4.Message) { m.GIAddr, m.CIAddr = a("10.0.0.1"), a("192.0.2.9") }, packet4.ACK, "10.0.0.1:67", false},
		{"relayed NAK", func(m *packet4.Message) { m.GIAddr = a("10.0.0.1") }, packet4.NAK, "10.0.0.1:67", false},
		{"relay's own port", func(m *packet4.Message) {
			m.GIAddr = a("10.0.0.1")
			m.Set(packet4.OptRelayAgent, []byte{19, 0})
		}, packet4.ACK, "10.0.0.1:1234", false},
		{"inform without ciaddr", func(m *packet4.Message) { m.SetType(packet4.Inform) }, packet4.ACK, "192.0.2.77:68", true},
	} {
		request := packet4.Message{HType: 1, CHAddr: []byte{2, 0, 0, 0, 0, 1}, CIAddr: zero, GIAddr: zero}
		request.SetType(packet4.Request)
		c.request(&request)
		reply := packet4.Message{YIAddr: a("192.0.2.10")}
		reply.SetType(c.kind)
		if got := (Ports{Server: 6700, Client: 68}).ReplyTo(&request, &reply, source); request.Relayed() && got.To.Port() != source.Port() {
			t.Errorf("%s, server on port 6700: %+v", c.name, got)
		}
		got := ports.ReplyTo(&request, &reply, source)
		if got.To.String() != c.want || (got.HWAddr != "") != c.frame {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestChoose(t *testing.T) {
	address := []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	all := []Interface{
		{Name: "lo", Up: true, Loopback: true, Addrs: address},
		{Name: "eth0", Up: true, Addrs: address},
		{Name: "eth1", Addrs: address},
		{Name: "eth2", Up: true},
		{Name: "eth3", Up: true, Addrs: address},
	}
	for _, c := range []struct{ names, want, unserved []string }{
		{[]string{"*"}, []string{"eth0", "eth3"}, nil},
		{[]string{"eth3", "eth1", "eth2"}, []string{"eth3"}, []string{"eth1: the interface is down", "eth2: the interface has no IPv4 address"}},
		{[]string{"lo"}, []string{"lo"}, nil},
		{[]string{"lo", "*"}, []string{"lo", "eth0", "eth3"}, nil},
		{[]string{"eth0/192.0.2.1", "eth9"}, []string{"eth0"}, []string{"eth9: there is no such interface"}},
		{[]string{"eth0/192.0.2.2", "*"}, []string{"eth3"}, []string{"eth0/192.0.2.2: the interface does not have this address"}},
		{nil, nil, nil},
	} {
		var choices []Choice
		for _, name := range c.names {
			choice, err := ParseChoice(name)
			if err != nil {
				t.Fatal(err)
			}
			choices = append(choices, choice)
		}
		var got, not []string
		chosen, unserved := Choose(all, choices)
		for _, i := range chosen {
			got = append(got, i.Name)
		}
		for _, u := range unserved {
			not = append(not, u.Entry+": "+u.Reason)
		}
		if !slices.Equal(got, c.want) || !slices.Equal(not, c.unserved) {
			t.Errorf("%v: %v, not %v", c.names, got, not)
		}
	}
	two := []Interface{{Name: "eth0", Up: true, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}}}
	if got, _ := Choose(two, []Choice{{"eth0", two[0].Addrs[1]}}); len(got) != 1 || !slices.Equal(got[0].Addrs, two[0].Addrs[1:]) {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"", "/192.0.2.1", "eth0/", "eth0/x", "*/192.0.2.1", "a b"} {
		if _, err := ParseChoice(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// TestWatch: the first token comes when it listens, and it ends with its context.
func TestWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	changed, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		Watch(ctx, changed)
		close(ended)
	}()
	<-changed
	cancel()
	<-ended
}

func TestDetect(t *testing.T) {
	all, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(i Interface) bool { return i.Loopback })
	if i < 0 || !all[i].Has(netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("no loopback interface among %+v", all)
	}
}

// loopback opens sockets on any free port of 127.0.0.1.
type loopback struct {
	t    *testing.T
	port chan uint16
	drop chan string
}

func (o loopback) UDP(context.Context, string, uint16) (*os.File, error) {
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := ipv4.NewPacketConn(c).SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface, true); err != nil {
		return nil, err
	}
	o.port <- c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	return c.File()
}

func (o loopback) Raw(context.Context, string) (*os.File, error) { return nil, os.ErrPermission }
func (o loopback) Drop(name string, _ uint16)                    { o.drop <- name }

func TestLinks(t *testing.T) {
	all, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	o := loopback{t, make(chan uint16, 1), make(chan string, 1)}
	got := make(chan string, 1)
	outbox := NewOutbox(func(tag uint8, to netip.AddrPort, err error) { got <- fmt.Sprintf("tag %d to %s: %v", tag, to, err) })
	packets := make(chan Packet, 1)
	links := NewLinks(o, func(batch []Packet) {
		for _, p := range batch {
			p.Link.Add(outbox, 7, []byte("pong"), p.Destination, Destination{To: p.Source})
			p.Data = slices.Clone(p.Data)
			packets <- p
		}
		outbox.Flush()
	})
	defer links.Close()
	wanted, _ := Choose(all, []Choice{{Name: "lo"}})
	c := links.Update(t.Context(), wanted, Ports{Server: 67, Client: 68})
	if !slices.Equal(c.Opened, []string{"lo"}) || len(c.Failed) > 0 {
		t.Fatalf("changes %+v", c)
	}
	if c := links.Update(t.Context(), wanted, Ports{Server: 67, Client: 68}); c.Opened != nil || c.Closed != nil {
		t.Errorf("changes %+v without a change", c)
	}
	client, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), <-o.port)))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	p := <-packets
	source := client.LocalAddr().(*net.UDPAddr).AddrPort()
	if string(p.Data) != "ping" || p.Destination != netip.MustParseAddr("127.0.0.1") || p.Source != source || p.Link.Name != "lo" {
		t.Errorf("packet %+v", p)
	}
	var b [16]byte
	if n, err := client.Read(b[:]); err != nil || string(b[:n]) != "pong" {
		t.Errorf("answer %q %v", b[:n], err)
	}
	if report, want := <-got, fmt.Sprintf("tag 7 to %s: <nil>", source); report != want {
		t.Errorf("report %q instead of %q", report, want)
	}
	if err := p.Link.Send([]byte("again"), p.Destination, Destination{To: p.Source}); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Read(b[:]); err != nil || string(b[:n]) != "again" {
		t.Errorf("answer %q %v", b[:n], err)
	}
	if c := links.Update(t.Context(), nil, Ports{}); !slices.Equal(c.Closed, []string{"lo"}) || <-o.drop != "lo" {
		t.Errorf("changes %+v", c)
	}
}

// TestNewcomersWaitOutside: when more comes than can be served, those who look for a server are dropped and renewals are
// not. A burst is served whole.
func TestNewcomersWaitOutside(t *testing.T) {
	served := map[packet4.Type]int{}
	links := NewLinks(nil, func(batch []Packet) {
		for _, p := range batch {
			served[packet4.Peek(p.Data)]++
		}
	})
	zero := netip.IPv4Unspecified()
	for i := range inboxSize {
		m := packet4.Message{Op: packet4.BootRequest, CIAddr: zero, YIAddr: zero, SIAddr: zero, GIAddr: zero}
		m.SetType([]packet4.Type{packet4.Discover, packet4.Request}[i%2])
		b, _ := m.Append(nil, 1472)
		copy(links.intake.inbox.data[i*MaxPacket:], b)
		links.intake.inbox.headers[i].length = uint32(len(b))
	}
	for _, crowded := range []bool{false, true} {
		clear(served)
		links.received(&Link{}, inboxSize, crowded)
		want := inboxSize / 2
		if crowded {
			want = maxNewcomers
		}
		if served[packet4.Discover] != want || served[packet4.Request] != inboxSize/2 {
			t.Errorf("crowded %v: served %v", crowded, served)
		}
	}
	if lost := links.Lost(); lost != inboxSize/2-maxNewcomers {
		t.Errorf("%d lost", lost)
	}
}
