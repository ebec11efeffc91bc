package test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// contestant is a server with the zone bench.test.
type contestant struct {
	name   string
	at     netip.AddrPort
	cmd    *exec.Cmd
	reload func() // after the zone's file has changed
}

// match is what contestants have in common: a master file, and threads that answer.
type match struct {
	*suite
	file    string
	threads int
}

const anyTest = "127.0.0.0/8"

// contestants gives nsd, knotd and us.
func (m match) contestants(t *testing.T) []*contestant {
	return []*contestant{m.nsd(t), m.knotd(t), m.bundy(fmt.Sprintf(`{"type": "MasterFiles", "cache-enable": true, "params": {"bench.test": %q}}`, m.file))}
}

func (m match) nsd(t *testing.T) *contestant {
	port, dir := freePort(t, m.address), m.folder("nsd")
	conf := m.write("nsd/nsd.conf", fmt.Sprintf(`server:
  ip-address: %s@%d
  server-count: %d
  reuseport: yes
  username: ""
  zonesdir: %[4]q
  database: ""
  pidfile: "%[4]s/pid"
  xfrdfile: "%[4]s/state"
  zonelistfile: "%[4]s/list"
  xfrdir: %[4]q
  rrl-ratelimit: 0
  minimal-responses: yes
remote-control:
  control-enable: yes
  control-interface: "%[4]s/control"
zone:
  name: bench.test
  zonefile: %[5]q
`, m.address, port, m.threads, dir, m.file))
	return &contestant{
		name: "nsd", at: netip.AddrPortFrom(m.address, port), cmd: exec.Command("nsd", "-d", "-c", conf),
		reload: func() { exec.Command("nsd-control", "-c", conf, "reload", "bench.test").Run() },
	}
}

func (m match) knotd(t *testing.T) *contestant {
	port, dir := freePort(t, m.address), m.folder("knot")
	conf := m.write("knot/knot.conf", fmt.Sprintf(`server:
  rundir: %q
  listen: %s@%d
  udp-workers: %[4]d
  tcp-workers: 1
  background-workers: %[4]d
log:
- target: stderr
  any: warning
database:
  storage: %[1]q
acl:
- id: all
  address: %[6]s
  action: update
zone:
- domain: bench.test
  file: %[5]q
  acl: all
  journal-content: changes
  zonefile-sync: -1
`, dir, m.address, port, m.threads, m.file, anyTest))
	return &contestant{
		name: "knotd", at: netip.AddrPortFrom(m.address, port), cmd: exec.Command("knotd", "-c", conf),
		reload: func() {
			exec.Command("knotc", "-s", filepath.Join(dir, "knot.sock"), "zone-reload", "bench.test").Run()
		},
	}
}

func (m match) named(t *testing.T) *contestant {
	address := netip.MustParseAddr("127.0.0.1") // of loopback it sees only this one
	port, dir := freePort(t, address), m.folder("named")
	conf := m.write("named/named.conf", fmt.Sprintf(`options { directory %q; listen-on port %d { %s; }; listen-on-v6 { none; }; pid-file none; session-keyfile none; lock-file none;
  recursion no; minimal-responses yes; dnssec-validation no; notify no; empty-zones-enable no; };
controls { };
logging { channel c { stderr; severity warning; }; category default { c; }; };
zone "bench.test" { type primary; file %q; journal "%[1]s/journal"; allow-update { %[5]s; }; };
`, dir, port, address, m.file, anyTest))
	return &contestant{name: "named", at: netip.AddrPortFrom(address, port), cmd: exec.Command("named", "-f", "-n", fmt.Sprint(m.threads), "-c", conf)}
}

// bundy serves what a data source has.
func (m match) bundy(source string) *contestant {
	m.write("bundy-config.db", fmt.Sprintf(`{"version": 4, "Init": {"components": {"bundy-auth": {"special": "auth", "kind": "dispensable"},
"bundy-ddns": {"address": "DDNS", "kind": "dispensable"}, "bundy-cmdctl": {"special": "cmdctl", "kind": "dispensable"}}},
"Auth": {"listen_on": [{"address": %q, "port": %d}]}, "data_sources": {"classes": {"IN": [%s]}},
"DDNS": {"zones": [{"origin": "bench.test", "class": "IN", "update_acl": [{"action": "ACCEPT", "from": %q}]}]}}`, m.address, m.dns, source, anyTest))
	cmd := m.program("bundy", "--placement", m.placement, "--data-path", m.dir, "--cmdctl-port", itoa(m.cmdctl))
	cmd.Env = append(cmd.Environ(), fmt.Sprintf("GOMAXPROCS=%d", m.threads))
	return &contestant{
		name: "bundy", at: netip.AddrPortFrom(m.address, m.dns), cmd: cmd,
		reload: func() { cmd.Process.Signal(syscall.SIGHUP) },
	}
}

func (m match) folder(name string) string {
	dir := filepath.Join(m.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		m.t.Fatal(err)
	}
	return dir
}

// start runs the server until the test ends, on one processor if it has one thread, and gives the seconds until it
// answers with the serial.
func (c *contestant) start(t *testing.T, threads int, serial zone.Serial) float64 {
	t.Helper()
	if threads == 1 {
		c.cmd.Args = append([]string{"taskset", "-c", "0", c.cmd.Path}, c.cmd.Args[1:]...)
		c.cmd.Path = "/usr/bin/taskset"
	}
	begin := time.Now()
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.cmd.Process.Signal(os.Interrupt); c.cmd.Wait() })
	c.serves(t, serial)
	return time.Since(begin).Seconds()
}

// serves waits until the server answers with the serial.
func (c *contestant) serves(t *testing.T, serial zone.Serial) {
	t.Helper()
	soa := question(t, 1, wire.MustParseName("bench.test."), wire.TypeSOA)
	eventually(t, time.Minute, fmt.Sprintf("%s serves serial %d", c.name, serial), func() bool {
		m := askWithin(time.Second, c.at, soa, false)
		return m != nil && len(m.Answer) > 0 && zone.SerialOf(m.Answer[0]) == serial
	})
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

// benchQueries asks for names in no order, one in five of which does not exist: for dnsperf, and as messages.
func benchQueries(t *testing.T, names int, do bool) (string, *questions) {
	var b strings.Builder
	q := &questions{}
	for i := range 500_000 {
		n := int(uint64(i) * 2862933555777941757 >> 33 % uint64(names))
		name, typ := benchName(n), wire.TypeA
		switch {
		case i%5 == 0:
			name = benchName(names + n)
		case i%100 == 1:
			name = fmt.Sprintf("x%d.w%d", i, i/100%10)
		case n%20 >= 18:
			name = "www." + name
		case n%20 == 16:
			typ = wire.TypeTXT
		case n%20 >= 12 && n%20 < 16 && i&1 == 0:
			typ = wire.TypeAAAA
		}
		fmt.Fprintf(&b, "%s.bench.test %s\n", name, typ)
		q.add(t, wire.MustParseName(name+".bench.test."), typ, do)
	}
	return b.String(), q
}
