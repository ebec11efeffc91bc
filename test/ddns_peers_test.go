package test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/ncr"
	"bundy/internal/naming/publish"
)

// TestDDNSPeers measures names from leases: the time from a DHCPACK to the name, the processor time for a request beside
// Kea's D2 with BIND as the target of both, and 100,000 leases published from nothing at BIND and at our own server. It
// prints tables (make bench-ddns) and asserts no figure.
func TestDDNSPeers(t *testing.T) {
	if os.Getenv("BUNDY_BENCH") == "" {
		t.Skip("measurement against peers: run with make bench-ddns")
	}
	needs(t, "named", "dig", "kea-dhcp-ddns")
	t.Run("latency", nameLatency)
	t.Run("requests", requestCost)
	t.Run("reconcile", reconcileMany)
}

const benchKey = "bench.key:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0:hmac-sha256"

// nameLatency gets leases one after the other and asks for each name until it is there.
func nameLatency(t *testing.T) {
	for _, placement := range []string{"grouped", "single"} {
		s := newSuite(t, placement)
		s.loadZones()
		s.start()
		s.script(s.dnsScript() + s.dhcpScript() + "config commit\n")
		at := netip.AddrPortFrom(s.address, s.dns)
		var forward, reverse []time.Duration
		for i := range 40 {
			c := newClient(t, s, byte(i+1), fmt.Sprintf("c%d", i))
			a := c.lease()
			begin := time.Now()
			until := func(n wire.Name, typ wire.Type) time.Duration {
				q := question(t, 1, n, typ)
				for {
					if m := ask(at, q, false); m != nil && len(m.Answer) > 0 {
						return time.Since(begin)
					}
					if time.Since(begin) > 10*time.Second {
						t.Fatalf("%s is not there", n)
					}
				}
			}
			if i == 0 {
				until(wire.MustParseName("c0.lab.example"), wire.TypeA)
				continue // the components may have started only now
			}
			forward = append(forward, until(wire.MustParseName(fmt.Sprintf("c%d.lab.example", i)), wire.TypeA))
			reverse = append(reverse, until(publish.ReverseName(a), wire.TypePTR))
		}
		for what, d := range map[string][]time.Duration{"A": forward, "PTR": reverse} {
			slices.Sort(d)
			t.Logf("%s: from DHCPACK to %s: median %v, 99 %% %v, worst %v of %d", placement, what, d[len(d)/2], d[len(d)*99/100], d[len(d)-1], len(d))
		}
		s.stop()
	}
}

// benchNamed runs BIND with an empty lab.example and 10.in-addr.arpa.
func benchNamed(t *testing.T) (netip.AddrPort, *exec.Cmd) {
	t.Helper()
	local := netip.MustParseAddr("127.0.0.1")
	dir, at := t.TempDir(), netip.AddrPortFrom(local, freePort(t, local))
	conf := fmt.Sprintf(`options { directory %q; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; notify no;
	pid-file "%[1]s/pid"; session-keyfile "%[1]s/session.key"; tcp-clients 500; };
controls { };
key bench.key { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"; };
`, dir, at.Port())
	for _, zone := range []string{"lab.example", "10.in-addr.arpa"} {
		conf += fmt.Sprintf("zone %q { type primary; file %[1]q; allow-update { key bench.key; }; allow-transfer { any; }; };\n", zone)
		write(t, filepath.Join(dir, zone), emptyZone)
	}
	cmd := exec.Command("named", "-g", "-n", "2", "-c", write(t, filepath.Join(dir, "named.conf"), conf))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	launch(t, cmd)
	soa := question(t, 1, labZone, wire.TypeSOA)
	eventually(t, 10*time.Second, "named answers", func() bool { m := ask(at, soa, false); return m != nil && len(m.Answer) == 1 })
	return at, cmd
}

const emptyZone = "$TTL 300\n@ IN SOA ns.elsewhere.net. root.elsewhere.net. 1 3600 900 604800 60\n@ IN NS ns.elsewhere.net.\n"

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// launch runs a program until the test ends.
func launch(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	log := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end(cmd)
		if text := log.String(); t.Failed() {
			t.Logf("%s: %s", cmd.Args[0], text[max(0, len(text)-3000):])
		}
	})
}

// benchBundy gives the configuration of bundy-dhcp-ddns with a name server, and more.
func benchBundy(at netip.AddrPort, port uint16, more string) string {
	domain := func(zone string) string {
		return fmt.Sprintf(`{"ddns_domains": [{"name": %q, "key_name": "bench.key", "dns_servers": [{"ip_address": %q, "port": %d}]}]}`, zone, at.Addr(), at.Port())
	}
	return fmt.Sprintf(`{"version": 4, "Init": {"components": {"bundy-dhcp-ddns": {"kind": "dispensable"}%s,
"DhcpDdns": {"port": %d, "verify_interval": 0, "forward_ddns": %s, "reverse_ddns": %s}, "tsig_keys": {"keys": [%q]}}`,
		more, port, domain("lab.example."), domain("10.in-addr.arpa."), benchKey)
}

func bundyWith(t *testing.T, dir, config string) *exec.Cmd {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "bundy-config.db"), config)
	return exec.Command(filepath.Join(bin, "bundy"), "--data-path", dir)
}

func keaD2(t *testing.T, dir string, at netip.AddrPort, port uint16) *exec.Cmd {
	t.Helper()
	domain := func(zone string) string {
		return fmt.Sprintf(`{"ddns-domains": [{"name": %q, "key-name": "bench.key", "dns-servers": [{"ip-address": %q, "port": %d}]}]}`, zone, at.Addr(), at.Port())
	}
	conf := fmt.Sprintf(`{"DhcpDdns": {"ip-address": "127.0.0.1", "port": %d, "dns-server-timeout": 2000, "ncr-protocol": "UDP", "ncr-format": "JSON",
"tsig-keys": [{"name": "bench.key", "algorithm": "HMAC-SHA256", "secret": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}],
"forward-ddns": %s, "reverse-ddns": %s, "loggers": [{"name": "kea-dhcp-ddns", "severity": "INFO", "output_options": [{"output": %q}]}]}}`,
		port, domain("lab.example."), domain("10.in-addr.arpa."), filepath.Join(dir, "log"))
	cmd := exec.Command("kea-dhcp-ddns", "-c", write(t, filepath.Join(dir, "d2.json"), conf))
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir)
	return cmd
}

func benchLease(i int) (netip.Addr, string) {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), fmt.Sprintf("h%d.lab.example.", i)
}

// requestCost sends the same requests to both servers, in bursts that each is given the time to finish.
func requestCost(t *testing.T) {
	const burst, bursts = 100, 20 // D2 loses more than some hundred that come at once
	local := netip.MustParseAddr("127.0.0.1")
	table := figures{servers: []string{"kea-dhcp-ddns", "bundy"}}
	own, named := table.row("CPU ms for a request (A, PTR and both DHCID)", "%.3f", 1, 0), table.row("CPU ms of named for it", "%.3f", 0, 0)
	took := table.row("s for a burst of 100", "%.2f", 0, 0)
	for range 3 {
		for _, who := range table.servers {
			at, target := benchNamed(t)
			dir, port := t.TempDir(), freePort(t, local)
			var cmd *exec.Cmd
			if who == "bundy" {
				cmd = bundyWith(t, dir, benchBundy(at, port, "}}"))
			} else {
				cmd = keaD2(t, dir, at, port)
			}
			launch(t, cmd)
			conn, err := net.Dial("udp", netip.AddrPortFrom(local, port).String())
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			send := func(count int) {
				var last netip.Addr
				for range count {
					a, name := benchLease(n)
					digest := sha256.Sum256([]byte(name))
					r := ncr.Request{Forward: true, Reverse: true, Name: wire.MustParseName(name), Address: a, Length: 3600,
						DHCID: append([]byte{0, 0, 1}, digest[:]...), Expires: time.Now().Add(time.Hour)}
					b := r.Append(nil, ncr.Kea)
					if i := bytes.Index(b, []byte(`,"conflict-resolution-mode"`)); who != "bundy" && i > 0 { // it does not know it
						b = append(b[:i], '}')
						b[0], b[1] = byte((len(b)-2)>>8), byte(len(b)-2)
					}
					if _, err := conn.Write(b); err != nil && count > 1 {
						t.Fatal(err)
					}
					last = a
					n++
				}
				q := question(t, 1, publish.ReverseName(last), wire.TypePTR)
				eventually(t, 5*time.Second, "the burst is published", func() bool { m := ask(at, q, false); return m != nil && len(m.Answer) > 0 })
			}
			eventually(t, 5*time.Second, who+" listens", func() bool {
				_, err := conn.Write([]byte{0})
				_, err2 := conn.Write([]byte{0})
				return err == nil && err2 == nil
			})
			send(50)
			cpuBefore, namedBefore, begin := cpu(cmd.Process.Pid), cpu(target.Process.Pid), time.Now()
			for range bursts {
				send(burst)
			}
			elapsed := time.Since(begin).Seconds() / bursts
			eventually(t, 5*time.Second, "all are published", func() bool { return transferred(at, "10.in-addr.arpa", "PTR") >= n })
			own.add(who, (cpu(cmd.Process.Pid)-cpuBefore)*1000/(burst*bursts))
			named.add(who, (cpu(target.Process.Pid)-namedBefore)*1000/(burst*bursts))
			took.add(who, elapsed)
			conn.Close()
			end(cmd)
			end(target)
		}
	}
	t.Logf("\n%s", &table)
}

// transferred counts the records of a type in a zone.
func transferred(at netip.AddrPort, zone, typ string) int {
	out, err := exec.Command("dig", "@"+at.Addr().String(), "-p", itoa(at.Port()), "+noall", "+answer", zone, "AXFR").Output()
	if err != nil {
		return -1
	}
	return strings.Count(string(out), "\tIN\t"+typ+"\t")
}

// reconcileMany lets a lease file of 100,000 leases be found at the start.
func reconcileMany(t *testing.T) {
	const leases = 100_000
	var file bytes.Buffer
	w := bufio.NewWriter(&file)
	w.Write(lease.AppendHeader(nil, lease.Family4))
	for i := range leases {
		a, name := benchLease(i)
		b := a.As4()
		w.Write(lease.AppendRow(nil, lease.Lease{Address: a, HWType: 1, HWAddr: "\x02\x00" + string(b[:]), ValidLifetime: 86400,
			Start: time.Now().UTC().Truncate(time.Second), SubnetID: 1, FQDNForward: true, FQDNReverse: true, Hostname: name}))
	}
	w.Flush()
	for _, target := range []string{"named", "bundy"} {
		dir := t.TempDir()
		path := write(t, filepath.Join(dir, "leases.csv"), file.String())
		local := netip.MustParseAddr("127.0.0.1")
		at := netip.AddrPortFrom(local, freePort(t, local))
		dhcp := fmt.Sprintf(`"Dhcp4": {"lease-database": {"type": "memfile", "name": %q}, "dhcp-ddns": {"enable-updates": true}, "subnet4": [{"subnet": "10.0.0.0/8"}]}`, path)
		more := "}}, " + dhcp
		var named *exec.Cmd
		if target == "named" {
			at, named = benchNamed(t)
		} else {
			s := newSuite(t, "grouped")
			for _, zone := range []string{"lab.example", "10.in-addr.arpa"} {
				if out, err := s.loadzone(zone, s.write(zone, emptyZone)); err != nil {
					t.Fatalf("%v %s", err, out)
				}
			}
			dir = s.dir
			more = fmt.Sprintf(`, "bundy-auth": {"special": "auth", "kind": "dispensable"}, "bundy-ddns": {"address": "DDNS", "kind": "dispensable"}}}, %s,
"Auth": {"listen_on": [{"address": "127.0.0.1", "port": %d}]}, "DDNS": {"zones": [{"origin": "lab.example", "update_acl": [{"action": "ACCEPT", "key": "bench.key"}]},
{"origin": "10.in-addr.arpa", "update_acl": [{"action": "ACCEPT", "key": "bench.key"}]}]}`, dhcp, at.Port())
		}
		cmd := bundyWith(t, dir, benchBundy(at, freePort(t, local), more))
		begin := time.Now()
		launch(t, cmd)
		missing := make([]int, 0, 200)
		for i := range 200 {
			missing = append(missing, i*(leases/200)+leases/200-1)
		}
		eventually(t, 30*time.Second, "100,000 leases are published", func() bool {
			for len(missing) > 0 {
				a, _ := benchLease(missing[0])
				if m := ask(at, question(t, 1, publish.ReverseName(a), wire.TypePTR), false); m == nil || len(m.Answer) == 0 {
					return false
				}
				missing = missing[1:]
			}
			return true
		})
		took := time.Since(begin)
		t.Logf("%s: 100,000 leases after %.1f s, CPU %.1f s, memory %.0f MiB", target, took.Seconds(), cpu(cmd.Process.Pid), memory(cmd.Process.Pid))
		if named != nil {
			eventually(t, 10*time.Second, "all are there", func() bool {
				return transferred(at, "lab.example", "A") == leases && transferred(at, "10.in-addr.arpa", "PTR") == leases
			})
			t.Logf("named: all there after %.1f s, CPU of named %.1f s", time.Since(begin).Seconds(), cpu(named.Process.Pid))
			end(named)
		}
		end(cmd)
	}
}
