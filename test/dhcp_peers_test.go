package test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestDHCPPeers measures the DHCP servers side by side with Kea's memfile in one run: the rate of four-way exchanges of new
// clients with less than 1 % lost, the processor time and the time to answer at 90 % of it, and the start with a million
// leases. It prints tables (make bench-dhcp) and asserts no figure.
func TestDHCPPeers(t *testing.T) {
	if os.Getenv("BUNDY_BENCH") == "" {
		t.Skip("measurement against peers: run with make bench-dhcp")
	}
	needs(t, "perfdhcp", "ip")
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	for _, family := range []int{4, 6} {
		t.Run(fmt.Sprintf("v%d", family), func(t *testing.T) {
			needs(t, fmt.Sprintf("kea-dhcp%d", family))
			b := newDHCPBench(t, family)
			t.Run("leases", b.leases)
			t.Run("start", b.start)
		})
	}
}

// dhcpBench is a network of two namespaces, a server's and one that makes load.
type dhcpBench struct {
	family       int
	server, load string
	try          int
}

func newDHCPBench(t *testing.T, family int) *dhcpBench {
	b := &dhcpBench{family: family, server: fmt.Sprintf("bundy-bs%d", os.Getpid()), load: fmt.Sprintf("bundy-bl%d", os.Getpid())}
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v\n%s", args, err, out)
		}
	}
	for _, ns := range []string{b.server, b.load} {
		run("netns", "add", ns)
		t.Cleanup(func() { exec.Command("ip", "netns", "del", ns).Run() })
		run("-n", ns, "link", "set", "lo", "up")
	}
	run("link", "add", "vs0", "netns", b.server, "type", "veth", "peer", "name", "vc0", "netns", b.load)
	for _, end := range [][2]string{{b.server, "vs0"}, {b.load, "vc0"}} {
		host := map[string]string{"vs0": "1", "vc0": "2"}[end[1]]
		run("-n", end[0], "addr", "add", "10.64.0."+host+"/12", "dev", end[1])
		run("-n", end[0], "addr", "add", "2001:db8:1::"+host+"/64", "dev", end[1], "nodad")
		run("-n", end[0], "link", "set", end[1], "addrgenmode", "eui64")
		run("-n", end[0], "link", "set", end[1], "up")
		exec.Command("ip", "netns", "exec", end[0], "ethtool", "-K", end[1], "tx", "off").Run()
	}
	eventually(t, 10*time.Second, "the addresses of the link are there", func() bool {
		out, _ := exec.Command("ip", "-n", b.load, "-6", "addr", "show", "dev", "vc0", "scope", "link").Output()
		return strings.Contains(string(out), "fe80") && !strings.Contains(string(out), "tentative")
	})
	return b
}

// leaseFile is where both servers keep leases below their folder.
const leaseFile = "leases.csv"

func (b *dhcpBench) kea(dir string) *exec.Cmd {
	subnet, more := `"subnet": "10.64.0.0/12", "pools": [{"pool": "10.65.0.0 - 10.79.255.254"}]`, `"dhcp-socket-type": "udp", `
	if b.family == 6 {
		subnet, more = `"subnet": "2001:db8:1::/64", "interface": "vs0", "pools": [{"pool": "2001:db8:1::1:0-2001:db8:1::ffff:ffff"}]`, ""
	}
	conf := filepath.Join(dir, "kea.json")
	text := fmt.Sprintf(`{"Dhcp%[1]d": {"interfaces-config": {%[2]s"interfaces": ["vs0"]}, "valid-lifetime": 4000, "multi-threading": {"enable-multi-threading": false},
"lease-database": {"type": "memfile", "persist": true, "name": %[3]q, "lfc-interval": 0}, "subnet%[1]d": [{"id": 1, %[4]s}],
"loggers": [{"name": "kea-dhcp%[1]d", "severity": "INFO", "output_options": [{"output": %[5]q}]}]}}`,
		b.family, more, filepath.Join(dir, leaseFile), subnet, filepath.Join(dir, "log"))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		panic(err)
	}
	cmd := exec.Command("ip", "netns", "exec", b.server, fmt.Sprintf("kea-dhcp%d", b.family), "-c", conf)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir)
	return cmd
}

func (b *dhcpBench) bundy(dir string) *exec.Cmd {
	subnet := `"subnet": "10.64.0.0/12", "pool": ["10.65.0.0 - 10.79.255.254"]`
	if b.family == 6 {
		subnet = `"subnet": "2001:db8:1::/64", "interface": "vs0", "pool": ["2001:db8:1::1:0 - 2001:db8:1::ffff:ffff"]`
	}
	text := fmt.Sprintf(`{"version": 4, "Init": {"components": {"bundy-dhcp%[1]d": {"kind": "dispensable"}}},
"Dhcp%[1]d": {"interfaces": ["vs0"], "lease-database": {"type": "memfile", "name": %[2]q}, "valid-lifetime": 4000, "subnet%[1]d": [{"id": 1, %[3]s}]}}`,
		b.family, filepath.Join(dir, leaseFile), subnet)
	if err := os.WriteFile(filepath.Join(dir, "bundy-config.db"), []byte(text), 0o600); err != nil {
		panic(err)
	}
	bin, _ := programs()
	cmd := exec.Command("ip", "netns", "exec", b.server, filepath.Join(bin, "bundy"), "--data-path", dir)
	if log, err := os.Create(filepath.Join(dir, "log")); err == nil {
		cmd.Stdout, cmd.Stderr = log, log
	}
	return cmd
}

// perf is what one run of perfdhcp saw.
type perf struct {
	done, lost float64
	delay      float64 // ms, of the REPLY or DHCPACK
}

var averageDelay = regexp.MustCompile(`avg delay: ([\d.]+) ms`)

// exchange makes rate new clients a second get leases. Each run has other clients.
func (b *dhcpBench) exchange(rate int, secs int) perf {
	b.try++
	args := []string{"netns", "exec", b.load, "perfdhcp", fmt.Sprintf("-%d", b.family), "-r", strconv.Itoa(rate), "-p", strconv.Itoa(secs), "-R", strconv.Itoa(max(rate*secs*20, 1000)),
		"-W", "500000", "-s", strconv.Itoa(b.try), "-b", fmt.Sprintf("mac=%02x:0c:%02x:00:00:00", 0x10+2*(b.try>>8), b.try&255)}
	if b.family == 6 {
		args = append(args, "-b", fmt.Sprintf("duid=00010001%04x000c%02x000000", 0x2000+b.try, b.try&255), "-l", "vc0", "all")
	} else {
		args = append(args, "-l", "10.64.0.2", "10.64.0.1")
	}
	out, _ := exec.Command("ip", args...).CombinedOutput()
	counts, delays := received.FindAllStringSubmatch(string(out), -1), averageDelay.FindAllStringSubmatch(string(out), -1)
	if len(counts) < 4 || len(delays) < 2 {
		return perf{lost: 1}
	}
	sent, _ := strconv.ParseFloat(counts[0][2], 64)
	p := perf{}
	p.done, _ = strconv.ParseFloat(counts[3][2], 64)
	p.delay, _ = strconv.ParseFloat(delays[1][1], 64)
	if p.lost = 1 - p.done/sent; sent < 0.9*float64(rate*secs) {
		p.lost = 1 // perfdhcp itself could not
	}
	return p
}

type dhcpPeer struct {
	name    string
	command func(dir string) *exec.Cmd
	up      string // what its log says when it serves
	best    int
	figures map[string][]float64
}

func (b *dhcpBench) peers() []*dhcpPeer {
	return []*dhcpPeer{
		{name: "kea", command: b.kea, up: fmt.Sprintf("DHCP%d_STARTED", b.family), figures: map[string][]float64{}},
		{name: "bundy", command: b.bundy, up: fmt.Sprintf("DHCP%d_CONFIG_COMPLETE", b.family), figures: map[string][]float64{}},
	}
}

// run starts a server, waits until it is up, and gives how long that took and what ends it.
func (p *dhcpPeer) run(t *testing.T, dir string) (cmd *exec.Cmd, took time.Duration) {
	t.Helper()
	cmd = p.command(dir)
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Minute, p.name+" is up", func() bool {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		return strings.Contains(string(log), p.up)
	})
	return cmd, time.Since(begin)
}

func end(cmd *exec.Cmd) {
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
}

// leases finds the highest rate, then measures at 90 % of it.
func (b *dhcpBench) leases(t *testing.T) {
	const secs, rounds = 3, 3
	peers := b.peers()
	for _, p := range peers {
		cmd, _ := p.run(t, t.TempDir())
		eventually(t, 20*time.Second, p.name+" gives leases", func() bool { return b.exchange(50, 1).done > 0 })
		low, high := 0, 0
		for rate := 2000; rate < 60000 && rate > 50 && (high == 0 || float64(high) > 1.1*float64(low)); {
			if b.exchange(rate, secs).lost < 0.01 {
				low = rate
			} else {
				high = rate
			}
			if high == 0 {
				rate *= 2
			} else {
				rate = (low + high) / 2
			}
		}
		p.best = low
		end(cmd)
	}
	for range rounds {
		for _, p := range peers {
			cmd, _ := p.run(t, t.TempDir())
			eventually(t, 20*time.Second, p.name+" gives leases", func() bool { return b.exchange(50, 1).done > 0 })
			before := cpu(cmd.Process.Pid)
			got := b.exchange(p.best*9/10, secs)
			p.figures["CPU s/1000"] = append(p.figures["CPU s/1000"], (cpu(cmd.Process.Pid)-before)/max(got.done, 1)*1000)
			p.figures["lost %"] = append(p.figures["lost %"], 100*got.lost)
			p.figures["ms"] = append(p.figures["ms"], got.delay)
			end(cmd)
		}
	}
	t.Logf("DHCPv%d, new clients: %-6s %10s %12s %8s %8s", b.family, "", "max/s", "CPU s/1000", "lost %", "ms")
	for _, p := range peers {
		t.Logf("DHCPv%d, new clients: %-6s %10d %12.4f %8.2f %8.2f", b.family, p.name, p.best, median(p.figures["CPU s/1000"]), median(p.figures["lost %"]), median(p.figures["ms"]))
	}
	t.Logf("DHCPv%d, new clients: ratio of rates %.2f, of processor time for a lease %.2f (bundy syncs before each acknowledgement, kea does not)",
		b.family, float64(peers[1].best)/float64(max(peers[0].best, 1)), median(peers[1].figures["CPU s/1000"])/median(peers[0].figures["CPU s/1000"]))
}

// start measures the start with a million leases in the file.
func (b *dhcpBench) start(t *testing.T) {
	const leases, rounds = 1_000_000, 2
	file := filepath.Join(t.TempDir(), "million.csv")
	if err := b.million(file, leases); err != nil {
		t.Fatal(err)
	}
	peers := b.peers()
	for range rounds {
		for _, p := range peers {
			dir := t.TempDir()
			if out, err := exec.Command("cp", file, filepath.Join(dir, leaseFile)).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			cmd, took := p.run(t, dir)
			p.figures["s"] = append(p.figures["s"], took.Seconds())
			p.figures["MiB"] = append(p.figures["MiB"], settled(t, cmd.Process.Pid))
			end(cmd)
		}
	}
	for _, p := range peers {
		t.Logf("DHCPv%d, start with a million leases: %-6s %6.2f s %6.0f MiB", b.family, p.name, median(p.figures["s"]), median(p.figures["MiB"]))
	}
	t.Logf("DHCPv%d, start with a million leases: ratio of times %.2f, of memory %.2f", b.family,
		median(peers[1].figures["s"])/median(peers[0].figures["s"]), median(peers[1].figures["MiB"])/median(peers[0].figures["MiB"]))
}

// million writes a lease file.
func (b *dhcpBench) million(path string, leases int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	expire := time.Now().Add(30 * 24 * time.Hour).Unix()
	if b.family == 4 {
		fmt.Fprintln(out, "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context")
	} else {
		fmt.Fprintln(out, "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source")
	}
	for i := range leases {
		mac := fmt.Sprintf("02:0c:%02x:%02x:%02x:%02x", i>>24, i>>16&255, i>>8&255, i&255)
		if b.family == 4 {
			fmt.Fprintf(out, "10.%d.%d.%d,%s,01:%[4]s,2592000,%d,1,0,0,host-%d.example.org,0,\n", 65+i>>16, i>>8&255, i&255, mac, expire, i)
		} else {
			fmt.Fprintf(out, "2001:db8:1::%x:%x,00:01:00:01:20:00:00:00:%s,2592000,%d,1,2000000,0,1,128,0,0,host-%d.example.org,%[3]s,0,,1,2\n", 1+i>>16, i&0xffff, mac, expire, i)
		}
	}
	return out.Flush()
}
