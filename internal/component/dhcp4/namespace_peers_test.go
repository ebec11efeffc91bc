package dhcp4

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bundy/internal/dhcp/packet4"
)

// clientScript lets udhcpc configure its interface, and tells what it got.
const clientScript = `#!/bin/sh
echo "$1 ip=$ip router=$router serverid=$serverid lease=$lease"
case $1 in
deconfig) ip addr flush dev $interface ;;
bound) ip addr add $ip/24 dev $interface; ip route replace default via 10.7.0.1 ;;
esac
`

// TestRelayedClients lets real clients get, renew and release addresses behind a real relay agent, which is also the
// router by which they renew.
func TestRelayedClients(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	relay, err := exec.LookPath("dhcrelay")
	if err != nil {
		t.Skip("not installed (Debian package isc-dhcp-relay):", err)
	}
	dir := t.TempDir()
	far := behindRelay(t, dir)
	far.background("Sending on   Socket", "ip", "netns", "exec", far.server, relay, "-4", "-d", "-a",
		"-pf", filepath.Join(dir, "relay.pid"), "-id", "down0", "-iu", "cli0", "192.0.2.1")
	far.relayed(dir)
	t.Run("dhcpcd", func(t *testing.T) {
		if _, err := exec.LookPath("dhcpcd"); err != nil {
			t.Skip("not installed (Debian package dhcpcd-base):", err)
		}
		far := network{t, far.server, far.client}
		out := far.inClient("sh", "-c", "mount -t tmpfs none /run; mkdir -p /var/lib/dhcpcd && mount -t tmpfs none /var/lib/dhcpcd && "+
			"exec dhcpcd -4 -1 -B -t 8 --noarp -c /bin/true far0 2>&1")
		if !strings.Contains(out, "leased 10.7.0.") || !strings.Contains(out, "for 4000 seconds") {
			t.Errorf("dhcpcd said:\n%s", out)
		}
	})
}

// TestDnsmasqRelays does the same with dnsmasq as relay agent.
func TestDnsmasqRelays(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	if _, err := exec.LookPath("dnsmasq"); err != nil {
		t.Skip("not installed (Debian package dnsmasq-base):", err)
	}
	dir := t.TempDir()
	far := behindRelay(t, dir)
	far.background("DHCP relay from 10.7.0.1 to 192.0.2.1", "ip", "netns", "exec", far.server, "dnsmasq", "-k", "--port=0", "--conf-file=/dev/null",
		"--pid-file=", "--user=root", "--log-dhcp", "--log-facility=-", "--dhcp-relay=10.7.0.1,192.0.2.1")
	far.relayed(dir)
}

// behindRelay makes a network with a router between the server and the client, and starts the server. The result's server is
// the router, with down0 towards the client.
func behindRelay(t *testing.T, dir string) network {
	t.Helper()
	n := newNetwork(t)
	n.run("ip", "-n", n.server, "addr", "add", "192.0.2.1/24", "dev", "srv0")
	n.serve(dir)
	n.run("ip", "-n", n.server, "route", "add", "10.7.0.0/24", "via", "192.0.2.2")
	n.run("ip", "-n", n.client, "addr", "add", "192.0.2.2/24", "dev", "cli0")
	far := network{t, n.client, fmt.Sprintf("bundy-f%d", os.Getpid())}
	far.run("ip", "netns", "add", far.client)
	t.Cleanup(func() { far.run("ip", "netns", "del", far.client) })
	far.run("ip", "link", "add", "down0", "netns", far.server, "type", "veth", "peer", "name", "far0", "netns", far.client)
	far.run("ip", "-n", far.server, "addr", "add", "10.7.0.1/24", "dev", "down0")
	far.run("ip", "-n", far.server, "link", "set", "down0", "up")
	far.run("ip", "-n", far.client, "link", "set", "far0", "up")
	n.inClient("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
	return far
}

// relayed gets, renews and releases an address.
func (n network) relayed(dir string) {
	leases := filepath.Join(dir, leaseFileName)
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte(clientScript), 0o700); err != nil {
		n.Fatal(err)
	}
	n.Run("udhcpc", func(t *testing.T) {
		far := network{t, n.server, n.client}
		client := far.background("bound ip=10.7.0.10 router=10.7.0.1 serverid=192.0.2.1 lease=4000",
			"ip", "netns", "exec", far.client, "udhcpc", "-i", "far0", "-f", "-R", "-T", "1", "-s", script, "-x", "hostname:boxfar")
		client.signal(syscall.SIGUSR1) // renews, by unicast through the router
		client.expect("renew ip=10.7.0.10 ")
		client.signal(syscall.SIGTERM) // releases, in the same way
		client.expect("deconfig ")
		awaitRelease(t, leases, "10.7.0.10")
	})
}

// awaitRelease waits for what no client waits for: that the server has heard that an address is free.
func awaitRelease(t *testing.T, file, address string) {
	t.Helper()
	end := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !released(leaseFile(t, file), address) {
		if time.Now().After(end) {
			t.Fatalf("%s is not released:\n%s", address, leaseFile(t, file))
		}
		<-tick.C
	}
}

// released tells whether the last row of an address says that its lease is gone.
func released(file, address string) bool {
	gone := false
	for row := range strings.Lines(file) {
		if fields := strings.Split(row, ","); fields[0] == address {
			gone = fields[3] == "0"
		}
	}
	return gone
}

// program is a program at work until the end of the test.
type program struct {
	network
	name  string
	cmd   *exec.Cmd
	lines *bufio.Scanner
	text  *strings.Builder
}

// background starts a program and waits until it says something.
func (n network) background(until, name string, args ...string) program {
	n.Helper()
	p := program{n, args[len(args)-1], exec.Command(name, args...), nil, &strings.Builder{}}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		n.Fatal(err)
	}
	p.cmd.Stderr = p.cmd.Stdout
	if err := p.cmd.Start(); err != nil {
		n.Fatal(err)
	}
	watch := time.AfterFunc(2*time.Minute, func() { p.cmd.Process.Kill() })
	n.Cleanup(func() {
		watch.Stop()
		p.cmd.Process.Kill()
		io.Copy(io.Discard, out)
		p.cmd.Wait()
	})
	p.lines = bufio.NewScanner(out)
	p.expect(until)
	return p
}

// expect waits until the program says something.
func (p program) expect(text string) {
	p.Helper()
	for p.lines.Scan() {
		p.text.WriteString(p.lines.Text() + "\n")
		if strings.Contains(p.lines.Text(), text) {
			return
		}
	}
	p.Fatalf("%v did not say %q:\n%s", p.cmd.Args, text, p.text)
}

func (p program) signal(s syscall.Signal) {
	p.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.Fatal(err)
	}
}

// listen opens the client's port on the interface of the client's namespace.
func (n network) listen() *net.UDPConn {
	n.Helper()
	runtime.LockOSThread() // stays locked: the thread, which is in another namespace now, ends with the goroutine
	ns, err := os.Open("/run/netns/" + n.client)
	if err != nil {
		n.Fatal(err)
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		n.Fatal(err)
	}
	c := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		return rc.Control(func(fd uintptr) {
			unix.SetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, "cli0")
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
		})
	}}
	conn, err := c.ListenPacket(n.Context(), "udp4", "0.0.0.0:68")
	if err != nil {
		n.Fatal(err)
	}
	n.Cleanup(func() { conn.Close() })
	return conn.(*net.UDPConn)
}

// TestAbsentClientsHoldNobodyUp: answers to clients that are not there wait for ARP in the kernel. That must not stop the
// service of the others.
func TestAbsentClientsHoldNobodyUp(t *testing.T) {
	n := newNetwork(t)
	n.run("ip", "-n", n.server, "addr", "add", "192.0.2.1/24", "dev", "srv0")
	n.serve(t.TempDir())
	n.run("ip", "-n", n.client, "addr", "add", "192.0.2.2/24", "dev", "cli0")
	conn := n.listen()
	send := func(to string, m packet4.Message) {
		data, _ := m.Append(nil, 1472)
		if _, err := conn.WriteToUDPAddrPort(data, netip.MustParseAddrPort(to)); err != nil {
			t.Fatal(err)
		}
	}
	offered := func(limit time.Duration) bool {
		send("255.255.255.255:67", message(t, packet4.Discover, "broadcast"))
		conn.SetReadDeadline(time.Now().Add(limit))
		var b [1500]byte
		for {
			size, err := conn.Read(b[:])
			if err != nil {
				return false
			}
			if m, err := packet4.Parse(b[:size]); err == nil && m.Type() == packet4.Offer {
				return true
			}
		}
	}
	for tries := 0; !offered(200 * time.Millisecond); tries++ { // until the interface is served
		if tries == 50 {
			t.Fatal("no offer at all")
		}
	}
	flood := func(client func(i int) string) time.Duration {
		begin := time.Now()
		for i := range 600 {
			send("192.0.2.1:67", message(t, packet4.Inform, "ciaddr="+client(i), "broadcast"))
		}
		for !offered(200 * time.Millisecond) {
			if time.Since(begin) > patience {
				t.Fatal("no offer any more")
			}
		}
		return time.Since(begin)
	}
	usual := flood(func(int) string { return "192.0.2.2" })
	held := flood(func(i int) string { return fmt.Sprintf("192.0.2.%d", 20+i%200) })
	if held > 2*time.Second+3*usual { // ARP gives up after three seconds
		t.Errorf("an offer takes %v while answers to absent clients wait for ARP, else %v", held, usual)
	}
}

// TestAbsentRelaysHoldNobodyUp: answers to relays that are not there wait for ARP in the kernel. A relay that is there
// gets its answers at once all the same.
func TestAbsentRelaysHoldNobodyUp(t *testing.T) {
	n := newNetwork(t)
	n.run("ip", "-n", n.server, "addr", "add", "192.0.2.1/24", "dev", "srv0")
	n.serve(t.TempDir())
	n.run("ip", "-n", n.client, "addr", "add", "192.0.2.2/24", "dev", "cli0")
	conn := n.listen()
	xid := uint32(0)
	ask := func(relay string) {
		m := message(t, packet4.Inform, "ciaddr=192.0.2.50", "giaddr="+relay)
		m.Set(packet4.OptRelayAgent, []byte{19, 0}) // answers to the port that this came from (RFC 8357)
		xid++
		m.XID = xid
		data, _ := m.Append(nil, 1472)
		if _, err := conn.WriteToUDPAddrPort(data, netip.MustParseAddrPort("192.0.2.1:67")); err != nil {
			t.Fatal(err)
		}
	}
	// answered asks until there is an answer to one of its own questions.
	answered := func() time.Duration {
		begin, first := time.Now(), xid
		for time.Since(begin) < patience {
			ask("192.0.2.2")
			conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			var b [1500]byte
			for {
				size, err := conn.Read(b[:])
				if err != nil {
					break
				}
				if m, err := packet4.Parse(b[:size]); err == nil && m.Type() == packet4.ACK && m.XID > first {
					return time.Since(begin)
				}
			}
		}
		t.Fatal("no answer to the relay")
		return 0
	}
	flood := func(relay func(i int) string) time.Duration {
		for i := range 600 {
			ask(relay(i))
		}
		return answered()
	}
	answered() // the interface is served, and the relay answered ARP
	usual := flood(func(int) string { return "192.0.2.2" })
	held := flood(func(i int) string { return fmt.Sprintf("192.0.2.%d", 20+i%200) })
	if held > time.Second+3*usual { // ARP gives up after three seconds
		t.Errorf("a relay waits %v while answers to absent relays wait for ARP, else %v", held, usual)
	}
}
