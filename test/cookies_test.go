package test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

// TestCookiesAreSharedWithPeers runs us and another server with one secret, as behind one address (RFC 9018 section 5): a
// client that got its cookie from the one is known to the other, and one with a cookie that nobody gave is not.
func TestCookiesAreSharedWithPeers(t *testing.T) {
	t.Parallel()
	const secret = "e5e973e5a6b2a43f48e7dc849e37bfcf"
	s := newSuite(t, "single")
	s.loadZones()
	s.start()
	s.script(s.dnsScript() + "config add Auth/cookie_secrets " + secret + "\nconfig set Auth/require_server_cookie true\nconfig commit\n")
	eventually(t, 5*time.Second, "the zone is served", func() bool { return s.lookup("ns.lab.example") != "" })
	ours := netip.AddrPortFrom(s.address, s.dns)
	zone, loopback := filepath.Join(s.dir, "lab.example.zone"), netip.MustParseAddr("127.0.0.1")
	dir := match{suite: s}.folder("peer")
	peer := func(port uint16, name, conf string, args ...string) *exec.Cmd {
		return exec.Command(name, append(args, "-c", s.write("peer/"+name+".conf", conf))...)
	}
	for _, p := range []struct {
		name string
		cmd  func(port uint16) *exec.Cmd
		lax  bool // it has no way to refuse who has no cookie, so that only what it gives shows whether it knows the client's
	}{
		{"named", func(port uint16) *exec.Cmd {
			return peer(port, "named", fmt.Sprintf(`options { directory %q; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; session-keyfile none; lock-file none;
  recursion no; dnssec-validation no; empty-zones-enable no; answer-cookie yes; require-server-cookie yes; cookie-algorithm siphash24; cookie-secret %q; };
controls { };
zone "lab.example" { type primary; file %q; };
`, dir, port, secret, zone), "-f")
		}, false},
		{"knotd", func(port uint16) *exec.Cmd {
			return peer(port, "knotd", fmt.Sprintf("server:\n  rundir: %q\n  listen: 127.0.0.1@%d\ndatabase:\n  storage: %[1]q\nmod-cookies:\n- id: c\n  secret: 0x%[3]s\n  badcookie-slip: 1\ntemplate:\n- id: default\n  global-module: mod-cookies/c\nzone:\n- domain: lab.example\n  file: %[4]q\n",
				dir, port, secret, zone))
		}, false},
		{"nsd", func(port uint16) *exec.Cmd {
			return peer(port, "nsd", fmt.Sprintf("server:\n  ip-address: 127.0.0.1@%d\n  username: \"\"\n  zonesdir: %[2]q\n  database: \"\"\n  pidfile: \"%[2]s/pid\"\n  xfrdfile: \"%[2]s/state\"\n  zonelistfile: \"%[2]s/list\"\n  xfrdir: %[2]q\n  answer-cookie: yes\n  cookie-secret: %[3]q\nremote-control:\n  control-enable: no\nzone:\n  name: lab.example\n  zonefile: %[4]q\n",
				port, dir, secret, zone), "-d")
		}, true},
	} {
		t.Run(p.name, func(t *testing.T) {
			needs(t, p.name)
			at := netip.AddrPortFrom(loopback, freePort(t, loopback))
			cmd := p.cmd(at.Port())
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { cmd.Process.Kill(); cmd.Wait() }()
			client := []byte("a client")
			eventually(t, 10*time.Second, p.name+" answers", func() bool { _, _, err := askWithCookie(t, at, client); return err == nil })

			for _, way := range []struct {
				what     string
				from, to netip.AddrPort
				lax      bool
			}{{"a cookie of " + p.name + " to us", at, ours, false}, {"a cookie of ours to " + p.name, ours, at, p.lax}} {
				given, _, err := askWithCookie(t, way.from, client)
				if err != nil || len(given) != 24 {
					t.Fatalf("%s: given %x, %v", way.what, given, err)
				}
				back, rcode, err := askWithCookie(t, way.to, given)
				if err != nil || rcode != wire.RcodeNoError || way.lax && !bytes.Equal(back, given) {
					t.Errorf("%s: %s, %x is answered %x, %v", way.what, rcode, given, back, err)
				}
				wrong := bytes.Clone(given)
				wrong[23] ^= 1
				back, rcode, err = askWithCookie(t, way.to, wrong)
				if err != nil || !way.lax && rcode != wire.RcodeBadCookie || bytes.Equal(back, wrong) {
					t.Errorf("%s, but for a bit: %s, %x is answered %x, %v", way.what, rcode, wrong, back, err)
				}
			}
		})
	}
}

// askWithCookie asks from 127.0.0.1, whatever the address of the server, for the cookie holds the client's address. It gives
// the cookie and the whole code of the answer.
func askWithCookie(t *testing.T, at netip.AddrPort, cookie []byte) ([]byte, wire.Rcode, error) {
	t.Helper()
	msg := question(t, 77, wire.MustParseName("ns.lab.example"), wire.TypeA)
	data := wire.AppendOption(nil, wire.OptionCookie, cookie)
	msg[11] = 1
	msg = append(append(msg, 0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, byte(len(data))), data...)
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, 0, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(busy * time.Second / 2))
	if _, err := conn.Write(msg); err != nil {
		return nil, 0, err
	}
	reply := make([]byte, 4096)
	n, err := conn.Read(reply)
	if err != nil {
		return nil, 0, err
	}
	m, err := wire.ParseMessage(reply[:n])
	if err != nil {
		return nil, 0, err
	}
	rcode := m.Header.Flags.Rcode()
	for _, rr := range m.Additional {
		if rr.Type != wire.TypeOPT {
			continue
		}
		rcode |= wire.Rcode(rr.TTL>>24) << 4
		for rest := rr.Data; len(rest) >= 4; {
			end := 4 + int(rest[2])<<8 + int(rest[3])
			if wire.OptionCode(rest[1]) == wire.OptionCookie {
				return rest[4:end], rcode, nil
			}
			rest = rest[end:]
		}
	}
	return nil, rcode, nil
}
