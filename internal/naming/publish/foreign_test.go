package publish_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bundy/internal/naming/publish/servertest"
)

// startPowerDNS runs PowerDNS on loopback with two zones in SQLite.
func startPowerDNS(t *testing.T) netip.AddrPort {
	pdns, util := servertest.Program(t, "pdns_server", "pdns-server"), servertest.Program(t, "pdnsutil", "pdns-server")
	sqlite := servertest.Program(t, "sqlite3", "sqlite3")
	schemas, _ := filepath.Glob("/usr/share/*/pdns-backend-sqlite3/schema.sqlite3.sql")
	if more, _ := filepath.Glob("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"); len(schemas) == 0 {
		schemas = more
	}
	if len(schemas) == 0 {
		t.Skip("the schema of PowerDNS for SQLite (package pdns-backend-sqlite3) is not installed")
	}
	dir, at := servertest.Place(t)
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
	servertest.File(t, dir, "pdns.conf", fmt.Sprintf("launch=gsqlite3\ngsqlite3-database=%s/p.db\nlocal-address=127.0.0.1\nlocal-port=%d\nsocket-dir=%s\n"+
		"guardian=no\ndaemon=no\ndisable-syslog=yes\nloglevel=4\ndnsupdate=yes\nallow-dnsupdate-from=127.0.0.0/8\n", dir, at.Port(), dir)+
		"query-cache-ttl=0\ncache-ttl=0\nnegquery-cache-ttl=0\nzone-cache-refresh-interval=0\n")
	config := "--config-dir=" + dir
	run("", util, config, "import-tsig-key", "dhcp.key", "hmac-sha256", strings.Split(servertest.Key, ":")[1])
	for zone, name := range map[string]string{"lab.example": "lab", "2.0.192.in-addr.arpa": "rev"} {
		run("", util, config, "load-zone", zone, filepath.Join(dir, name))
		run("", util, config, "set-meta", zone, "TSIG-ALLOW-DNSUPDATE", "dhcp.key")
		run("", util, config, "set-meta", zone, "TSIG-ALLOW-AXFR", "dhcp.key")
	}
	servertest.Serve(t, at, pdns, config)
	return at
}
