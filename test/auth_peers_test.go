package test

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

// TestAuthPeers measures the authoritative server side by side with nsd and knotd on zones that fit a processor's caches
// and that do not, and prints a table with ratios to the better peer (make bench-auth). It asserts no figure. Servers have
// processor 0, the client processor 1.
func TestAuthPeers(t *testing.T) {
	if os.Getenv("BUNDY_BENCH") == "" {
		t.Skip("measurement against peers: run with make bench-auth")
	}
	needs(t, "nsd", "nsd-control", "knotd", "knotc", "dnsperf", "taskset")
	for _, version := range [][]string{{"nsd", "-v"}, {"knotd", "--version"}} {
		out, _ := exec.Command(version[0], version[1:]...).CombinedOutput()
		first, _, _ := strings.Cut(string(out), "\n")
		t.Log(first)
	}
	for _, names := range []int{100, 1_000_000} {
		t.Run(strconv.Itoa(names), func(t *testing.T) { measureAuth(t, names) })
	}
	t.Run("zones", measureZones)
}

// authPeer is a server with one zone.
type authPeer struct {
	name    string
	at      netip.AddrPort
	command func() *exec.Cmd
	reload  func() // after the file has changed
	figures map[string][]float64
}

// What is measured, less being better, in the order of the table.
var authFigures = []string{"load s", "CPU s/Mq", "us at 20k/s", "MiB", "reload s", "MiB after"}

func measureAuth(t *testing.T, names int) {
	const rounds, secs = 3, 4
	s := newSuite(t, "single")
	file, queries := filepath.Join(s.dir, "bench.zone"), s.write("queries", benchQueries(names))
	first, next := s.write("first.zone", benchZone(names, 1)), s.write("next.zone", benchZone(names, 2))
	peers := []*authPeer{s.nsdPeer(t, file), s.knotPeer(t, file), s.ownPeer(file)}
	for _, p := range peers {
		p.figures = map[string][]float64{}
	}
	for round := range rounds {
		for _, p := range peers {
			p.round(t, file, first, next, queries, secs)
			t.Logf("round %d of %s done", round+1, p.name)
		}
	}
	t.Logf("%-8s %s   (%d names, medians of %d rounds)", "", strings.Join(authFigures, "  "), names, rounds)
	for _, p := range peers {
		row := fmt.Sprintf("%-8s", p.name)
		for _, f := range authFigures {
			row += fmt.Sprintf(" %*.2f ", len(f), median(p.figures[f]))
		}
		t.Log(row)
	}
	row := fmt.Sprintf("%-8s", "ratio")
	for _, f := range authFigures {
		row += fmt.Sprintf(" %*.2f ", len(f), median(peers[2].figures[f])/min(median(peers[0].figures[f]), median(peers[1].figures[f])))
	}
	t.Log(row)
}

var averageLatency = regexp.MustCompile(`Average Latency \(s\):\s+([\d.]+)`)

// round starts the server, measures it and ends it.
func (p *authPeer) round(t *testing.T, file, first, next, queries string, secs int) {
	note := func(figure string, v float64) { p.figures[figure] = append(p.figures[figure], v) }
	swap := func(from string) {
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(file+".new", data, 0o644)
		}
		if err == nil {
			err = os.Rename(file+".new", file)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	swap(first)
	cmd := p.command()
	cmd.Path, cmd.Args = "/usr/bin/taskset", append([]string{"taskset", "-c", "0", cmd.Path}, cmd.Args[1:]...)
	cmd.Env = append(cmd.Environ(), "GOMAXPROCS=1")
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() }()
	serial := question(t, 1, wire.MustParseName("bench.test."), wire.TypeSOA)
	serves := func(want byte) func() bool {
		return func() bool {
			m := ask(p.at, serial, false)
			return m != nil && len(m.Answer) == 1 && m.Answer[0].Data[len(m.Answer[0].Data)-17] == want
		}
	}
	eventually(t, time.Minute, p.name+" answers", serves(1))
	note("load s", time.Since(begin).Seconds())
	perf := func(args ...string) string {
		args = append([]string{"-c", "1", "dnsperf", "-s", p.at.Addr().String(), "-p", itoa(p.at.Port()), "-d", queries, "-c", "8", "-q", "200"}, args...)
		out, err := exec.Command("taskset", args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "NOERROR") {
			t.Fatalf("dnsperf against %s: %v\n%s", p.name, err, out)
		}
		return string(out)
	}
	perf("-l", "1")
	before := cpu(cmd.Process.Pid)
	done, _ := strconv.ParseFloat(completed.FindStringSubmatch(perf("-l", strconv.Itoa(secs)))[1], 64)
	note("CPU s/Mq", (cpu(cmd.Process.Pid)-before)/done*1e6)
	late, _ := strconv.ParseFloat(averageLatency.FindStringSubmatch(perf("-l", "2", "-Q", "20000"))[1], 64)
	note("us at 20k/s", late*1e6)
	note("MiB", settled(t, cmd.Process.Pid))
	swap(next)
	later := time.Now().Add(5 * time.Second) // servers that look at whole seconds must see a change
	if err := os.Chtimes(file, later, later); err != nil {
		t.Fatal(err)
	}
	begin = time.Now()
	p.reload()
	eventually(t, time.Minute, p.name+" serves the new zone", serves(2))
	note("reload s", time.Since(begin).Seconds())
	<-time.After(time.Second) // what a server does behind the first answer is part of its memory
	note("MiB after", memory(cmd.Process.Pid))
}

// settled gives the memory of a process tree in MiB once it stays the same for half a second: what a server does behind the
// first answer is part of its memory.
func settled(t *testing.T, pid int) float64 {
	t.Helper()
	last, same := 0.0, 0
	eventually(t, 20*time.Second, "the memory settles", func() bool {
		if m := memory(pid); math.Abs(m-last) > 1 {
			last, same = m, 0
		}
		same++
		return same > 50
	})
	return last
}

func (s *suite) nsdPeer(t *testing.T, file string) *authPeer {
	port := freePort(t, s.address)
	conf := s.write("nsd.conf", fmt.Sprintf("server:\n  ip-address: %s@%d\n  server-count: 1\n  username: \"\"\n  zonesdir: %q\n  database: \"\"\n  pidfile: %q\n  xfrdfile: %q\n  zonelistfile: %q\n  xfrdir: %[3]q\n  rrl-ratelimit: 0\n  minimal-responses: yes\nremote-control:\n  control-enable: yes\n  control-interface: %[7]q\nzone:\n  name: bench.test\n  zonefile: %[8]q\n",
		s.address, port, s.dir, s.dir+"/nsd.pid", s.dir+"/nsd.state", s.dir+"/nsd.list", s.dir+"/nsd.sock", file))
	return &authPeer{
		name:    "nsd",
		at:      netip.AddrPortFrom(s.address, port),
		command: func() *exec.Cmd { return exec.Command("nsd", "-d", "-c", conf) },
		reload:  func() { exec.Command("nsd-control", "-c", conf, "reload", "bench.test").Run() },
	}
}

func (s *suite) knotPeer(t *testing.T, file string) *authPeer {
	port := freePort(t, s.address)
	dir := filepath.Join(s.dir, "knot")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	conf := s.write("knot.conf", fmt.Sprintf("server:\n  rundir: %q\n  listen: %s@%d\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\nlog:\n- target: stderr\n  any: warning\ndatabase:\n  storage: %[1]q\nzone:\n- domain: bench.test\n  file: %[4]q\n  journal-content: none\n  zonefile-sync: -1\n",
		dir, s.address, port, file))
	return &authPeer{
		name:    "knotd",
		at:      netip.AddrPortFrom(s.address, port),
		command: func() *exec.Cmd { return exec.Command("knotd", "-c", conf) },
		reload: func() {
			exec.Command("knotc", "-s", filepath.Join(dir, "knot.sock"), "zone-reload", "bench.test").Run()
		},
	}
}

func (s *suite) ownPeer(file string) *authPeer {
	return &authPeer{
		name: "bundy",
		at:   netip.AddrPortFrom(s.address, s.dns),
		command: func() *exec.Cmd {
			s.write("bundy-config.db", fmt.Sprintf(`{"version": 4, "Init": {"components": {"bundy-auth": {"special": "auth", "kind": "dispensable"},
"bundy-cmdctl": {"special": "cmdctl", "kind": "dispensable"}}}, "Auth": {"listen_on": [{"address": %q, "port": %d}]},
"data_sources": {"classes": {"IN": [{"type": "MasterFiles", "cache-enable": true, "params": {"bench.test": %q}}]}}}`, s.address, s.dns, file))
			return s.program("bundy", "--placement", s.placement, "--data-path", s.dir, "--cmdctl-port", itoa(s.cmdctl))
		},
		reload: func() { s.ctl("Auth", "loadzone", "bench.test") },
	}
}

// benchName gives a name to each number; names stand in no order.
func benchName(i int) string { return fmt.Sprintf("h%x", uint32(i)*2654435761) }

// benchZone makes a zone of hosts with one or two addresses, texts, aliases, delegations and wildcards.
func benchZone(names, serial int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$ORIGIN bench.test.\n$TTL 3600\n@ IN SOA ns1 hostmaster %d 7200 3600 1209600 300\n@ IN NS ns1\n@ IN NS ns2\nns1 IN A 192.0.2.1\nns2 IN A 192.0.2.2\n@ IN MX 10 ns1\n", serial)
	for i := range 10 {
		fmt.Fprintf(&b, "*.w%d IN A 192.0.2.%d\n", i, i+10)
	}
	for i := range names {
		name, address := benchName(i), fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)
		switch kind := i % 20; {
		case kind < 12:
			fmt.Fprintf(&b, "%s IN A %s\n", name, address)
		case kind < 16:
			fmt.Fprintf(&b, "%s IN A %s\n%[1]s IN AAAA 2001:db8::%[3]x:%[4]x\n", name, address, i>>16, i&65535)
		case kind == 16:
			fmt.Fprintf(&b, "%s IN TXT \"number %d in a row of texts\"\n", name, i)
		case kind == 17:
			fmt.Fprintf(&b, "%s IN CNAME %s\n", name, benchName(i-17))
		default:
			fmt.Fprintf(&b, "%s IN NS ns1.%[1]s\n%[1]s IN NS ns2\nns1.%[1]s IN A %s\n", name, address)
		}
	}
	return b.String()
}

// benchQueries asks for names in no order, one in five of which does not exist.
func benchQueries(names int) string {
	var b strings.Builder
	for i := range 500_000 {
		n := int(uint64(i) * 2862933555777941757 >> 33 % uint64(names))
		switch {
		case i%5 == 0:
			fmt.Fprintf(&b, "%s.bench.test A\n", benchName(names+n))
		case i%100 == 1:
			fmt.Fprintf(&b, "x%d.w%d.bench.test A\n", i, i/100%10)
		case n%20 >= 18:
			fmt.Fprintf(&b, "www.%s.bench.test A\n", benchName(n))
		case n%20 == 16:
			fmt.Fprintf(&b, "%s.bench.test TXT\n", benchName(n))
		default:
			fmt.Fprintf(&b, "%s.bench.test A\n", benchName(n))
		}
	}
	return b.String()
}
