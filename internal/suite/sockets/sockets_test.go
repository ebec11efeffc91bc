package sockets

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"bundy/internal/suite/logging"
)

// sources runs a test against the keeper itself and against one asked over a connection.
func sources(t *testing.T, test func(t *testing.T, k *Keeper, source func(owner string) Source)) {
	t.Run("local", func(t *testing.T) {
		k := NewKeeper(nil)
		defer k.Close()
		test(t, k, k.For)
	})
	t.Run("remote", func(t *testing.T) {
		k := NewKeeper(nil)
		defer k.Close()
		parent, child, err := Pair()
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- k.Serve(parent) }()
		m, err := NewRemote(child)
		if err != nil {
			t.Fatal(err)
		}
		test(t, k, m.For)
		m.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if _, err := m.For("x").Get(t.Context(), Request{Kind: UDP, Address: loopback(0)}); err == nil {
			t.Error("socket from a parent that is gone")
		}
	})
}

func loopback(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

func get(t *testing.T, s Source, r Request) []*os.File {
	t.Helper()
	files, err := s.Get(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, f := range files {
			f.Close()
		}
	})
	return files
}

func packet(t *testing.T, f *os.File) net.PacketConn {
	t.Helper()
	pc, err := net.FilePacketConn(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	return pc
}

// A datagram that arrives while nobody serves the socket is there for the one who gets it next.
func TestSocketSurvivesItsServer(t *testing.T) {
	sources(t, func(t *testing.T, _ *Keeper, source func(string) Source) {
		auth, r := source("bundy-auth"), Request{Kind: UDP, Address: loopback(0)}
		first := get(t, auth, r)
		pc := packet(t, first[0])
		to := pc.LocalAddr()
		pc.Close()
		first[0].Close()
		client, err := net.Dial("udp", to.String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if _, err := client.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 10)
		n, _, err := packet(t, get(t, auth, r)[0]).ReadFrom(buf)
		if err != nil || string(buf[:n]) != "hello" {
			t.Errorf("got %q %v", buf[:n], err)
		}
		taken := Request{Kind: UDP, Address: netip.AddrPortFrom(loopback(0).Addr(), localPort(t, get(t, auth, r)[0]))}
		get(t, auth, taken)
		if _, err := source("bundy-ddns").Get(t.Context(), taken); err == nil || !strings.Contains(err.Error(), "bundy-auth") {
			t.Errorf("socket of another component: %v", err)
		}
	})
}

func TestCopiesShareThePort(t *testing.T) {
	sources(t, func(t *testing.T, _ *Keeper, source func(string) Source) {
		for _, addr := range []netip.AddrPort{loopback(0), netip.AddrPortFrom(netip.IPv6Loopback(), 0)} {
			files := get(t, source("a"), Request{Kind: UDP, Address: addr, Copies: 3})
			if len(files) != 3 {
				t.Fatalf("%d copies", len(files))
			}
			at := packet(t, files[0]).LocalAddr().String()
			for _, f := range files[1:] {
				if got := packet(t, f).LocalAddr().String(); got != at {
					t.Errorf("%s beside %s", got, at)
				}
			}
			// More copies beside the old ones, as a changed configuration asks before it drops them.
			port := netip.MustParseAddrPort(at)
			get(t, source("a"), Request{Kind: UDP, Address: port, Copies: 2})
			get(t, source("a"), Request{Kind: UDP, Address: port, Copies: 4})
		}
	})
}

func TestPortInUse(t *testing.T) {
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	stream, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	k := NewKeeper(nil)
	defer k.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no second try
	for _, r := range []Request{
		{Kind: UDP, Address: netip.MustParseAddrPort(taken.LocalAddr().String())},
		{Kind: UDP, Copies: 2, Address: netip.MustParseAddrPort(taken.LocalAddr().String())},
		{Kind: TCP, Address: netip.MustParseAddrPort(stream.Addr().String())},
	} {
		_, err := k.For("a").Get(ctx, r)
		if !errors.Is(err, unix.EADDRINUSE) || !strings.HasPrefix(err.Error(), "bind "+string(r.Kind)+" "+r.Address.String()) {
			t.Errorf("%v: %v", r, err)
		}
	}
	// Another suite of the same user, with the same socket options, is refused as well.
	other := NewKeeper(nil)
	defer other.Close()
	at := packet(t, get(t, other.For("a"), Request{Kind: UDP, Address: loopback(0)})[0]).LocalAddr()
	if _, err := k.For("a").Get(ctx, Request{Kind: UDP, Address: netip.MustParseAddrPort(at.String())}); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("port of another suite: %v", err)
	}
}

// A port that becomes free within a second is waited for.
func TestPortOfDyingProcess(t *testing.T) {
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := NewKeeper(nil)
	defer k.Close()
	got := make(chan error)
	go func() {
		_, err := k.For("a").Get(t.Context(), Request{Kind: UDP, Address: netip.MustParseAddrPort(taken.LocalAddr().String())})
		got <- err
	}()
	taken.Close()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

// freePort gives a port that was free on all addresses just now. It lies below those that the system gives to clients,
// whose connections, even ended ones, would be in the way of 0.0.0.0.
func freePort(t *testing.T, kind Kind) uint16 {
	t.Helper()
	k := NewKeeper(nil)
	defer k.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no second try
	for range 50 {
		port := uint16(10000 + rand.IntN(22000))
		files, err := k.For("a").Get(ctx, Request{Kind: kind, Address: netip.AddrPortFrom(netip.IPv4Unspecified(), port)})
		if err == nil {
			files[0].Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// A commit narrows or widens an address while the sockets of the old configuration are still open.
func TestAddressChange(t *testing.T) {
	for _, kind := range []Kind{UDP, TCP} {
		k := NewKeeper(nil)
		defer k.Close()
		source := k.For("a")
		port := freePort(t, kind)
		get(t, source, Request{Kind: kind, Address: loopback(port)})
		wide := Request{Kind: kind, Address: netip.AddrPortFrom(netip.IPv4Unspecified(), port)}
		get(t, source, Request{Kind: kind, Address: loopback(port), Copies: 1})
		get(t, source, wide)
		source.Drop(wide)
		if _, held := k.held[keyOf("a", wide)]; held {
			t.Errorf("%v was dropped and is held", wide)
		}
	}
}

func localPort(t *testing.T, f *os.File) uint16 {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var at unix.Sockaddr
	if err := raw.Control(func(fd uintptr) { at, err = unix.Getsockname(int(fd)) }); err != nil {
		t.Fatal(err)
	}
	return uint16(at.(*unix.SockaddrInet4).Port)
}

func TestRelease(t *testing.T) {
	sources(t, func(t *testing.T, k *Keeper, source func(string) Source) {
		get(t, source("a"), Request{Kind: UDP, Address: loopback(0)})
		get(t, source("b"), Request{Kind: TCP, Address: loopback(0)})
		k.Release("a")
		if len(k.held) != 1 {
			t.Errorf("%d sockets left, want 1", len(k.held))
		}
	})
}

func TestBadRequests(t *testing.T) {
	sources(t, func(t *testing.T, _ *Keeper, source func(string) Source) {
		for _, r := range []Request{
			{}, {Kind: "sctp", Address: loopback(0)}, {Kind: UDP}, {Kind: TCP, Address: loopback(0), Copies: 2},
			{Kind: UDP, Address: loopback(0), Copies: maxCopies + 1}, {Kind: DHCP4Raw, Address: loopback(67)},
			{Kind: DHCP4UDP, Address: loopback(67), Interface: "nosuchinterface"},
			{Kind: DHCP4Raw, Address: loopback(67), Interface: "nosuchinterface"},
		} {
			if _, err := source("a").Get(t.Context(), r); err == nil {
				t.Errorf("%+v was made", r)
			}
		}
	})
}

func TestDHCPSockets(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("raw sockets need root")
	}
	sources(t, func(t *testing.T, _ *Keeper, source func(string) Source) {
		for _, kind := range []Kind{DHCP4UDP, DHCP4Raw, ICMP4} {
			if got := get(t, source("bundy-dhcp4"), Request{Kind: kind, Address: loopback(0), Interface: "lo"}); len(got) != 1 {
				t.Errorf("%s: %d sockets", kind, len(got))
			}
		}
	})
}

func TestUDPFilter(t *testing.T) {
	raw, err := udpFilter(67)
	if err != nil {
		t.Fatal(err)
	}
	program := make([]bpf.Instruction, len(raw))
	for i := range raw {
		program[i] = raw[i].Disassemble()
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	frame := func(change func(f []byte)) []byte {
		f := make([]byte, 14+24+8) // an IP header with one word of options
		f[12], f[13], f[14], f[23], f[14+24+3] = 8, 0, 0x46, 17, 67
		change(f)
		return f
	}
	for name, test := range map[string]struct {
		frame []byte
		pass  bool
	}{
		"DHCP":           {frame(func([]byte) {}), true},
		"don't fragment": {frame(func(f []byte) { f[20] = 0x40 }), true},
		"other port":     {frame(func(f []byte) { f[14+24+3] = 68 }), false},
		"TCP":            {frame(func(f []byte) { f[23] = 6 }), false},
		"IPv6":           {frame(func(f []byte) { f[12], f[13] = 0x86, 0xdd }), false},
		"later fragment": {frame(func(f []byte) { f[21] = 1 }), false},
		"first fragment": {frame(func(f []byte) { f[20] = 0x20 }), false},
		"cut short":      {frame(func([]byte) {})[:30], false},
	} {
		n, err := vm.Run(test.frame)
		if err != nil || (n > 0) != test.pass {
			t.Errorf("%s: %d %v", name, n, err)
		}
	}
}

// TestNamesTooLongForAnInterface would not fit the packet of a question, and end the connection for all others.
func TestNamesTooLongForAnInterface(t *testing.T) {
	sources(t, func(t *testing.T, _ *Keeper, source func(string) Source) {
		long := strings.Repeat("x", 2*maxPacket)
		for _, r := range []Request{
			{Kind: DHCP4Raw, Address: loopback(67), Interface: long},
			{Kind: UDP, Address: netip.AddrPortFrom(netip.MustParseAddr("fe80::1").WithZone(long), 53)},
		} {
			if _, err := source("a").Get(t.Context(), r); err == nil || len(err.Error()) > 200 {
				t.Errorf("%s: %v", r.Kind, err)
			}
			source("a").Drop(r)
		}
		get(t, source("a"), Request{Kind: UDP, Address: loopback(0)})
	})
}

func TestMessages(t *testing.T) {
	rec := logging.NewRecorder()
	k := NewKeeper(rec.Logger("Init"))
	defer k.Close()
	free := Request{Kind: TCP, Address: loopback(0)}
	get(t, k.For("a"), free)
	get(t, k.For("a"), free)
	bad := Request{Kind: DHCP4UDP, Address: loopback(67), Interface: "no-such-link"}
	for range 3 {
		if _, err := k.For("a").Get(t.Context(), bad); err == nil {
			t.Fatal("socket on an interface that is not there")
		}
	}
	if made, failed := rec.Count("BUNDY_SOCKET_CREATED"), rec.Count("BUNDY_SOCKET_ERROR"); made != 1 || failed != 1 {
		t.Errorf("%d sockets made, %d failed: %v", made, failed, rec.Entries())
	}
}

// An address that is missing, here one of a network for documentation, can be bound when that is asked for. It is the same
// socket, however it is asked for.
func TestEarly(t *testing.T) {
	for _, address := range []string{"192.0.2.77", "2001:db8::77"} {
		for _, kind := range []Kind{UDP, TCP} {
			rec := logging.NewRecorder()
			k := NewKeeper(rec.Logger("Init"))
			defer k.Close()
			source := k.For("a")
			r := Request{Kind: kind, Address: netip.AddrPortFrom(netip.MustParseAddr(address), freePort(t, kind))}
			_, err := source.Get(t.Context(), r)
			if errors.Is(err, unix.EAFNOSUPPORT) {
				t.Log(err)
				continue
			}
			if !errors.Is(err, unix.EADDRNOTAVAIL) {
				t.Fatalf("%v: %v", r, err)
			}
			early := r
			early.Early = true
			get(t, source, early)
			get(t, source, r)
			if rec.Count("BUNDY_SOCKET_EARLY") != 1 || rec.Count("BUNDY_SOCKET_CREATED") != 0 {
				t.Errorf("%v: %v", r, rec.Entries())
			}
			source.Drop(r)
			if len(k.held) != 0 {
				t.Errorf("%v was dropped and is held", r)
			}
			there := Request{Kind: kind, Address: loopback(0), Early: true}
			get(t, source, there)
			if rec.Count("BUNDY_SOCKET_EARLY") != 1 || rec.Count("BUNDY_SOCKET_CREATED") != 1 {
				t.Errorf("%v: %v", there, rec.Entries())
			}
		}
	}
}

// TestRemoteTellsTheEnd lets a process notice that it will get no more sockets.
func TestRemoteTellsTheEnd(t *testing.T) {
	parent, child, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewRemote(child)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	parent.Close()
	<-m.Done()
}
