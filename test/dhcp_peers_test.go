package test

import (
	"bufio"
	"cmp"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestDHCPPeers measures the DHCP servers side by side with Kea's memfile in one run, and prints a table with the bars (make
// bench-dhcp). It asserts no figure. Bundy syncs each lease to disk before it acknowledges it, Kea does not. Parts run by
// themselves as -run 'TestDHCPPeers/v4/(leases|full|flood|start)$'.
func TestDHCPPeers(t *testing.T) {
	if os.Getenv("BUNDY_BENCH") == "" {
		t.Skip("measurement against peers: run with make bench-dhcp")
	}
	needs(t, "perfdhcp", "ip")
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	programs() // built before anything is measured
	keepAwake(t)
	table := &dhcpTable{}
	before := disturbed()
	for _, family := range []int{4, 6} {
		t.Run(fmt.Sprintf("v%d", family), func(t *testing.T) {
			server := fmt.Sprintf("kea-dhcp%d", family)
			needs(t, server)
			version, _ := exec.Command(server, "-v").Output()
			t.Logf("%s %s", server, strings.TrimSpace(string(version)))
			b := newDHCPBench(t, family)
			b.table = table
			t.Run("leases", b.leases)
			t.Run("full", b.full)
			t.Run("flood", b.flood)
			t.Run("start", b.start)
		})
	}
	t.Logf("%s\n%s", disturbed().since(before), table)
}

// dhcpTable is what was measured, beside the bars.
type dhcpTable struct{ rows []string }

// add makes a row: a ratio of our figure to theirs, or to another of ours, shall be at least or at most the bar.
func (d *dhcpTable) add(family int, what, format string, theirs, ours, ratio, least, most float64) {
	bar, verdict := "", ""
	switch {
	case least > 0:
		bar = fmt.Sprintf("at least %.2f", least)
	case most > 0:
		bar = fmt.Sprintf("at most %.2f", most)
	}
	if bar != "" {
		verdict = "reached"
		if least > 0 && ratio < least || most > 0 && ratio > most || ratio != ratio {
			verdict = "NOT reached"
		}
	}
	cell := func(v float64) string {
		if v < 0 {
			return ""
		}
		return fmt.Sprintf(format, v)
	}
	d.rows = append(d.rows, fmt.Sprintf("| DHCPv%d: %s | %s | %s | %.2f | %s | %s |", family, what, cell(theirs), cell(ours), ratio, bar, verdict))
}

func (d *dhcpTable) String() string {
	return "| | kea | bundy | ratio | bar | |\n|---|---|---|---|---|---|\n" + strings.Join(d.rows, "\n")
}

// dhcpBench is a network of two namespaces, a server's and one that makes load.
type dhcpBench struct {
	family       int
	server, load string
	try          int
	table        *dhcpTable
	used         int    // clients of leaseLoad so far
	pool         string // that bundy gives out; empty: a large one
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
	identity := ""
	if b.family == 6 {
		subnet = `"subnet": "2001:db8:1::/64", "interface": "vs0", "pools": [{"pool": "2001:db8:1::1:0-2001:db8:1::ffff:ffff"}]`
		more, identity = "", `"server-id": {"type": "LL", "persist": false}, `
	}
	conf := filepath.Join(dir, "kea.json")
	text := fmt.Sprintf(`{"Dhcp%[1]d": {"interfaces-config": {%[2]s"interfaces": ["vs0"]}, "valid-lifetime": 4000, %[6]s"multi-threading": {"enable-multi-threading": false},
"lease-database": {"type": "memfile", "persist": true, "name": %[3]q, "lfc-interval": 0}, "subnet%[1]d": [{"id": 1, %[4]s}],
"loggers": [{"name": "kea-dhcp%[1]d", "severity": "INFO", "output_options": [{"output": %[5]q}]}]}}`,
		b.family, more, filepath.Join(dir, leaseFile), subnet, filepath.Join(dir, "log"), identity)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		panic(err)
	}
	cmd := exec.Command("ip", "netns", "exec", b.server, fmt.Sprintf("kea-dhcp%d", b.family), "-c", conf)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir)
	return cmd
}

func (b *dhcpBench) bundy(dir string) *exec.Cmd {
	subnet := `"subnet": "10.64.0.0/12", "pool": ["` + cmp.Or(b.pool, "10.65.0.0 - 10.79.255.254") + `"]`
	if b.family == 6 {
		subnet = `"subnet": "2001:db8:1::/64", "interface": "vs0", "pool": ["` + cmp.Or(b.pool, "2001:db8:1::1:0 - 2001:db8:1::ffff:ffff") + `"]`
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
	best    int    // rate with perfdhcp
	bestOwn int    // with leaseLoad
	figures map[string][]float64
}

func (p *dhcpPeer) add(figure string, v float64) { p.figures[figure] = append(p.figures[figure], v) }

func (p *dhcpPeer) median(figure string) float64 {
	if len(p.figures[figure]) == 0 {
		return math.NaN()
	}
	return median(p.figures[figure])
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

// highest finds the highest rate of a server with less than 1 % lost.
func highest(from int, lost func(rate int) float64) int {
	low, high := 0, 0
	for rate := from; rate < 200000 && rate > 50 && (high == 0 || float64(high) > 1.1*float64(low)); {
		if lost(rate) < 0.01 {
			low = rate
		} else {
			high = rate
		}
		if high == 0 {
			rate += rate / 2
		} else {
			rate = (low + high) / 2
		}
	}
	return low
}

// up starts a server and waits until it gives leases.
func (b *dhcpBench) up(t *testing.T, p *dhcpPeer, dir string) *exec.Cmd {
	t.Helper()
	cmd, _ := p.run(t, dir)
	eventually(t, 20*time.Second, p.name+" gives leases", func() bool { return b.exchange(50, 1).done > 0 })
	return cmd
}

// fresh gives the number of the first of so many clients that did not come yet.
func (b *dhcpBench) fresh(n int) int {
	b.used += n
	return b.used - n
}

// leases finds the highest rates with perfdhcp and with a client of our own, then measures at 90 % of them.
func (b *dhcpBench) leases(t *testing.T) {
	const secs, rounds = 3, 3
	load := b.loader(t)
	peers := b.peers()
	own := func(rate int) loadResult {
		return load.run(loadPlan{length: secs * time.Second / 2, rate: rate, first: b.fresh(rate * secs)})
	}
	for _, p := range peers {
		cmd := b.up(t, p, t.TempDir())
		p.best = highest(4000, func(rate int) float64 { return b.exchange(rate, secs).lost })
		end(cmd)
		cmd = b.up(t, p, t.TempDir())
		p.bestOwn = highest(max(p.best, 1000), func(rate int) float64 { return own(rate).lost() })
		end(cmd)
	}
	for range rounds {
		for _, p := range peers {
			cmd := b.up(t, p, t.TempDir())
			before := cpu(cmd.Process.Pid)
			got := b.exchange(p.best*9/10, secs)
			p.add("CPU", (cpu(cmd.Process.Pid)-before)/max(got.done, 1)*1000)
			p.add("lost", 100*got.lost)
			p.add("ms", got.delay)
			before = cpu(cmd.Process.Pid)
			mine := own(p.bestOwn * 9 / 10)
			p.add("own CPU", (cpu(cmd.Process.Pid)-before)/float64(max(mine.done, 1))*1000)
			p.add("own ms", mine.late.quantile(0.5)/1000)
			end(cmd)
		}
	}
	kea, bundy := peers[0], peers[1]
	row := func(what, format string, theirs, ours, least, most float64) {
		b.table.add(b.family, what, format, theirs, ours, ours/theirs, least, most)
	}
	row("new leases a second, perfdhcp (it has a ceiling of its own)", "%.0f", float64(kea.best), float64(bundy.best), 0, 0)
	row("the same, a faster client", "%.0f", float64(kea.bestOwn), float64(bundy.bestOwn), 2, 0)
	row("CPU s for 1000 leases at 90 % of that, perfdhcp", "%.4f", kea.median("CPU"), bundy.median("CPU"), 0, 0.4)
	row("the same, a faster client", "%.4f", kea.median("own CPU"), bundy.median("own CPU"), 0, 0.4)
	row("ms until the REPLY or DHCPACK, perfdhcp", "%.2f", kea.median("ms"), bundy.median("ms"), 0, 0)
	row("ms for the whole exchange, a faster client", "%.2f", kea.median("own ms"), bundy.median("own ms"), 0, 0)
	t.Logf("lost at 90 %%: kea %.2f %%, bundy %.2f %%", kea.median("lost"), bundy.median("lost"))
}

func (b *dhcpBench) loader(t *testing.T) *leaseLoad {
	load, err := newLeaseLoad(b.family, b.load)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(load.close)
	return load
}

// with writes a lease file for a server to start with.
func (b *dhcpBench) with(t *testing.T, leases int) (dir string) {
	dir = t.TempDir()
	if err := b.million(filepath.Join(dir, leaseFile), leases); err != nil {
		t.Fatal(err)
	}
	return dir
}

// full measures a pool of a /16, empty and with 99 % of its addresses leased. Clients get leases and give them back, so that it
// stays as full.
func (b *dhcpBench) full(t *testing.T) {
	const size, rounds, window, length = 1 << 16, 3, 200, 2 * time.Second
	b.pool = "10.65.0.0 - 10.65.255.255"
	if b.family == 6 {
		b.pool = "2001:db8:1::1:0 - 2001:db8:1::1:ffff"
	}
	defer func() { b.pool = "" }()
	load, bundy := b.loader(t), b.peers()[1]
	for range rounds {
		for _, leases := range []int{0, size / 100 * 99} {
			cmd, _ := bundy.run(t, b.with(t, leases))
			load.awake(b)
			before := cpu(cmd.Process.Pid)
			got := load.run(loadPlan{length: length, window: window, first: b.fresh(1 << 20), giveBack: true})
			bundy.add(fmt.Sprintf("rate %d", leases), got.rate())
			bundy.add(fmt.Sprintf("CPU %d", leases), (cpu(cmd.Process.Pid)-before)/float64(max(got.done, 1))*1000)
			end(cmd)
		}
	}
	empty, full := bundy.median("rate 0"), bundy.median(fmt.Sprintf("rate %d", size/100*99))
	b.table.add(b.family, "leases given and released a second, pool of a /16 empty", "%.0f", -1, empty, 1, 0, 0)
	b.table.add(b.family, "the same, 99 % full", "%.0f", -1, full, full/empty, 0.8, 0)
	t.Logf("CPU s for 1000 leases: empty %.4f, 99 %% full %.4f", bundy.median("CPU 0"), bundy.median(fmt.Sprintf("CPU %d", size/100*99)))
}

// awake waits until the server answers this client.
func (l *leaseLoad) awake(b *dhcpBench) {
	for range 100 {
		if l.run(loadPlan{length: 100 * time.Millisecond, rate: 50, first: b.fresh(50), giveBack: true}).done > 0 {
			return
		}
	}
}

// flood measures how many of 100,000 known clients can renew while a million clients that do not exist look for a server.
func (b *dhcpBench) flood(t *testing.T) {
	const known, length = 100_000, 20 * time.Second
	const renewals, knocks = known / 20, 1_000_000 / 20 // a second
	peers, load := b.peers(), b.loader(t)
	for _, p := range peers {
		cmd, _ := p.run(t, b.with(t, known))
		eventually(t, 20*time.Second, p.name+" renews", func() bool {
			return load.run(loadPlan{length: 100 * time.Millisecond, rate: 100, renew: true}).done > 0
		})
		got := load.run(loadPlan{length: length, rate: renewals, clients: known, renew: true, knock: knocks})
		p.add("renewed", float64(got.done)/known)
		p.add("MiB", memory(cmd.Process.Pid))
		t.Logf("%s: %d of %d renewals answered, half of them within %.2f ms, 99 %% within %.1f ms, while %d others knocked; %.0f MiB",
			p.name, got.done, got.begun, got.late.quantile(0.5)/1000, got.late.quantile(0.99)/1000, got.knocked, p.median("MiB"))
		end(cmd)
	}
	theirs, ours := peers[0].median("renewed"), peers[1].median("renewed")
	b.table.add(b.family, "part of 100,000 clients renewed while a million others knock", "%.4f", theirs, ours, ours, 0.99, 0)
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
	kea, bundy := peers[0], peers[1]
	for _, c := range []struct {
		what, format, figure string
		most                 float64
	}{{"start with a million leases, s", "%.2f", "s", 0.2}, {"memory then, MiB", "%.0f", "MiB", 0.5}} {
		theirs, ours := kea.median(c.figure), bundy.median(c.figure)
		b.table.add(b.family, c.what, c.format, theirs, ours, ours/theirs, 0, c.most)
	}
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
