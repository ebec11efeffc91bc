package test

import (
	"fmt"
	"iter"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonedb"
	"bundy/internal/dns/zonefile"
)

// smallZones is how many zones measureZones has, those of a small provider.
const smallZones = 20000

// measureZones compares the start and the memory of servers that have many small zones.
func measureZones(t *testing.T, table *figures) {
	s := newSuite(t, "grouped")
	zones := filepath.Join(s.dir, "zones")
	if err := os.Mkdir(zones, 0o755); err != nil {
		t.Fatal(err)
	}
	name := func(i int) string { return fmt.Sprintf("zone%d.example", i) }
	var nsdZones, sources strings.Builder
	for i := range smallZones {
		file := filepath.Join(zones, name(i))
		if err := os.WriteFile(file, []byte(fmt.Sprintf("$TTL 3600\n@ IN SOA ns1 hostmaster %d 3600 900 604800 60\n@ IN NS ns1\n@ IN NS ns2\n"+
			"@ IN MX 10 mail\n@ IN A 192.0.2.1\nns1 IN A 192.0.2.2\nns2 IN A 192.0.2.3\nmail IN A 192.0.2.4\nwww IN CNAME @\n@ IN TXT \"v=spf1 mx -all\"\n", i+1)), 0o644); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&nsdZones, "zone:\n  name: %s\n  zonefile: %q\n", name(i), file)
		fmt.Fprintf(&sources, "%q: %q,", name(i), file)
	}
	database := filepath.Join(memoryDir(t), "zone.sqlite3")
	fill(t, database, func(i int) (wire.Name, iter.Seq2[wire.RR, error]) {
		origin := wire.MustParseName(name(i))
		return origin, zonefile.Read(filepath.Join(zones, name(i)), origin, zonefile.Options{Class: wire.ClassIN})
	})
	port := freePort(t, s.address)
	conf := s.write("nsd.conf", fmt.Sprintf("server:\n  ip-address: %s@%d\n  server-count: 2\n  reuseport: yes\n  username: \"\"\n  zonesdir: %q\n  database: \"\"\n  pidfile: %q\n  xfrdfile: %q\n  zonelistfile: %q\n  xfrdir: %[3]q\nremote-control:\n  control-enable: no\n%[7]s",
		s.address, port, s.dir, s.dir+"/nsd.pid", s.dir+"/nsd.state", s.dir+"/nsd.list", nsdZones.String()))
	start, used, memory20k := table.row("20,000 zones: start, s", "%.2f", 1, 0), table.row("20,000 zones: CPU s of the start", "%.2f", 0, 0), table.row("20,000 zones: memory, MiB", "%.0f", 1, 0)
	startDB, usedDB, memoryDB := table.row("20,000 zones from SQLite: start, s", "%.2f", 1, 0), table.row("20,000 zones from SQLite: CPU s of the start", "%.2f", 0, 0), table.row("20,000 zones from SQLite: memory, MiB", "%.0f", 1, 0)
	for _, p := range []struct {
		name    string
		at      netip.AddrPort
		command func() *exec.Cmd
		rows    [][]*figureRow
	}{
		{"nsd", netip.AddrPortFrom(s.address, port), func() *exec.Cmd { return exec.Command("nsd", "-d", "-c", conf) },
			[][]*figureRow{{start, used, memory20k}, {startDB, usedDB, memoryDB}}},
		{"bundy", netip.AddrPortFrom(s.address, s.dns), s.withSources(`{"type": "MasterFiles", "cache-enable": true, "params": {` + strings.TrimSuffix(sources.String(), ",") + `}}`),
			[][]*figureRow{{start, used, memory20k}}},
		{"bundy", netip.AddrPortFrom(s.address, s.dns), s.withSources(fmt.Sprintf(`{"type": "sqlite3", "params": {"database_file": %q}}`, database)),
			[][]*figureRow{{startDB, usedDB, memoryDB}}},
	} {
		for range 3 {
			cmd := p.command()
			at := time.Now()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			last := question(t, 1, wire.MustParseName("www."+name(smallZones-1)), wire.TypeA)
			eventually(t, 2*time.Minute, p.name+" answers", func() bool {
				m := ask(p.at, last, false)
				return m != nil && len(m.Answer) == 2
			})
			seconds, burnt := time.Since(at).Seconds(), cpu(cmd.Process.Pid)
			<-time.After(time.Second) // what a server does behind the first answer is part of its memory
			for _, r := range p.rows {
				for i, v := range []float64{seconds, burnt, memory(cmd.Process.Pid)} {
					r[i].add(p.name, v)
				}
			}
			cmd.Process.Signal(os.Interrupt)
			cmd.Wait()
		}
	}
}

// withSources gives a command that runs a suite with authoritative DNS from one data source.
func (s *suite) withSources(source string) func() *exec.Cmd {
	return func() *exec.Cmd {
		s.write("bundy-config.db", fmt.Sprintf(`{"version": 4, "Init": {"components": {"bundy-auth": {"special": "auth", "kind": "dispensable"}}},
"Auth": {"listen_on": [{"address": %q, "port": %d}]}, "data_sources": {"classes": {"IN": [%s]}}}`, s.address, s.dns, source))
		return s.program("bundy", "--data-path", s.dir, "--cmdctl-port", itoa(s.cmdctl))
	}
}

// fill stores zones in a database.
func fill(t *testing.T, path string, zone func(i int) (wire.Name, iter.Seq2[wire.RR, error])) {
	t.Helper()
	db, err := zonedb.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i := range smallZones {
		origin, records := zone(i)
		if _, err := db.Replace(t.Context(), origin, wire.ClassIN, records); err != nil {
			t.Fatal(err)
		}
	}
}
