package publish_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

const (
	foreignSecret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
	foreignLab    = namedZone + "static 60 IN A 203.0.113.1\nalias 60 IN CNAME static\n*.w 60 IN TXT wild\n"
	foreignBack   = namedZone + "77 60 IN PTR static.lab.example.\n"
)

// program finds a program, also where only root looks, or skips the test.
func program(t *testing.T, name, pkg string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/bin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Skipf("%s (package %s) is not installed", name, pkg)
	return ""
}

// bulk is records that make a transfer of the zone several messages long.
func bulk() string {
	var b strings.Builder
	for i := range bulkRecords {
		fmt.Fprintf(&b, "bulk%d 60 IN TXT %q\n", i, strings.Repeat("x", 200))
	}
	return b.String()
}

const bulkRecords = 1500

// place gives a folder with both zones as files, and a port that is free.
func place(t *testing.T) (dir string, at netip.AddrPort) {
	t.Helper()
	probe, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at = probe.LocalAddr().(*net.UDPAddr).AddrPort()
	probe.Close()
	dir = t.TempDir()
	file(t, dir, "lab", foreignLab+bulk())
	file(t, dir, "rev", foreignBack)
	return dir, at
}

func file(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve runs a server until the test ends, and waits until it answers.
func serve(t *testing.T, at netip.AddrPort, name string, args ...string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			text := log.String()
			t.Logf("%s: %s", name, text[max(0, len(text)-4000):])
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if got, err := ask(ctx, at, wire.MustParseName("lab.example."), wire.TypeSOA); err == nil && len(got) == 1 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s does not answer", name)
		}
	}
}

// startKnot runs Knot DNS on loopback with two zones.
func startKnot(t *testing.T) netip.AddrPort {
	knotd := program(t, "knotd", "knot")
	dir, at := place(t)
	conf := fmt.Sprintf(`
server:
  rundir: %[1]q
  listen: 127.0.0.1@%[2]d
database:
  storage: %[1]q
key:
- id: dhcp.key
  algorithm: hmac-sha256
  secret: %[3]s
acl:
- id: update
  key: dhcp.key
  action: [update, transfer]
template:
- id: default
  storage: %[1]q
  zonefile-sync: -1
  zonefile-load: difference
zone:
- domain: lab.example
  file: lab
  acl: update
- domain: 2.0.192.in-addr.arpa
  file: rev
  acl: update
`, dir, at.Port(), foreignSecret)
	serve(t, at, knotd, "-c", file(t, dir, "knot.conf", conf))
	return at
}

// startPowerDNS runs PowerDNS on loopback with two zones in SQLite.
func startPowerDNS(t *testing.T) netip.AddrPort {
	pdns, util := program(t, "pdns_server", "pdns-server"), program(t, "pdnsutil", "pdns-server")
	sqlite := program(t, "sqlite3", "sqlite3")
	schemas, _ := filepath.Glob("/usr/share/*/pdns-backend-sqlite3/schema.sqlite3.sql")
	if more, _ := filepath.Glob("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"); len(schemas) == 0 {
		schemas = more
	}
	if len(schemas) == 0 {
		t.Skip("the schema of PowerDNS for SQLite (package pdns-backend-sqlite3) is not installed")
	}
	dir, at := place(t)
	schema, err := os.ReadFile(schemas[0])
	if err != nil {
		t.Fatal(err)
	}
	run := func(stdin, name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Stdin = strings.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	run(string(schema), sqlite, filepath.Join(dir, "p.db"))
	file(t, dir, "pdns.conf", fmt.Sprintf("launch=gsqlite3\ngsqlite3-database=%s/p.db\nlocal-address=127.0.0.1\nlocal-port=%d\nsocket-dir=%s\n"+
		"guardian=no\ndaemon=no\ndisable-syslog=yes\nloglevel=4\ndnsupdate=yes\nallow-dnsupdate-from=127.0.0.0/8\n", dir, at.Port(), dir)+
		"query-cache-ttl=0\ncache-ttl=0\nnegquery-cache-ttl=0\nzone-cache-refresh-interval=0\n")
	config := "--config-dir=" + dir
	run("", util, config, "import-tsig-key", "dhcp.key", "hmac-sha256", foreignSecret)
	for zone, name := range map[string]string{"lab.example": "lab", "2.0.192.in-addr.arpa": "rev"} {
		run("", util, config, "load-zone", zone, filepath.Join(dir, name))
		run("", util, config, "set-meta", zone, "TSIG-ALLOW-DNSUPDATE", "dhcp.key")
		run("", util, config, "set-meta", zone, "TSIG-ALLOW-AXFR", "dhcp.key")
	}
	serve(t, at, pdns, config)
	return at
}
