package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// signedZone is a zone made at random and signed by a tool of BIND or of ldns.
type signedZone struct {
	origin string // with final dot
	file   string
	names  []string // names worth asking for, with final dot
	dnskey string   // the record, for a trust anchor
}

// signing says how a zone is signed.
type signing struct {
	name string
	args []string // of the tool; none: not signed
	ldns bool     // the tool is ldns-signzone, else dnssec-signzone
}

// signings are the kinds of chains that there are.
var signings = []signing{
	{"plain", nil, false},
	{"nsec", []string{"-x"}, false},
	{"nsec3", []string{"-3", "-"}, false},
	{"salted", []string{"-3", "c0ffee", "-H", "7"}, false},
	{"optout", []string{"-3", "-", "-A"}, false},
	{"saltedoptout", []string{"-3", "ab", "-H", "2", "-A"}, false},
	{"ldnsnsec", []string{"-b"}, true},
	{"ldnsnsec3", []string{"-n", "-s", "beef", "-t", "1"}, true},
	{"ldnsoptout", []string{"-n", "-p"}, true},
}

// makeZone writes the text of a zone: delegations with and without DS, glue, empty non-terminals, wildcards, aliases,
// DNAMEs. others are names of other zones to point to.
func makeZone(r *rand.Rand, origin string, others []string) (text string, names []string) {
	var b strings.Builder
	fmt.Fprintf(&b, "$TTL 300\n%s 200 IN SOA ns1.%[1]s host.%[1]s 7 3600 900 604800 %d\n", origin, []int{60, 400}[r.IntN(2)])
	fmt.Fprintf(&b, "%s IN NS ns1.%[1]s\n%[1]s IN NS ns.elsewhere.test.\nns1.%[1]s IN A 192.0.2.1\nns1.%[1]s IN AAAA 2001:db8::1\n%[1]s IN MX 10 ns1.%[1]s\n", origin)
	labels := []string{"a", "b", "c", "d", "www", "x-1", "Mixed"}
	kind := map[string]string{strings.ToLower(origin): "host", "ns1." + strings.ToLower(origin): "host"}
	name := func() string {
		n := origin
		for range 1 + r.IntN(4) {
			l := labels[r.IntN(len(labels))]
			if r.IntN(9) == 0 {
				l = "*"
			}
			n = l + "." + n
		}
		return n
	}
	// A cut or a DNAME has nothing below, and neither stands above what is there already.
	free := func(n string) bool {
		n = strings.ToLower(n)
		if kind[n] != "" {
			return false
		}
		for k, what := range kind {
			if (what == "cut" || what == "dname") && strings.HasSuffix(n, "."+k) {
				return false
			}
		}
		return true
	}
	bare := func(n string) bool {
		for k := range kind {
			if strings.HasSuffix(k, "."+strings.ToLower(n)) {
				return false
			}
		}
		return !strings.Contains(n, "*")
	}
	target := func() string {
		switch r.IntN(6) {
		case 0:
			return "outside.test."
		case 1:
			return others[r.IntN(len(others))]
		case 2:
			return "z." + name()
		}
		return strings.ReplaceAll(name(), "*", "w")
	}
	for range 25 + r.IntN(30) {
		n := name()
		if !free(n) {
			continue
		}
		names = append(names, n)
		what := "host"
		switch k := r.IntN(12); {
		case k < 3 && bare(n):
			what = "cut"
			fmt.Fprintf(&b, "%s IN NS ns.%[1]s\n%[1]s IN NS ns1.%[2]s\nns.%[1]s IN A 192.0.2.9\n", n, origin)
			if r.IntN(2) == 0 {
				fmt.Fprintf(&b, "%s IN DS 12345 13 2 %064x\n", n, r.Uint64())
			}
		case k == 3 && bare(n):
			what = "dname"
			fmt.Fprintf(&b, "%s IN DNAME %s\n%[1]s IN TXT \"beside\"\n", n, target())
		case k < 6:
			what = "alias"
			fmt.Fprintf(&b, "%s IN CNAME %s\n", n, target())
		case k == 6:
			fmt.Fprintf(&b, "%s IN MX 5 %s\n%[1]s IN TXT \"mail\"\n", n, target())
		case k == 7:
			fmt.Fprintf(&b, "%s IN SRV 0 0 5060 %s\n", n, target())
		default:
			fmt.Fprintf(&b, "%s IN A 192.0.2.%d\n", n, r.IntN(200))
			if r.IntN(2) == 0 {
				fmt.Fprintf(&b, "%s IN AAAA 2001:db8::%x\n%[1]s IN TXT \"text\" \"more\"\n", n, 1+r.IntN(200))
			}
		}
		kind[strings.ToLower(n)] = what
	}
	return b.String(), append(names, origin, "ns1."+origin)
}

// sign signs a zone file in place. The DS records stand in dsset- and the origin in dir.
func sign(t *testing.T, dir string, z *signedZone, s signing) {
	t.Helper()
	if s.ldns {
		signByLdns(t, dir, z, s)
		return
	}
	run := func(program string, args ...string) string {
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			var stderr []byte
			if exit, ok := err.(*exec.ExitError); ok {
				stderr = exit.Stderr
			}
			t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, stderr)
		}
		return strings.TrimSpace(string(out))
	}
	key := run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", z.origin)
	public := z.readKey(t, filepath.Join(dir, key+".key"))
	text, err := os.ReadFile(z.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(z.file, append(text, public...), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-q", "-z", "-P", "-O", "full", "-o", z.origin, "-f", z.file + ".signed"}, s.args...)
	run("dnssec-signzone", append(args, z.file, key)...)
	z.file += ".signed"
}

// readKey reads the file of a public key and keeps the record.
func (z *signedZone) readKey(t *testing.T, file string) []byte {
	t.Helper()
	public, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(public)) {
		if !strings.HasPrefix(line, ";") {
			z.dnskey, _, _ = strings.Cut(strings.TrimSpace(line), " ;")
			z.dnskey = strings.Join(strings.Fields(z.dnskey), " ")
		}
	}
	return public
}

func signByLdns(t *testing.T, dir string, z *signedZone, s signing) {
	t.Helper()
	run := func(program string, args ...string) string {
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		var told strings.Builder
		cmd.Stderr = &told
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, out, told.String())
		}
		return strings.TrimSpace(string(out))
	}
	key := run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", z.origin)
	z.readKey(t, filepath.Join(dir, key+".key"))
	run("ldns-signzone", append(append([]string{"-o", z.origin, "-f", z.file + ".signed"}, s.args...), z.file, key)...)
	z.file += ".signed"
	ds, err := os.ReadFile(filepath.Join(dir, key+".ds"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "dsset-"+z.origin), ds, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// makeSigned makes a zone of each kind.
func makeSigned(t *testing.T, dir string, r *rand.Rand) []*signedZone {
	t.Helper()
	var zones []*signedZone
	others := []string{"nowhere.test."}
	for _, s := range signings {
		z := &signedZone{origin: s.name + ".test."}
		var text string
		text, z.names = makeZone(r, z.origin, others)
		others = append(others, z.names...)
		z.file = filepath.Join(dir, s.name)
		if err := os.WriteFile(z.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s.args != nil {
			sign(t, dir, z, s)
		}
		zones = append(zones, z)
	}
	return zones
}
