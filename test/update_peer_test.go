package test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonedb"
	"bundy/internal/dns/zonefile"
)

// startNamed runs BIND with the zone in file, which everybody may update.
func (s *suite) startNamed(file string) netip.AddrPort {
	t := s.t
	dir := filepath.Join(s.dir, "named")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.Mkdir(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "zone"), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), freePort(t, netip.MustParseAddr("127.0.0.1"))) // it listens on addresses of interfaces only
	conf := s.write("named.conf", fmt.Sprintf(`options { directory %q; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };
recursion no; dnssec-validation no; pid-file "%[1]s/pid"; session-keyfile "%[1]s/key"; check-names master ignore; };
controls {};
zone lab.example { type master; file "%[1]s/zone"; allow-update { any; }; check-integrity no; };
`, dir, at.Port()))
	cmd := exec.Command("named", "-g", "-c", conf)
	cmd.Stderr = s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	soa := question(t, 1, labZone, wire.TypeSOA)
	eventually(t, 10*time.Second, "named answers", func() bool {
		m := ask(at, soa, false)
		return m != nil && len(m.Answer) == 1
	})
	return at
}

// contents brings a zone into a form that can be compared: without the SOA, whose serial each server chooses, and without
// TTLs, which BIND makes one for the records of an RRset.
func contents(records []wire.RR) string {
	var all []string
	for _, rr := range records {
		if rr.Type != wire.TypeSOA {
			rr.TTL = 0
			all = append(all, strings.ToLower(zonefile.FormatRR(rr)))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// updateMaker makes random updates. What the servers treat by policies of their own is left out: addresses of name
// servers and mail hosts, and NS and DNAME records at wildcards.
type updateMaker struct{ *rand.Rand }

func (r updateMaker) pick(v ...string) string { return v[r.IntN(len(v))] }

func (r updateMaker) name() string {
	return r.pick("lab.example.", "a.lab.example.", "A.lab.example.", "b.lab.example.", "x.a.lab.example.", "*.lab.example.", "d.lab.example.", "y.d.lab.example.", "other.example.")
}

func (r updateMaker) record(t *testing.T) wire.RR {
	data := map[string][]string{
		"A": {"192.0.2.1", "192.0.2.2"}, "TXT": {"one", "two", "ONE"}, "MX": {"1 a.lab.example.", "2 b.lab.example."},
		"CNAME": {"t.lab.example.", "c.lab.example.", "C.lab.example."}, "NS": {"ns.lab.example.", "ns2.lab.example.", "NS2.lab.example."},
		"DNAME": {"t.lab.example."}, "TYPE65280": {`\# 2 0102`, `\# 0`},
	}
	name, typ := r.name(), r.pick("A", "A", "TXT", "CNAME", "NS", "MX", "DNAME", "TYPE65280")
	if name[0] == '*' && (typ == "NS" || typ == "DNAME") || name == "lab.example." && typ == "DNAME" {
		typ = "A"
	}
	rr, err := zonefile.ParseRR(fmt.Sprintf("%s %s IN %s %s", name, r.pick("0", "60", "300"), typ, r.pick(data[typ]...)), labZone)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

func (r updateMaker) request(t *testing.T) update.Request {
	name := func() wire.Name { return wire.MustParseName(r.name()) }
	types := []wire.Type{wire.TypeA, wire.TypeTXT, wire.TypeCNAME, wire.TypeNS, wire.TypeMX, wire.TypeDNAME, wire.TypeSOA, 65280, wire.TypeANY, wire.TypeAXFR, wire.TypeOPT}
	typ := func() wire.Type { return types[r.IntN(len(types))] }
	req := update.Request{Zone: labZone, Class: wire.ClassIN}
	for range r.IntN(3) {
		req.Prerequisites = append(req.Prerequisites, []func() wire.RR{
			func() wire.RR { return update.NameInUse(name()) },
			func() wire.RR { return update.NameNotInUse(name()) },
			func() wire.RR { return update.RRsetExists(name(), typ()) },
			func() wire.RR { return update.RRsetNotExists(name(), typ()) },
			func() wire.RR { return update.RRsetIs(r.record(t)) },
		}[r.IntN(5)]())
	}
	for range 1 + r.IntN(4) {
		add := func() wire.RR { return update.Add(r.record(t)) }
		req.Updates = append(req.Updates, []func() wire.RR{add, add, add,
			func() wire.RR { return update.DeleteRRset(name(), typ()) },
			func() wire.RR { return update.DeleteName(name()) },
			func() wire.RR { return update.DeleteRR(r.record(t)) },
		}[r.IntN(6)]())
	}
	return req
}

// TestUpdatesAgreeWithNamed has the suite and BIND carry out the same random updates: both accept the same ones, and
// their zones stay alike. Which of several errors of a bad update is told is left to the server.
func TestUpdatesAgreeWithNamed(t *testing.T) {
	t.Parallel()
	needs(t, "named", "dig")
	const updates, compareEvery = 400, 50
	s := newSuite(t, "grouped")
	file := s.write("lab.zone", "$TTL 300\n@ IN SOA ns h 1 3600 900 604800 60\n@ IN NS ns\nns IN A 192.0.2.1\nns2 IN A 192.0.2.2\n")
	if out, err := s.loadzone("lab.example", file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	theirs := s.startNamed(file)
	s.start()
	s.script(strings.ReplaceAll(s.dnsScript(), `, "key": "lab.key"`, "") + "config commit\n")
	ours := netip.AddrPortFrom(s.address, s.dns)
	eventually(t, 5*time.Second, "the zone is served", func() bool { return s.lookup("ns.lab.example") != "" })
	db, err := zonedb.Open(filepath.Join(s.dir, "zone.sqlite3"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	seed := uint64(time.Now().UnixNano())
	r := updateMaker{rand.New(rand.NewPCG(seed, 0))}
	done := 0
	for i := range updates {
		req := r.request(t)
		msg, err := req.Pack(1)
		if err != nil {
			t.Fatal(err)
		}
		x, y := ask(ours, msg, true), ask(theirs, msg, true)
		if x == nil || y == nil {
			t.Fatalf("seed %d, update %d: ours %+v, named %+v", seed, i, x, y)
		}
		a, b := x.Header.Flags.Rcode(), y.Header.Flags.Rcode()
		if (a == wire.RcodeNoError) != (b == wire.RcodeNoError) {
			t.Fatalf("seed %d, update %d: ours %s, named %s: %+v", seed, i, a, b, req)
		}
		if a == wire.RcodeNoError {
			done++
		}
		if i%compareEvery != compareEvery-1 {
			continue
		}
		v, _, err := db.Load(t.Context(), labZone, wire.ClassIN)
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("dig", "@127.0.0.1", "-p", itoa(theirs.Port()), "+noall", "+answer", "+onesoa", "lab.example", "AXFR").Output()
		if err != nil {
			t.Fatal(err)
		}
		var records []wire.RR
		for line := range strings.Lines(string(out)) {
			rr, err := zonefile.ParseRR(strings.TrimSpace(line), labZone)
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, rr)
		}
		if got, want := contents(slices.Collect(v.All())), contents(records); got != want {
			t.Fatalf("seed %d, after update %d, ours:\n%s\nnamed:\n%s", seed, i, got, want)
		}
	}
	t.Logf("%d of %d updates were accepted", done, updates)
}
