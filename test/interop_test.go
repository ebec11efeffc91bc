package test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	dnsclient "bundy/internal/dns/client"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonefile"
)

// peerServer is another name server that serves the same zone.
type peerServer struct {
	name string
	at   netip.AddrPort
}

// startPeers runs the peers that are installed with the zone in file, for as long as the test.
func (s *suite) startPeers(origin, file string) []peerServer {
	t := s.t
	var peers []peerServer
	for _, p := range []struct {
		name, conf string // with address, port, folder, origin and file
		args       func(conf string) []string
	}{
		{"nsd", `server:
  ip-address: %[1]s@%[2]d
  server-count: 1
  username: ""
  zonesdir: %[3]q
  database: ""
  pidfile: "%[3]s/nsd.pid"
  xfrdfile: "%[3]s/nsd.state"
  zonelistfile: "%[3]s/nsd.list"
  xfrdir: %[3]q
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: %[4]s
  zonefile: %[5]q
`, func(conf string) []string { return []string{"-d", "-c", conf} }},
		{"knotd", `server:
  rundir: %[3]s
  listen: %[1]s@%[2]d
database:
  storage: %[3]s
zone:
  - domain: %[4]s
    file: %[5]s
    zonefile-sync: -1
    journal-content: none
    semantic-checks: soft
`, func(conf string) []string { return []string{"-c", conf} }},
	} {
		if _, err := exec.LookPath(p.name); err != nil {
			t.Logf("%s is not installed", p.name)
			continue
		}
		at := netip.AddrPortFrom(s.address, freePort(t, s.address))
		dir := filepath.Join(s.dir, p.name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(p.name, p.args(s.write(p.name+".conf", fmt.Sprintf(p.conf, at.Addr(), at.Port(), dir, origin, file)))...)
		cmd.Stdout, cmd.Stderr = s.log, s.log
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
		soa := question(t, 1, wire.MustParseName(origin), wire.TypeSOA)
		eventually(t, 10*time.Second, p.name+" answers", func() bool {
			m := ask(at, soa, false)
			return m != nil && len(m.Answer) == 1
		})
		peers = append(peers, peerServer{p.name, at})
	}
	return peers
}

// ask sends one message and gives the answer, nil if there is none that can be read.
func ask(at netip.AddrPort, msg []byte, tcp bool) *wire.Message {
	return askWithin(busy*time.Second, at, msg, tcp)
}

func askWithin(limit time.Duration, at netip.AddrPort, msg []byte, tcp bool) *wire.Message {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	exchange := dnsclient.Exchange
	if tcp {
		exchange = dnsclient.ExchangeTCP
	}
	reply, err := exchange(ctx, at, msg, nil)
	if err != nil {
		return nil
	}
	m, err := wire.ParseMessage(reply)
	if err != nil {
		return nil
	}
	return m
}

// essence is what servers must agree on: code, authority and answer; which server to ask, where there is none; and that
// a negative answer says for how long.
func essence(m *wire.Message) string {
	if m == nil {
		return "no answer"
	}
	texts := func(records []wire.RR) string {
		var all []string
		for _, rr := range records {
			rr.Name, rr.Data = rr.Name.Lower(), bytes.ToLower(rr.Data)
			all = append(all, zonefile.FormatRR(rr))
		}
		slices.Sort(all)
		return strings.Join(all, "; ")
	}
	var soa, ns []wire.RR
	for _, rr := range m.Authority {
		switch {
		case rr.Type == wire.TypeSOA:
			soa = append(soa, rr)
		case rr.Type == wire.TypeNS && m.Header.Flags&wire.FlagAA == 0:
			ns = append(ns, rr)
		}
	}
	return fmt.Sprintf("%s AA=%t [%s] [%s] [%s]", m.Header.Flags.Rcode(), m.Header.Flags&wire.FlagAA != 0, texts(m.Answer), texts(soa), texts(ns))
}

// TestAnswersAgreeWithPeers asks the suite and Debian's servers for everything in a zone of hard cases, and around it.
// Where the peers differ from one another, either is right.
func TestAnswersAgreeWithPeers(t *testing.T) {
	t.Parallel()
	const origin = "nasty.example"
	file, err := filepath.Abs("testdata/nasty.zone")
	if err != nil {
		t.Fatal(err)
	}
	s := newSuite(t, "grouped")
	peers := s.startPeers(origin, file)
	if len(peers) == 0 {
		t.Skip("no other name server is installed")
	}
	if out, err := s.loadzone(origin, file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.start()
	s.script(s.dnsScript() + "config commit\n")
	ours := netip.AddrPortFrom(s.address, s.dns)
	eventually(t, 5*time.Second, "the zone is served", func() bool { return s.lookup("www.nasty.example") != "" })

	names := map[wire.Name]bool{}
	for rr, err := range zonefile.Read(file, wire.MustParseName(origin), zonefile.Options{Class: wire.ClassIN}) {
		if err != nil {
			t.Fatal(err)
		}
		for n := rr.Name; len(n) > 1 && n.IsBelow(wire.MustParseName(origin)); n = n.Parent() {
			names[n] = true // empty non-terminals too
			for _, label := range []string{"nope", "WWW", "*", strings.Repeat("l", 63)} {
				if below, err := n.Child(label); err == nil {
					names[below] = true
				}
			}
		}
	}
	for _, n := range []string{".", "example", "xnasty.example", "nasty.example.com", "a.b.c.d.e.f.nope.nasty.example", "WwW.nAsTy.eXaMpLe"} {
		names[wire.MustParseName(n)] = true
	}
	types := []wire.Type{wire.TypeA, wire.TypeNS, wire.TypeCNAME, wire.TypeSOA, wire.TypeMX, wire.TypeTXT, wire.TypeAAAA, wire.TypeSRV, wire.TypeDNAME, wire.TypeDS, 64, 65280, 65281, 65535}
	asked := 0
	for n := range names {
		for _, typ := range types {
			msg := question(t, 1, n, typ)
			asked++
			got := essence(ask(ours, msg, false))
			var others []string
			agrees := false
			for _, p := range peers {
				want := essence(ask(p.at, msg, false))
				others = append(others, p.name+": "+want)
				agrees = agrees || got == want
			}
			if !agrees {
				t.Errorf("%s %s\n  ours: %s\n  %s", n, typ, got, strings.Join(others, "\n  "))
			}
		}
	}
	t.Logf("%d questions", asked)
}

// TestNsupdateAndDig works on a zone with the tools of BIND, as an operator would.
func TestNsupdateAndDig(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"nsupdate", "dig"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	placements(t, func(t *testing.T, s *suite) {
		s.loadZones()
		s.start()
		s.script(s.dnsScript() + "config commit\n")
		eventually(t, 5*time.Second, "the zone is served", func() bool { return s.lookup("ns.lab.example") != "" })
		secret := strings.Split(tsigKey, ":")[1]
		const key, refusal = "hmac-sha256:lab.key:", "update failed: "
		for _, c := range []struct {
			name, key, script, want string
			options                 []string
		}{
			{"many records", key + secret, "update add a.lab.example 60 A 192.0.2.7\nupdate add a.lab.example 60 TXT one \"two three\"\nupdate add *.w.lab.example 60 CNAME a.lab.example\nupdate add s.lab.example 60 NS ns.s.lab.example\nupdate add ns.s.lab.example 60 A 192.0.2.53", "", nil},
			{"prerequisite", key + secret, "prereq nxdomain a.lab.example\nupdate delete a.lab.example", refusal + "YXDOMAIN", nil},
			{"value", key + secret, "prereq yxrrset a.lab.example A 192.0.2.8\nupdate delete a.lab.example", refusal + "NXRRSET", []string{"-v"}},
			{"other zone", key + secret, "update add a.other.example 60 A 192.0.2.7", refusal + "NOTZONE", nil},
			{"no name server left", key + secret, "update delete lab.example NS\nupdate delete ns.lab.example A", "", nil},
			{"not signed", "", "update delete a.lab.example", refusal + "REFUSED", nil},
			{"wrong secret", key + "Z3Vlc3M=", "update delete a.lab.example", "BADSIG", nil},
			{"wrong key", "hmac-sha256:other.key:" + secret, "update delete a.lab.example", "BADKEY", nil},
			{"wrong algorithm", "hmac-sha512:lab.key:" + secret, "update delete a.lab.example", "BADKEY", []string{"-v"}},
			{"unknown type", key + secret, "update add u.lab.example 60 TYPE65280 \\# 3 010203", "", []string{"-v"}},
		} {
			args := append([]string{"-t", "5"}, c.options...)
			if c.key != "" {
				args = append(args, "-y", c.key)
			}
			cmd := exec.Command("nsupdate", args...)
			cmd.Stdin = strings.NewReader(fmt.Sprintf("server %s %d\nzone lab.example\n%s\nsend\n", s.address, s.dns, c.script))
			out, err := cmd.CombinedOutput()
			if c.want == "" && err != nil || c.want != "" && !strings.Contains(string(out), c.want) {
				t.Errorf("nsupdate, %s: %v\n%s", c.name, err, out)
			}
		}
		for _, c := range []struct{ args, want string }{
			{"+short a.lab.example A", "192.0.2.7\n"},
			{"+short +tcp a.lab.example TXT", "\"one\" \"two three\"\n"},
			{"+short x.w.lab.example A", "a.lab.example.\n192.0.2.7\n"},
			{"+noall +authority +additional +norecurse y.s.lab.example A", "ns.s.lab.example.\t60\tIN\tA\t192.0.2.53"},
			{"+short u.lab.example TYPE65280", "\\# 3 010203\n"},
			{"+short lab.example NS", "ns.lab.example.\n"},
			{"+short -y " + key + secret + " a.lab.example A", "192.0.2.7\n"},
			{"nope.lab.example A", "status: NXDOMAIN"},
			{"+short CH version.bind TXT", "Bundy"},
		} {
			out, err := exec.Command("dig", append([]string{"@" + s.address.String(), "-p", itoa(s.dns), "+time=3"}, strings.Fields(c.args)...)...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("dig %s: %v\n%s", c.args, err, out)
			}
		}
	})
}
