package server_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bundy/internal/dns/server"
)

// echo answers each message with itself, QR set; on request after Handle returned.
type echo struct{ later bool }

func (e echo) Handle(r *server.Request, out []byte) []byte {
	reply := append(out, r.Message...)
	reply[2] |= 0x80
	if e.later {
		kept, send := bytes.Clone(reply), r.Later()
		go func() { send(kept); send(kept) }()
		return nil
	}
	return reply
}

// fixture is a server on the wildcard or a given address of loopback.
type fixture struct {
	server  *server.Server
	udp     uint16 // ports
	port    int
	timeout atomic.Int64
	idle    atomic.Int64
}

// Limits of connections in the tests.
const (
	maxConnections = 300
	maxPerClient   = 256
)

func start(t *testing.T, host string, h func() server.Handler) *fixture {
	t.Helper()
	f := &fixture{}
	f.timeout.Store(int64(time.Minute))
	f.server = server.New(h, func() server.Limits {
		return server.Limits{Receive: time.Duration(f.timeout.Load()), Idle: time.Duration(f.idle.Load()), Connections: maxConnections, PerClient: maxPerClient}
	})
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skipf("cannot listen on %s: %v", host, err)
	}
	tcp, err := l.(*net.TCPListener).File()
	l.Close()
	if err != nil {
		t.Fatal(err)
	}
	udp, port := udpSocket(t, host)
	f.udp = port
	e, err := f.server.Endpoint([]*os.File{udp}, tcp)
	if err != nil {
		t.Fatal(err)
	}
	e.Serve()
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		f.server.Close()
		select {
		case err := <-f.server.Failed():
			t.Error(err)
		default:
		}
	})
	f.port = l.Addr().(*net.TCPAddr).Port
	return f
}

// udpSocket makes a socket as package sockets does, and gives its port.
func udpSocket(t *testing.T, host string) (*os.File, uint16) {
	t.Helper()
	a := netip.MustParseAddr(host)
	family := unix.AF_INET
	var sa unix.Sockaddr = &unix.SockaddrInet4{}
	if a.Is6() {
		family, sa = unix.AF_INET6, &unix.SockaddrInet6{Addr: a.As16()}
	} else {
		sa.(*unix.SockaddrInet4).Addr = a.As4()
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if a.Is6() {
		err = errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1),
			unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1))
	} else {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	if err = errors.Join(err, unix.Bind(fd, sa)); err != nil {
		t.Fatal(err)
	}
	got, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := 0
	switch got := got.(type) {
	case *unix.SockaddrInet4:
		port = got.Port
	case *unix.SockaddrInet6:
		port = got.Port
	}
	return os.NewFile(uintptr(fd), "udp"), uint16(port)
}

func message(id uint16, size int) []byte {
	m := make([]byte, size)
	binary.BigEndian.PutUint16(m, id)
	return m
}

func exchange(t *testing.T, conn net.Conn, msg []byte) []byte {
	t.Helper()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write(msg); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65535)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

func TestDatagrams(t *testing.T) {
	for _, c := range []struct {
		host, client string
		later        bool
	}{{"127.0.0.1", "127.0.0.1", false}, {"0.0.0.0", "127.0.0.3", false}, {"0.0.0.0", "127.0.0.3", true}, {"::", "::1", false}, {"::", "::1", true}} {
		t.Run(c.host, func(t *testing.T) {
			f := start(t, c.host, func() server.Handler { return echo{c.later} })
			// A connected socket hears only what comes from the address that it asked.
			conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.client), f.udp)))
			if err != nil {
				t.Skipf("no way to %s: %v", c.client, err)
			}
			defer conn.Close()
			response := message(1, 12)
			response[2] = 0x80
			conn.Write(response)
			conn.Write([]byte("short"))
			conn.Write(make([]byte, server.MaxUDP+1))
			got := exchange(t, conn, message(7, 300))
			if len(got) != 300 || got[1] != 7 || got[2] != 0x80 {
				t.Errorf("got %d octets: %x", len(got), got[:12])
			}
			if n := f.server.Counters().NotRequest.Load(); n != 2 {
				t.Errorf("%d messages counted as no request, want 2", n)
			}
			if n := f.server.Counters().Oversize.Load(); n != 1 {
				t.Errorf("%d datagrams counted as too long, want 1", n)
			}
		})
	}
}

func (f *fixture) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: f.port})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	t.Cleanup(func() { conn.Close() })
	return conn
}

func framed(msg []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
}

func readFramed(t *testing.T, r io.Reader) []byte {
	t.Helper()
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		t.Fatal(err)
	}
	msg := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(r, msg); err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestStreams(t *testing.T) {
	for _, later := range []bool{false, true} {
		f := start(t, "127.0.0.1", func() server.Handler { return echo{later} })
		conn := f.dial(t)
		var all []byte
		for id := range uint16(20) {
			all = append(all, framed(message(id, 100+1000*int(id)))...)
		}
		all = append(all, framed(message(99, 65535))...)
		go func() {
			for len(all) > 0 { // in pieces that cut through lengths and messages
				n := min(len(all), 777)
				conn.Write(all[:n])
				all = all[n:]
			}
		}()
		for id := range uint16(20) {
			if got := readFramed(t, conn); binary.BigEndian.Uint16(got) != id || len(got) != 100+1000*int(id) {
				t.Fatalf("reply %d: id %d, %d octets", id, binary.BigEndian.Uint16(got), len(got))
			}
		}
		if got := readFramed(t, conn); len(got) != 65535 {
			t.Errorf("got %d octets", len(got))
		}
	}
}

func TestReplyIsNotKeptBack(t *testing.T) {
	f := start(t, "127.0.0.1", func() server.Handler { return echo{} })
	conn := f.dial(t)
	conn.Write(append(framed(message(1, 40)), 0, 40, 1, 2, 3)) // one message and a part of the next
	if got := readFramed(t, conn); len(got) != 40 {
		t.Errorf("got %d octets", len(got))
	}
}

type panicking struct{}

func (panicking) Handle(*server.Request, []byte) []byte { panic("a handler's mistake") }

func TestPanicEndsTheServer(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		s := server.New(func() server.Handler { return panicking{} }, func() server.Limits {
			return server.Limits{Receive: time.Minute, Connections: 1, PerClient: 1}
		})
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := l.(*net.TCPListener).File()
		l.Close()
		if err != nil {
			t.Fatal(err)
		}
		udp, port := udpSocket(t, "127.0.0.1")
		e, err := s.Endpoint([]*os.File{udp}, tcp)
		if err != nil {
			t.Fatal(err)
		}
		e.Serve()
		if network == "tcp" {
			port = uint16(l.Addr().(*net.TCPAddr).Port)
		}
		conn, err := net.Dial(network, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port).String())
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(map[string][]byte{"udp": message(1, 12), "tcp": framed(message(1, 12))}[network])
		if err := <-s.Failed(); err == nil {
			t.Error("no reason")
		}
		conn.Close()
		e.Close()
		s.Close()
	}
}

func TestStreamTimeout(t *testing.T) {
	f := start(t, "127.0.0.1", func() server.Handler { return echo{} })
	f.timeout.Store(int64(20 * time.Millisecond))
	conn := f.dial(t)
	conn.Write([]byte{0, 50, 1}) // and no more
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a slow client got %v, want the end", err)
	}
	if n := f.server.Counters().TimedOut.Load(); n != 1 {
		t.Errorf("%d time-outs counted, want 1", n)
	}
}

func TestStreamGarbage(t *testing.T) {
	f := start(t, "127.0.0.1", func() server.Handler { return echo{} })
	for _, bad := range [][]byte{framed(nil), framed([]byte("x")), framed([]byte("\x00\x00\x80aaaaaaaaa")), []byte("GET / HTTP/1.1\r\n\r\n" + string(make([]byte, 70000)))} {
		conn := f.dial(t)
		go conn.Write(bad)
		if n, err := conn.Read(make([]byte, 1)); n > 0 && err == nil && bad[0] != 'G' {
			t.Errorf("%.20q was answered", bad)
		}
	}
}

func TestConnectionCap(t *testing.T) {
	f := start(t, "127.0.0.1", func() server.Handler { return echo{} })
	var conns []net.Conn
	for range 257 {
		conns = append(conns, f.dial(t))
	}
	// The first ones work, and one of all was refused.
	conns[0].Write(framed(message(1, 12)))
	readFramed(t, conns[0])
	last := conns[256]
	if _, err := last.Read(make([]byte, 1)); err == nil {
		t.Error("a connection beyond the cap was served")
	}
	if n := f.server.Counters().Refused.Load(); n != 1 {
		t.Errorf("%d refusals counted, want 1", n)
	}
}

// Slow clients that take all connections leave datagrams alone.
func TestFullOfSlowClients(t *testing.T) {
	f := start(t, "127.0.0.1", func() server.Handler { return echo{} })
	for i := range maxConnections {
		local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%2))}
		conn, err := net.DialTCP("tcp", local, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: f.port})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.Write(framed(message(1, 60000))[:20]) // and no more
	}
	conn := f.dial(t)
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a connection beyond the limit was served")
	}
	if n := f.server.Counters().Refused.Load(); n != 1 { // else it was only ended as one that says nothing
		t.Errorf("%d refusals counted, want 1", n)
	}
	datagrams, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), f.udp)))
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	for id := range byte(100) {
		if got := exchange(t, datagrams, message(uint16(id), 40)); len(got) != 40 || got[1] != id {
			t.Fatalf("datagram %d: got %d octets", id, len(got))
		}
	}
}
