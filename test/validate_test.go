package test

import (
	"fmt"
	"math/rand/v2"
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

// TestValidation asks unbound and delv, which have the keys of the zone above or of the zones themselves, for names of all kinds: no answer may be
// bogus, and what the chain covers must be secure.
func TestValidation(t *testing.T) {
	needs(t, "unbound", "delv", "ldns-verify-zone", "nsd-checkzone", "dnssec-signzone", "dnssec-keygen", "ldns-signzone", "ldns-keygen")
	s := newSuite(t, "single")
	zones := makeSigned(t, s.dir, rand.New(rand.NewPCG(differentialSeed, 1)))
	// The zone above has the DS records of those that are signed, so that one key is enough for all.
	above := &signedZone{origin: "test.", file: s.write("above", "$TTL 300\ntest. IN SOA ns.test. host.test. 1 3600 900 604800 60\ntest. IN NS ns.test.\nns.test. IN A 192.0.2.1\n")}
	text, err := os.ReadFile(above.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, z := range zones {
		text = fmt.Appendf(text, "%s IN NS ns1.%[1]s\n", z.origin)
		if z.dnskey != "" {
			ds, err := os.ReadFile(filepath.Join(s.dir, "dsset-"+z.origin))
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, ds...)
		}
	}
	s.write("above", string(text))
	sign(t, s.dir, above, signing{args: []string{"-3", "-", "-A"}})
	for _, z := range append(zones, above) {
		if out, err := s.loadzone(z.origin, z.file); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	// What is written of it again is the same zone to who checks signatures and chains.
	for _, z := range append(zones, above) {
		file := filepath.Join(s.dir, "exported")
		if out, err := s.program("bundy-loadzone", "-p", s.dir, "-x", z.origin, file).CombinedOutput(); err != nil {
			t.Fatalf("bundy-loadzone -x %s: %v\n%s", z.origin, err, out)
		}
		checks := [][]string{{"nsd-checkzone", z.origin, file}}
		if z.dnskey != "" {
			checks = append(checks, []string{"ldns-verify-zone", file})
		}
		for _, c := range checks {
			if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", c, err, out)
			}
		}
	}
	s.start()
	s.script(s.dnsScript() + "config commit\n")
	port := freePort(t, s.address)
	conf := fmt.Sprintf("server:\n  interface: %s\n  port: %d\n  do-daemonize: no\n  use-syslog: no\n  username: \"\"\n  chroot: \"\"\n  directory: %q\n  pidfile: \"\"\n  num-threads: 1\n  do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n  module-config: \"validator iterator\"\n  val-log-level: 2\n  local-zone: \"test.\" nodefault\n  do-ip6: no\n  hide-identity: yes\n  qname-minimisation: no\n  aggressive-nsec: no\n  unwanted-reply-threshold: 0\n",
		s.address, port, s.dir)
	conf += fmt.Sprintf("  trust-anchor: %q\n", above.dnskey)
	conf += "remote-control:\n  control-enable: no\n"
	for _, z := range append(zones, above) {
		conf += fmt.Sprintf("stub-zone:\n  name: %q\n  stub-addr: %s@%d\n  stub-prime: no\n", z.origin, s.address, s.dns)
	}
	conf += "stub-zone:\n  name: \".\"\n  stub-addr: 127.0.0.1@9\n"
	startServer(t, "unbound", "-d", "-c", s.write("unbound.conf", conf))
	n := &nameServer{name: "unbound"}
	eventually(t, 20*time.Second, "unbound answers", func() bool {
		conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(s.address, port).String(), time.Second)
		n.conn = conn
		return err == nil
	})
	defer n.conn.Close()
	r := rand.New(rand.NewPCG(differentialSeed, 2))
	secure, insecure := 0, 0
	for range 400 {
		q := randomQuestion(r, zones)
		q.edns, q.do, q.rd = true, true, true
		origin := zoneOf(q.name.String())
		direct, err := asked(s, q)
		if err != nil {
			t.Fatal(err)
		}
		leaves := direct.Header.Flags&wire.FlagAA == 0
		for _, rr := range direct.Answer {
			if rr.Type == wire.TypeCNAME {
				leaves = true // where it leads to may not be served by anybody
			}
		}
		if leaves || q.qtype == wire.TypeANY || q.qtype == wire.TypeRRSIG || q.qtype == wire.TypeNSEC3 {
			continue // the child zones are nowhere; and a resolver has its own rules for these types
		}
		m, err := n.ask(q)
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		if m.Header.Flags.Rcode() != direct.Header.Flags.Rcode() {
			t.Errorf("%s: unbound says %s, bundy %s", q, m.Header.Flags.Rcode(), direct.Header.Flags.Rcode())
		}
		if m.Header.Flags&wire.FlagAD != 0 {
			secure++
			continue
		}
		insecure++
		if !strings.HasPrefix(origin, "plain") && !strings.Contains(origin, "optout") {
			t.Errorf("%s: unbound finds the answer insecure", q)
		}
	}
	t.Logf("unbound: %d answers secure, %d insecure", secure, insecure)
	if secure < 100 {
		t.Errorf("only %d answers were secure", secure)
	}
	for _, z := range zones {
		if z.dnskey == "" {
			continue
		}
		f := strings.Fields(z.dnskey)
		anchors := s.write("anchors", fmt.Sprintf("trust-anchors { %s static-key %s %s %s %q; };\n", f[0], f[3], f[4], f[5], strings.Join(f[6:], "")))
		for _, q := range [][2]string{{z.origin, "SOA"}, {z.origin, "DNSKEY"}, {"ns1." + z.origin, "TXT"}, {"no.such.name." + z.origin, "A"}} {
			out, err := exec.Command("delv", "@"+s.address.String(), "-p", itoa(s.dns), "-a", anchors, "+root="+z.origin, q[0], q[1]).CombinedOutput()
			if text := string(out); err != nil || !strings.Contains(text, "fully validated") && !(strings.Contains(z.origin, "optout") && strings.Contains(text, "negative response")) {
				t.Errorf("delv %s %s: %v\n%s", q[0], q[1], err, text)
			}
		}
	}
}

// asked gives the suite's own answer.
func asked(s *suite, q probe) (*wire.Message, error) {
	conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(s.address, s.dns).String(), time.Second)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return (&nameServer{conn: conn}).ask(q)
}
