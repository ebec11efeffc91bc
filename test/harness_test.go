package test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// programs is the folder with the built binary and its links, made once.
var programs = sync.OnceValues(func() (string, error) {
	dir := os.Getenv(programsDir)
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "bundy"), "bundy/cmd/bundy")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if raceEnabled {
		build = exec.Command("go", "build", "-race", "-o", filepath.Join(dir, "bundy"), "bundy/cmd/bundy")
	}
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %v\n%s", err, out)
	}
	for _, name := range []string{"bundyctl", "bundy-loadzone", "bundy-dbutil", "bundy-cmdctl-usermgr", "bundy-certgen", "bundy-ha-notify", "bundy-kea-config"} {
		if err := os.Symlink("bundy", filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	return dir, nil
})

// programsDir is the environment variable that holds the folder of the built programs for this run.
const programsDir = "BUNDY_TEST_PROGRAMS"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "bundy-test-bin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv(programsDir, dir)
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

const (
	password = "open sesame"
	tsigKey  = "lab.key:c2VjcmV0LWZvci10aGUtdGVzdHM=:hmac-sha256"
)

// suite is one running suite with a data path of its own.
type suite struct {
	t         *testing.T
	bin       string
	dir       string
	placement string
	netns     string     // network namespace that all of it is in; "" for the one of the tests
	address   netip.Addr // a loopback address of this test alone
	dns, dhcp uint16
	cmdctl    uint16
	options   []string
	cmd       *exec.Cmd
	ended     chan error
	log       *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newSuite prepares a suite: data path, account, zones. Nothing runs yet.
func newSuite(t *testing.T, placement string) *suite {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	var r [3]byte
	rand.Read(r[:])
	s := &suite{
		t: t, bin: bin, dir: t.TempDir(), placement: placement, log: &lockedBuffer{},
		address: netip.AddrFrom4([4]byte{127, 1 + r[0]%250, 1 + r[1]%250, 1 + r[2]%250}),
	}
	s.dns, s.dhcp = freePort(t, s.address), freePort(t, s.address)
	s.cmdctl = freePort(t, netip.MustParseAddr("127.0.0.1"))
	for _, d := range []string{"etc", "login"} {
		if err := os.Mkdir(filepath.Join(s.dir, d), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	s.write("login/default_user.csv", "root,"+password+"\n")
	if out, err := s.program("bundy-cmdctl-usermgr", "-q", "-f", filepath.Join(s.dir, "etc/cmdctl-accounts.csv"), "add", "root", password).CombinedOutput(); err != nil {
		t.Fatalf("usermgr: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		s.stop()
		if strings.Contains(s.log.String(), "WARNING: DATA RACE") {
			t.Error("a data race in the suite")
		}
		if t.Failed() {
			text := s.log.String()
			t.Logf("log of the suite:\n%s", text[max(0, len(text)-6000):])
		}
	})
	return s
}

// freePort finds a port that is free for UDP and TCP on an address. It lies below those that the system gives to sockets
// of clients (32768 and more), so that none takes it before the server that is meant to have it, or while that is dead.
func freePort(t *testing.T, a netip.Addr) uint16 {
	t.Helper()
	for range 50 {
		port := uint16(10000 + mathrand.IntN(22000))
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, port)))
		if err != nil {
			continue
		}
		u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, port)))
		l.Close()
		if err == nil {
			u.Close()
			return port
		}
	}
	t.Fatalf("no free port on %s", a)
	return 0
}

func (s *suite) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *suite) program(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	if s.netns != "" {
		cmd = exec.Command("ip", append([]string{"netns", "exec", s.netns, cmd.Path}, args...)...)
	}
	cmd.Env = append(os.Environ(), "HOME="+s.dir, "GORACE=atexit_sleep_ms=0") // or each program takes a second to end
	return cmd
}

// start runs the suite and waits until it says that it is up.
func (s *suite) start() {
	s.t.Helper()
	if err := s.tryStart(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *suite) tryStart() error {
	pidFile := filepath.Join(s.dir, "suite.pid")
	os.Remove(pidFile)
	args := append([]string{"--data-path", s.dir, "--placement", s.placement, "--cmdctl-port", strconv.Itoa(int(s.cmdctl)), "--pid-file", pidFile}, s.options...)
	s.cmd = s.program("bundy", args...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL} // nothing outlives a test that ran out of time
	if err := s.cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	s.ended = ended
	go func(cmd *exec.Cmd) { ended <- cmd.Wait() }(s.cmd)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("the suite ended at start: %w\n%s", errors.Join(err, errors.New("see the log")), s.log)
		case <-limit:
			return fmt.Errorf("the suite did not start within 30 seconds\n%s", s.log)
		case <-tick.C:
			if data, err := os.ReadFile(pidFile); err == nil && len(data) > 1 {
				return nil
			}
		}
	}
}

// stop ends the suite in order and returns its exit status.
func (s *suite) stop() int {
	if s.cmd == nil {
		return -1
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.ended:
		s.cmd = nil
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode()
		}
		return 0
	case <-time.After(20 * time.Second):
		s.t.Errorf("the suite did not stop within 20 seconds")
		s.kill()
		return -1
	}
}

// kill ends the parent with SIGKILL, as a power failure would, and waits until its children are gone too.
func (s *suite) kill() {
	s.t.Helper()
	var ends []unix.PollFd
	for _, c := range s.children() {
		if fd, err := unix.PidfdOpen(c, 0); err == nil { // else it has ended
			defer unix.Close(fd)
			ends = append(ends, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
	}
	s.cmd.Process.Kill()
	<-s.ended
	s.cmd = nil
	for _, end := range ends {
		if n, err := unix.Poll([]unix.PollFd{end}, 30_000); n != 1 { // readable when the last of its threads has ended
			s.t.Fatalf("a process does not end with its parent: %v", err)
		}
	}
}

func (s *suite) children() []int {
	var pids []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.cmd.Process.Pid))
	for _, task := range tasks {
		data, _ := os.ReadFile(task)
		for _, f := range strings.Fields(string(data)) {
			if pid, err := strconv.Atoi(f); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// process finds a child by the name it was started under.
func (s *suite) process(name string) int {
	s.t.Helper()
	pid := s.find(name)
	if pid == 0 {
		s.t.Fatalf("no process %s", name)
	}
	return pid
}

// find is process for one that may not be there: 0 then.
func (s *suite) find(name string) int {
	for _, pid := range s.children() {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if first, _, _ := strings.Cut(string(line), "\x00"); filepath.Base(first) == name {
			return pid
		}
	}
	return 0
}

// ctl runs one command through bundyctl; the command must succeed.
func (s *suite) ctl(args ...string) string {
	s.t.Helper()
	out, err := s.tryCtl(args...)
	if err != nil {
		s.t.Fatalf("bundyctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (s *suite) tryCtl(args ...string) (string, error) {
	args = append([]string{"-p", strconv.Itoa(int(s.cmdctl)), "--csv-file-dir", filepath.Join(s.dir, "login") + "/"}, args...)
	out, err := s.program("bundyctl", args...).CombinedOutput()
	return string(out), err
}

// script runs many commands, which must all succeed.
func (s *suite) script(text string) {
	s.t.Helper()
	if out := s.tryScript(text); strings.Contains(strings.ToLower(out), "error") {
		s.t.Fatalf("bundyctl refused:\n%s", out)
	}
}

func (s *suite) tryScript(text string) string {
	s.t.Helper()
	cmd := s.program("bundyctl", "-p", strconv.Itoa(int(s.cmdctl)), "--csv-file-dir", filepath.Join(s.dir, "login")+"/")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("bundyctl: %v\n%s", err, out)
	}
	return string(out)
}

// loadZones puts lab.example and its reverse zone into the database.
func (s *suite) loadZones() {
	s.t.Helper()
	for _, origin := range []string{"lab.example", "2.0.192.in-addr.arpa"} {
		text := "$TTL 300\n@ SOA ns.lab.example. hostmaster.lab.example. 1 3600 900 604800 60\n@ NS ns.lab.example.\n"
		if origin == "lab.example" {
			text += "ns A 192.0.2.1\n"
		}
		file := s.write(origin+".zone", text)
		if out, err := s.loadzone(origin, file); err != nil {
			s.t.Fatalf("bundy-loadzone %s: %v\n%s", origin, err, out)
		}
	}
}

func (s *suite) loadzone(origin, file string) (string, error) {
	db := fmt.Sprintf(`{"database_file": %q}`, filepath.Join(s.dir, "zone.sqlite3"))
	out, err := s.program("bundy-loadzone", "-i", "0", "-c", db, origin, file).CombinedOutput()
	return string(out), err
}

// dnsScript configures authoritative DNS with dynamic update.
func (s *suite) dnsScript() string {
	return fmt.Sprintf(`
config add tsig_keys/keys %q
config set Auth/listen_on [{"address": "%s", "port": %d}]
config add DDNS/zones
config set DDNS/zones[0]/origin lab.example
config add DDNS/zones[0]/update_acl {"action": "ACCEPT", "key": "lab.key"}
config add DDNS/zones
config set DDNS/zones[1]/origin 2.0.192.in-addr.arpa
config add DDNS/zones[1]/update_acl {"action": "ACCEPT", "key": "lab.key"}
config add Init/components bundy-auth
config set Init/components/bundy-auth/special auth
config set Init/components/bundy-auth/kind dispensable
config add Init/components bundy-ddns
config set Init/components/bundy-ddns/address DDNS
config set Init/components/bundy-ddns/kind dispensable
`, tsigKey, s.address, s.dns)
}

// dhcpScript configures DHCP for relayed clients, and the path from leases to names.
func (s *suite) dhcpScript() string {
	return fmt.Sprintf(`
config set Dhcp4/interfaces ["lo"]
config set Dhcp4/server-port %d
config add Dhcp4/subnet4
config set Dhcp4/subnet4[0]/subnet "192.0.2.0/24"
config set Dhcp4/subnet4[0]/pool ["192.0.2.100 - 192.0.2.199"]
config set Dhcp4/subnet4[0]/relay/ip-address %q
config set Dhcp4/dhcp-ddns/enable-updates true
config set Dhcp4/dhcp-ddns/qualifying-suffix "lab.example"
config set Dhcp4/dhcp-ddns/server-port %[3]d
config set DhcpDdns/port %[3]d
config add DhcpDdns/forward_ddns/ddns_domains
config set DhcpDdns/forward_ddns/ddns_domains[0]/name "lab.example."
config set DhcpDdns/forward_ddns/ddns_domains[0]/key_name "lab.key"
config add DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers
config set DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[0]/ip_address %[2]q
config set DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[0]/port %[4]d
config add DhcpDdns/reverse_ddns/ddns_domains
config set DhcpDdns/reverse_ddns/ddns_domains[0]/name "2.0.192.in-addr.arpa."
config set DhcpDdns/reverse_ddns/ddns_domains[0]/key_name "lab.key"
config add DhcpDdns/reverse_ddns/ddns_domains[0]/dns_servers
config set DhcpDdns/reverse_ddns/ddns_domains[0]/dns_servers[0]/ip_address %[2]q
config set DhcpDdns/reverse_ddns/ddns_domains[0]/dns_servers[0]/port %[4]d
config add Init/components bundy-dhcp4
config set Init/components/bundy-dhcp4/kind dispensable
config add Init/components bundy-dhcp-ddns
config set Init/components/bundy-dhcp-ddns/kind dispensable
`, s.dhcp, s.address, freePort(s.t, netip.MustParseAddr("127.0.0.1")), s.dns)
}

func (s *suite) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, netip.AddrPortFrom(s.address, s.dns).String())
	}}
}

// lookup gives the addresses of a name and "" when there are none.
func (s *suite) lookup(name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	addrs, _ := s.resolver().LookupHost(ctx, name+".")
	return strings.Join(addrs, " ")
}

// reverse gives the names of an address and "" when there are none.
func (s *suite) reverse(address string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	names, _ := s.resolver().LookupAddr(ctx, address)
	return strings.Join(names, " ")
}

// busy is what a limit is multiplied by. Limits say what a user may expect of a machine at rest; this one runs other
// tests beside, perhaps under the race detector.
const busy = 6

// eventually waits until ok holds, and fails the test when limit has passed busy times.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.Now().Add(busy * limit)
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", busy*limit, what)
		}
		<-tick.C
	}
}

// placements runs a test in both placements.
func placements(t *testing.T, fn func(t *testing.T, s *suite)) {
	for _, p := range []string{"single", "grouped"} {
		t.Run(p, func(t *testing.T) { fn(t, newSuite(t, p)) })
	}
}
