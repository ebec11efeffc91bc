package servertest

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

	"bundy/internal/dns/client"
	"bundy/internal/dns/wire"
)

const namedConf = `
options { directory "%[1]s"; listen-on port %[2]d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file "%[1]s/pid";
	session-keyfile "%[1]s/session.key"; recursion no; dnssec-validation no; notify no; };
controls { };
key dhcp.key { algorithm hmac-sha256; secret "%[3]s"; };
zone "lab.example" { type primary; file "lab"; allow-update { key dhcp.key; }; allow-transfer { key dhcp.key; }; };
zone "2.0.192.in-addr.arpa" { type primary; file "rev"; allow-update { key dhcp.key; }; allow-transfer { key dhcp.key; }; };
`

const namedZone = "@ 60 IN SOA ns.elsewhere.net. root.elsewhere.net. 1 3600 900 86400 60\n@ 60 IN NS ns.elsewhere.net.\n"

// Key is the key that other implementations take updates and transfers with.
const Key = "dhcp.key:" + secret + ":hmac-sha256"

const (
	secret      = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
	foreignLab  = namedZone + "static 60 IN A 203.0.113.1\nalias 60 IN CNAME static\n*.w 60 IN TXT wild\n"
	foreignBack = namedZone + "77 60 IN PTR static.lab.example.\n"
)

// Program finds a program, also where only root looks, or skips the test.
func Program(t *testing.T, name, pkg string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/bin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Skipf("%s (package %s) is not installed", name, pkg)
	return ""
}

// bulk is BulkRecords records, which make a transfer of the zone several messages long.
func bulk() string {
	var b strings.Builder
	for i := range BulkRecords {
		fmt.Fprintf(&b, "bulk%d 60 IN TXT %q\n", i, strings.Repeat("x", 200))
	}
	return b.String()
}

// BulkRecords is how many records are there to make a transfer of lab.example. long.
const BulkRecords = 1500

// Place gives a folder with both zones as files, lab and rev,, and a port that is free.
func Place(t *testing.T) (dir string, at netip.AddrPort) {
	t.Helper()
	probe, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at = probe.LocalAddr().(*net.UDPAddr).AddrPort()
	probe.Close()
	dir = t.TempDir()
	File(t, dir, "lab", foreignLab+bulk())
	File(t, dir, "rev", foreignBack)
	return dir, at
}

// File writes a file.
func File(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Serve runs a server until the test ends, and waits until it answers.
func Serve(t *testing.T, at netip.AddrPort, name string, args ...string) {
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
		if answers(ctx, at) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s does not answer", name)
		}
	}
}

// Knot runs Knot DNS on loopback with two zones, lab.example. and 2.0.192.in-addr.arpa., or skips the test.
func Knot(t *testing.T) netip.AddrPort {
	knotd := Program(t, "knotd", "knot")
	dir, at := Place(t)
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
`, dir, at.Port(), secret)
	Serve(t, at, knotd, "-c", File(t, dir, "knot.conf", conf))
	return at
}

// answers tells whether a server has the zone lab.example. by now.
func answers(ctx context.Context, at netip.AddrPort) bool {
	query := wire.Message{Question: []wire.Question{{Name: wire.MustParseName("lab.example."), Type: wire.TypeSOA, Class: wire.ClassIN}}}
	msg, err := query.Pack()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	reply, err := client.Exchange(ctx, at, msg, nil)
	if err != nil {
		return false
	}
	m, err := wire.ParseMessage(reply)
	return err == nil && len(m.Answer) == 1
}

// Named runs BIND on loopback with two zones, as Knot does, or skips the test.
func Named(t *testing.T) netip.AddrPort {
	named := Program(t, "named", "bind9")
	dir, at := Place(t)
	Serve(t, at, named, "-g", "-n", "1", "-c", File(t, dir, "named.conf", fmt.Sprintf(namedConf, dir, at.Port(), secret)))
	return at
}
