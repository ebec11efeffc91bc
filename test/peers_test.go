package test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestPeers measures the suite side by side with Debian's peers in one run and prints ratios (make bench). It asserts
// no figure: a machine that others use too gives no reliable absolute numbers.
func TestPeers(t *testing.T) {
	if os.Getenv("BUNDY_BENCH") == "" {
		t.Skip("measurement against peers: run with make bench")
	}
	t.Run("start", measureStart)
	t.Run("dns", measureDNS)
	t.Run("dhcp", measureDHCP)
}

// tree gives a process and its descendants.
func tree(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		for _, task := range tasks {
			data, _ := os.ReadFile(task)
			for _, f := range strings.Fields(string(data)) {
				if child, err := strconv.Atoi(f); err == nil && !slices.Contains(all, child) {
					all = append(all, child)
				}
			}
		}
	}
	return all
}

// cpu gives user and system seconds of a process tree.
func cpu(pid int) float64 {
	ticks := 0.0
	for _, p := range tree(pid) {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		if err != nil {
			continue
		}
		f := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+2:]))
		for _, i := range []int{11, 12, 13, 14} {
			v, _ := strconv.ParseFloat(f[i], 64)
			ticks += v
		}
	}
	return ticks / 100
}

var pss = regexp.MustCompile(`(?m)^Pss:\s+(\d+)`)

// memory gives the proportional memory of a process tree in MiB.
func memory(pid int) float64 {
	kib := 0.0
	for _, p := range tree(pid) {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p))
		if m := pss.FindSubmatch(data); m != nil {
			v, _ := strconv.ParseFloat(string(m[1]), 64)
			kib += v
		}
	}
	return kib / 1024
}

func measureStart(t *testing.T) {
	for _, placement := range []string{"single", "grouped"} {
		var seconds, mib []float64
		s := newSuite(t, placement)
		s.loadZones()
		s.start()
		s.script(s.dnsScript() + s.dhcpScript() + "config commit\n")
		for range 5 {
			s.stop()
			at := time.Now()
			s.start()
			seconds = append(seconds, time.Since(at).Seconds())
			mib = append(mib, memory(s.cmd.Process.Pid))
		}
		s.stop()
		t.Logf("start with all components, %s: %.3f s, %.0f MiB idle (median of %d)", placement, median(seconds), median(mib), len(seconds))
	}
}

// peer is a server under load.
type peer struct {
	name string
	pid  int
	at   netip.AddrPort
	figs []float64 // queries a CPU second
	rate []float64 // queries a second
}

var (
	completed = regexp.MustCompile(`Queries completed:\s+(\d+)`)
	perSecond = regexp.MustCompile(`Queries per second:\s+([\d.]+)`)
)

func measureDNS(t *testing.T) {
	needs(t, "nsd", "dnsperf")
	const names, rounds, secs = 10000, 5, 4
	var zone, queries strings.Builder
	zone.WriteString("$TTL 300\n@ IN SOA ns.lab.example. hostmaster.lab.example. 1 3600 900 604800 60\n@ IN NS ns.lab.example.\nns IN A 192.0.2.1\n")
	for i := range names {
		fmt.Fprintf(&zone, "host%d IN A 192.0.2.%d\n", i, i%250+1)
		fmt.Fprintf(&queries, "host%d.lab.example A\n", (i*7919)%names)
	}
	s := newSuite(t, "grouped")
	file, data := s.write("bench.zone", zone.String()), s.write("queries", queries.String())
	if out, err := s.loadzone("lab.example", file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.start()
	s.script(s.dnsScript() + "config commit\n")
	eventually(t, 20*time.Second, "the zone is served", func() bool { return s.lookup("host1.lab.example") != "" })
	port := freePort(t, s.address)
	conf := s.write("nsd.conf", fmt.Sprintf("server:\n  ip-address: %s@%d\n  server-count: %d\n  reuseport: yes\n  username: \"\"\n  zonesdir: %q\n  database: \"\"\n  pidfile: %q\n  xfrdfile: %q\n  zonelistfile: %q\n  xfrdir: %[4]q\n  rrl-ratelimit: 0\n  minimal-responses: yes\nremote-control:\n  control-enable: no\nzone:\n  name: lab.example\n  zonefile: %[8]q\n",
		s.address, port, runtime.NumCPU(), s.dir, s.dir+"/nsd.pid", s.dir+"/nsd.state", s.dir+"/nsd.list", file))
	nsd := exec.Command("nsd", "-d", "-c", conf)
	if err := nsd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { nsd.Process.Kill(); nsd.Wait() }()
	peers := []*peer{
		{name: "bundy", pid: s.process("bundy-dns"), at: netip.AddrPortFrom(s.address, s.dns)},
		{name: "nsd", pid: nsd.Process.Pid, at: netip.AddrPortFrom(s.address, port)},
	}
	load := func(p *peer, seconds int) (float64, float64) {
		out, err := exec.Command("dnsperf", "-s", p.at.Addr().String(), "-p", itoa(p.at.Port()), "-d", data, "-l", strconv.Itoa(seconds), "-c", "8", "-q", "200").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "NOERROR") {
			t.Fatalf("dnsperf against %s: %v\n%s", p.name, err, out)
		}
		done, _ := strconv.ParseFloat(string(completed.FindSubmatch(out)[1]), 64)
		rate, _ := strconv.ParseFloat(string(perSecond.FindSubmatch(out)[1]), 64)
		return done, rate
	}
	for _, p := range peers {
		load(p, 1)
	}
	for range rounds {
		for _, p := range peers {
			before := cpu(p.pid)
			done, rate := load(p, secs)
			p.figs = append(p.figs, done/(cpu(p.pid)-before))
			p.rate = append(p.rate, rate)
		}
	}
	for _, p := range peers {
		t.Logf("%-6s %9.0f queries a CPU second, %8.0f a second (median of %d rounds of %d s, %d names)", p.name, median(p.figs), median(p.rate), rounds, secs, names)
	}
	t.Logf("ratio bundy/nsd, queries a CPU second: %.2f", median(peers[0].figs)/median(peers[1].figs))
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}

var received = regexp.MustCompile(`(sent|received) packets: (\d+)`)

// measureDHCP finds the highest rate of four-way exchanges with less than 1 % lost, for us and for Kea, in network
// namespaces.
func measureDHCP(t *testing.T) {
	needs(t, "perfdhcp", "kea-dhcp4", "ip")
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	server, load := "bundy-bench-s", "bundy-bench-c"
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v\n%s", args, err, out)
		}
	}
	for _, ns := range []string{server, load} {
		run("netns", "add", ns)
		defer exec.Command("ip", "netns", "del", ns).Run()
		run("-n", ns, "link", "set", "lo", "up")
	}
	run("link", "add", "vs0", "netns", server, "type", "veth", "peer", "name", "vc0", "netns", load)
	run("-n", server, "addr", "add", "10.64.0.1/12", "dev", "vs0")
	run("-n", load, "addr", "add", "10.64.0.2/12", "dev", "vc0")
	run("-n", server, "link", "set", "vs0", "up")
	run("-n", load, "link", "set", "vc0", "up")

	kea := func(dir string) *exec.Cmd {
		conf := filepath.Join(dir, "kea.json")
		os.WriteFile(conf, []byte(fmt.Sprintf(`{"Dhcp4": {"interfaces-config": {"interfaces": ["vs0"], "dhcp-socket-type": "udp"},
"lease-database": {"type": "memfile", "persist": true, "name": %q, "lfc-interval": 0}, "valid-lifetime": 4000, "multi-threading": {"enable-multi-threading": false},
"subnet4": [{"subnet": "10.64.0.0/12", "id": 1, "pools": [{"pool": "10.65.0.0 - 10.79.255.254"}]}],
"loggers": [{"name": "kea-dhcp4", "severity": "ERROR", "output_options": [{"output": "stderr"}]}]}}`, filepath.Join(dir, "kea.csv"))), 0o600)
		cmd := exec.Command("ip", "netns", "exec", server, "kea-dhcp4", "-c", conf)
		cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir)
		return cmd
	}
	bundy := func(dir string) *exec.Cmd {
		os.WriteFile(filepath.Join(dir, "bundy-config.db"), []byte(`{"version": 4, "Init": {"components": {"bundy-dhcp4": {"kind": "dispensable"}}},
"Dhcp4": {"interfaces": ["vs0"], "subnet4": [{"subnet": "10.64.0.0/12", "pool": ["10.65.0.0 - 10.79.255.254"]}]}}`), 0o600)
		bin, _ := programs()
		return exec.Command("ip", "netns", "exec", server, filepath.Join(bin, "bundy"), "--data-path", dir)
	}
	try := 0
	exchange := func(rate, secs int) (done, lost float64) {
		try++
		out, _ := exec.Command("ip", "netns", "exec", load, "perfdhcp", "-4", "-r", strconv.Itoa(rate), "-p", strconv.Itoa(secs), "-R", strconv.Itoa(rate*secs*20), "-W", "500000",
			"-s", strconv.Itoa(try), "-b", fmt.Sprintf("mac=%02x:0c:%02x:00:00:00", 0x10+2*(try>>8), try&255), "-l", "10.64.0.2", "10.64.0.1").CombinedOutput()
		m := received.FindAllStringSubmatch(string(out), -1)
		if len(m) < 4 {
			return 0, 1
		}
		sent, _ := strconv.ParseFloat(m[0][2], 64)
		done, _ = strconv.ParseFloat(m[3][2], 64)
		if sent < 0.9*float64(rate*secs) {
			return done, 1
		}
		return done, 1 - done/sent
	}
	best := map[string]float64{}
	for _, c := range []struct {
		name string
		make func(string) *exec.Cmd
	}{{"kea", kea}, {"bundy", bundy}, {"kea", kea}, {"bundy", bundy}} {
		cmd := c.make(t.TempDir())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, 20*time.Second, c.name+" gives leases", func() bool { d, _ := exchange(50, 1); return d > 0 })
		low, high := 0, 0
		for rate := 1000; rate < 60000 && (high == 0 || float64(high) > 1.1*float64(low)); {
			if _, lost := exchange(rate, 3); lost < 0.01 {
				low = rate
			} else {
				high = rate
			}
			if high == 0 {
				rate *= 2
			} else if low == 0 && high < 50 {
				break
			} else {
				rate = (low + high) / 2
			}
		}
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		best[c.name] = max(best[c.name], float64(low))
		t.Logf("%-6s %6d four-way exchanges a second with less than 1 %% lost", c.name, low)
	}
	t.Logf("ratio bundy/kea, four-way exchanges a second: %.2f (bundy syncs its journal before each acknowledgement, kea does not)", best["bundy"]/best["kea"])
}
