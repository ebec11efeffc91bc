package test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
)

// TestAuthPeers measures the authoritative server side by side with nsd, knotd and named and prints a table with ratios
// to the best of them (make bench-auth). It asserts no figure: what else runs on the machine, and below it, decides too
// much. What that took is logged.
func TestAuthPeers(t *testing.T) {
	if os.Getenv("BUNDY_BENCH") == "" {
		t.Skip("measurement against peers: run with make bench-auth")
	}
	needs(t, "nsd", "nsd-control", "knotd", "knotc", "named", "dnssec-keygen", "dnssec-signzone", "dnsperf", "taskset", "chrt")
	var versions []string
	for _, of := range [][]string{{"nsd", "-v"}, {"knotd", "--version"}, {"named", "-v"}} {
		out, _ := exec.Command(of[0], of[1:]...).CombinedOutput()
		first, _, _ := strings.Cut(string(out), "\n")
		versions = append(versions, first)
	}
	keepAwake(t)
	table := &figures{servers: []string{"nsd", "knotd", "named", "bundy"}}
	piece := func(name string, measure func(t *testing.T, table *figures)) {
		t.Run(name, func(t *testing.T) {
			before := disturbed()
			measure(t, table)
			t.Log(disturbed().since(before))
		})
	}
	for _, names := range []int{100, 1_000_000} {
		for threads := 1; threads <= 2; threads++ {
			piece(fmt.Sprintf("queries-%d-%d", names, threads), func(t *testing.T, table *figures) {
				bar := 0.9
				if names > 100 {
					bar = 0.7
				}
				s := newSuite(t, "single")
				m := match{s, s.write("bench.zone", benchZone(names, 1)), threads}
				m.queries(t, table, fmt.Sprintf("%d names, %s", names, []string{"", "one thread", "two threads"}[threads]), names, bar, false)
			})
		}
	}
	piece("signed", measureSigned)
	piece("load", measureLoad)
	piece("change", measureChange)
	piece("zones", measureZones)
	fmt.Printf("\n%s; %s; %d processors\n\n%s\n", strings.Join(versions, "; "), time.Now().Format("January 2006"), len(allProcessors()), table)
}

// queries measures what a query costs and how long its answer takes. With one thread servers have processor 0, the client
// processor 1.
func (m match) queries(t *testing.T, table *figures, what string, names int, bar float64, do bool) {
	const rounds, length, warm = 3, 2500 * time.Millisecond, 1500 * time.Millisecond
	text, asked := benchQueries(t, names, do)
	file := m.write("queries", text)
	if m.threads == 1 {
		keepTo(t, 1)
		defer keepTo(t, allProcessors()...)
	}
	all := m.contestants(t)
	for _, c := range all {
		c.start(t, m.threads, 1)
		if _, err := blast(c.at, asked, warm, 0); err != nil {
			t.Fatal(err)
		}
	}
	cost, other := table.row(what+": CPU s for a million queries", "%.2f", bar, 0), table.row(what+": the same asked by dnsperf", "%.2f", bar, 0)
	var middle, high *figureRow
	if m.threads == 1 {
		middle = table.row(what+": answer at 20,000 a second, µs, p50", "%.0f", 0, 0)
		high = table.row(what+": answer at 20,000 a second, µs, p99", "%.0f", 1, 0)
	}
	perf := func(c *contestant) (answered float64) {
		args := []string{"-s", c.at.Addr().String(), "-p", itoa(c.at.Port()), "-d", file, "-c", "8", "-q", "200", "-T", strconv.Itoa(m.threads), "-t", "1", "-l", fmt.Sprint(length.Seconds())}
		if do {
			args = append(args, "-D")
		}
		out, err := exec.Command("dnsperf", args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "NOERROR") {
			t.Fatalf("dnsperf against %s: %v\n%s", c.name, err, out)
		}
		answered, _ = strconv.ParseFloat(completed.FindStringSubmatch(string(out))[1], 64)
		return answered
	}
	for range rounds {
		for _, c := range all {
			before := cpu(c.cmd.Process.Pid)
			answered := perf(c)
			between := cpu(c.cmd.Process.Pid)
			other.add(c.name, (between-before)/answered*1e6)
			r, err := blast(c.at, asked, length, 0)
			if err != nil {
				t.Fatal(err)
			}
			cost.add(c.name, (cpu(c.cmd.Process.Pid)-between)/float64(r.answered)*1e6)
			t.Logf("%-6s %7.0f q/s, lost %d of %d, rcodes %v", c.name, float64(r.answered)/length.Seconds(), r.lost, r.sent, r.rcodes[:6])
		}
	}
	if middle == nil {
		return
	}
	for range 3 * rounds { // short ones, as the host's pauses are most of what is seen at 99 %
		for _, c := range all {
			r, err := blast(c.at, asked, length/3, 20_000)
			if err != nil {
				t.Fatal(err)
			}
			middle.add(c.name, r.late.quantile(0.5))
			high.add(c.name, r.late.quantile(0.99))
			t.Logf("%-6s at 20,000 a second: p50 %.0f, p99 %.0f, p99.9 %.0f µs, lost %d of %d", c.name, r.late.quantile(0.5), r.late.quantile(0.99), r.late.quantile(0.999), r.lost, r.sent)
		}
	}
}

// measureSigned measures answers with signatures and NSEC3 proofs.
func measureSigned(t *testing.T, table *figures) {
	const names = 100_000
	s := newSuite(t, "single")
	plain, dir := s.write("bench.zone", benchZone(names, 1)), t.TempDir()
	run := func(program string, args ...string) {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", program, err, out)
		}
	}
	run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "bench.test")
	run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "bench.test")
	run("dnssec-signzone", "-q", "-S", "-3", "-", "-H", "0", "-e", "+31536000", "-o", "bench.test", "-x", "-f", "signed", plain)
	m := match{s, filepath.Join(dir, "signed"), 1}
	m.queries(t, table, fmt.Sprintf("%d names signed with NSEC3, DO, one thread", names), names, 0.8, true)
}

// measureLoad measures loading and reloading of a large zone, by servers that may use all processors.
func measureLoad(t *testing.T, table *figures) {
	const names, rounds, threads = 1_000_000, 2, 2
	load, memory := table.row("a million names: load, s", "%.2f", 0.4, 0), table.row("a million names: memory, MiB", "%.0f", 0.7, 0)
	reload := table.row("a million names: reload, s", "%.2f", 0.4, 0)
	most, times := table.row("a million names: memory at most while reloading, MiB", "%.0f", 0, 0), table.row("a million names: the same, in times of that before", "%.2f", 0, 2)
	after := table.row("a million names: memory after the reload, MiB", "%.0f", 0.7, 0)
	for round := range rounds {
		s := newSuite(t, "single")
		m := match{s, s.write("bench.zone", ""), threads}
		first, next := s.write("first.zone", benchZone(names, 1)), s.write("next.zone", benchZone(names, 2))
		for _, c := range m.contestants(t) {
			t.Run(fmt.Sprint(c.name, round), func(t *testing.T) { // which ends it
				copyZone(t, first, m.file, 0)
				load.add(c.name, c.start(t, threads, 1))
				before := settled(t, c.cmd.Process.Pid)
				memory.add(c.name, before)
				copyZone(t, next, m.file, 5*time.Second)
				peak := watchMemory(c.cmd.Process.Pid)
				begin := time.Now()
				c.reload()
				c.serves(t, 2)
				reload.add(c.name, time.Since(begin).Seconds())
				<-time.After(time.Second) // what a server does behind the first answer is part of its memory
				high := peak()
				most.add(c.name, high)
				times.add(c.name, high/before)
				after.add(c.name, settled(t, c.cmd.Process.Pid))
			})
		}
	}
}

// copyZone puts a zone file in its place, with a time that lies ahead: servers that look at whole seconds must see the change.
func copyZone(t *testing.T, from, to string, ahead time.Duration) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to+".new", data, 0o644)
	}
	if err == nil {
		err = os.Rename(to+".new", to)
	}
	if at := time.Now().Add(ahead); err == nil {
		err = os.Chtimes(to, at, at)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// watchMemory looks at the memory of a process tree from time to time; the function that it returns gives the highest.
func watchMemory(pid int) func() float64 {
	stop, highest := make(chan struct{}), make(chan float64)
	go func() {
		high := 0.0
		for {
			high = max(high, memory(pid))
			select {
			case <-time.After(150 * time.Millisecond): // to look costs some milliseconds of a large process
			case <-stop:
				highest <- high
				return
			}
		}
	}()
	return func() float64 { close(stop); return <-highest }
}

// settled gives the memory of a process tree in MiB once it stays the same for half a second.
func settled(t *testing.T, pid int) float64 {
	t.Helper()
	last, since := 0.0, time.Now()
	eventually(t, 20*time.Second, "the memory settles", func() bool {
		if m := memory(pid); math.Abs(m-last) > 1 {
			last, since = m, time.Now()
		}
		return time.Since(since) > 500*time.Millisecond
	})
	return last
}

// measureChange changes one record of a large zone after another by dynamic update, and waits until it is answered. nsd
// has no way to change a record but to read the file.
func measureChange(t *testing.T, table *figures) {
	const names, changes, threads, length = 1_000_000, 200, 2, 8 * time.Second
	s := newSuite(t, "single")
	m := match{s, s.write("bench.zone", benchZone(names, 1)), threads}
	if out, err := s.loadzone("bench.test", m.file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	stored := fmt.Sprintf(`{"type": "sqlite3", "params": {"database_file": %q}}`, filepath.Join(s.dir, "zone.sqlite3"))
	middle, slowest := table.row("one of a million changed (RFC 2136) and answered, ms", "%.2f", 0, 10), table.row("the slowest such change of 200, or of 8 seconds, ms", "%.2f", 0, 10)
	origin := wire.MustParseName("bench.test.")
	for _, c := range []*contestant{m.knotd(t), m.named(t), m.bundy(stored)} {
		t.Run(c.name, func(t *testing.T) {
			c.start(t, threads, 1)
			var took []float64
			for i, end := 0, time.Now().Add(length); i < changes && time.Now().Before(end); i++ {
				name := wire.MustParseName(benchName(i*4999/20*20) + ".bench.test.") // one with an address alone
				address := []byte{192, 0, 2, byte(i)}
				msg, err := update.Request{Zone: origin, Class: wire.ClassIN, Updates: []wire.RR{
					{Name: name, Type: wire.TypeA, Class: wire.ClassANY},
					{Name: name, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: address},
				}}.Pack(uint16(i))
				if err != nil {
					t.Fatal(err)
				}
				asked := question(t, uint16(i), name, wire.TypeA)
				begin := time.Now()
				if reply := ask(c.at, msg, false); reply == nil || reply.Header.Flags.Rcode() != wire.RcodeNoError {
					t.Fatalf("the update: %+v", reply)
				}
				for {
					if reply := ask(c.at, asked, false); reply != nil && len(reply.Answer) == 1 && string(reply.Answer[0].Data) == string(address) {
						break
					}
					if time.Since(begin) > time.Minute {
						t.Fatal("the change is not served")
					}
				}
				took = append(took, time.Since(begin).Seconds()*1e3)
			}
			high := 0.0
			for _, ms := range took {
				high = max(high, ms)
			}
			middle.add(c.name, median(took))
			slowest.add(c.name, high)
		})
	}
}
