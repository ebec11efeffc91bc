package test

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonefile"
)

// answerTo asks a question and gives what is in the answer, or else the code and the owner of the SOA record.
func (s *suite) answerTo(name string, typ wire.Type) string {
	s.t.Helper()
	m := ask(netip.AddrPortFrom(s.address, s.dns), question(s.t, 1, wire.MustParseName(name), typ), false)
	if m == nil {
		return "no answer"
	}
	var all []string
	for _, rr := range m.Answer {
		all = append(all, zonefile.FormatData(rr.Type, rr.Data))
	}
	if len(all) == 0 {
		for _, rr := range m.Authority {
			all = append(all, fmt.Sprint(m.Header.Flags.Rcode(), " ", rr.Name, " ", rr.Type))
		}
	}
	if len(all) == 0 {
		return m.Header.Flags.Rcode().String()
	}
	return strings.Join(all, ", ")
}

// TestZonesOfManySources serves zones that stand in two data sources, that lead from one to the other, and that are
// parent and child; the one in memory, the database in memory too or not.
func TestZonesOfManySources(t *testing.T) {
	t.Parallel()
	placements(t, func(t *testing.T, s *suite) {
		zoneText := func(serial int, more string) string {
			return fmt.Sprintf("$TTL 60\n@ SOA ns.example.net. h %d 3600 900 604800 60\n@ NS ns.example.net.\n%s", serial, more)
		}
		files := map[string]string{
			"both.example":   zoneText(1, "who TXT file\nalias CNAME host.stored.example.\nlost CNAME none.stored.example.\nsub DNAME stored.example.\n"),
			"parent.example": zoneText(1, "child NS ns.child\nns.child A 192.0.2.53\nchild DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000001\nplain NS ns.plain\nns.plain A 192.0.2.54\n"),
		}
		var params []string
		for origin, text := range files {
			params = append(params, fmt.Sprintf("%q: %q", origin, s.write(origin, text)))
		}
		for origin, text := range map[string]string{
			"both.example":         zoneText(2, "who TXT database\nonly TXT database\n"),
			"stored.example":       zoneText(3, "host A 192.0.2.80\nback CNAME who.both.example.\n"),
			"child.parent.example": zoneText(4, "@ DS 2 8 2 0000000000000000000000000000000000000000000000000000000000000002\nwww A 192.0.2.81\n"),
			"plain.parent.example": zoneText(5, "www A 192.0.2.82\n"),
		} {
			if out, err := s.loadzone(origin, s.write("stored", text)); err != nil {
				t.Fatalf("%s: %v\n%s", origin, err, out)
			}
		}
		s.start()
		s.script(s.dnsScript() + "config commit\n")
		expect := func(name string, typ wire.Type, want string) {
			t.Helper()
			if got := s.answerTo(name, typ); got != want {
				t.Errorf("%s %s: %s, want %s", name, typ, got, want)
			}
		}
		for _, cache := range []string{"", `"cache-enable": false, `} {
			database := fmt.Sprintf(`{"type": "sqlite3", %s"params": {"database_file": %q}}`, cache, filepath.Join(s.dir, "zone.sqlite3"))
			s.script(fmt.Sprintf("config set data_sources/classes/IN [{\"type\": \"MasterFiles\", \"cache-enable\": true, \"params\": {%s}}, %s]\nconfig commit\n", strings.Join(params, ", "), database))
			eventually(t, 10*time.Second, "the zones are served", func() bool { return s.answerTo("who.both.example", wire.TypeTXT) == `"file"` })
			expect("only.both.example", wire.TypeTXT, "NXDOMAIN both.example. SOA")
			expect("alias.both.example", wire.TypeA, "host.stored.example., 192.0.2.80")
			expect("lost.both.example", wire.TypeA, "none.stored.example.")
			expect("host.sub.both.example", wire.TypeA, "stored.example., host.stored.example., 192.0.2.80")
			expect("back.stored.example", wire.TypeTXT, `who.both.example., "file"`)
			expect("child.parent.example", wire.TypeDS, "1 8 2 0000000000000000000000000000000000000000000000000000000000000001")
			expect("plain.parent.example", wire.TypeDS, "NOERROR parent.example. SOA")
			expect("child.parent.example", wire.TypeNS, "ns.example.net.")
			expect("www.child.parent.example", wire.TypeA, "192.0.2.81")
			expect("none.plain.parent.example", wire.TypeA, "NXDOMAIN plain.parent.example. SOA")

			s.script(fmt.Sprintf("config set data_sources/classes/IN [%s]\nconfig commit\n", database))
			eventually(t, 10*time.Second, "the database is left", func() bool { return s.answerTo("who.both.example", wire.TypeTXT) == `"database"` })
			expect("only.both.example", wire.TypeTXT, `"database"`)
			expect("alias.both.example", wire.TypeA, "NXDOMAIN both.example. SOA")
			expect("back.stored.example", wire.TypeTXT, `who.both.example., "database"`)
			expect("parent.example", wire.TypeSOA, "REFUSED")
			// The parent is not here any more, so the child is asked.
			expect("child.parent.example", wire.TypeDS, "2 8 2 0000000000000000000000000000000000000000000000000000000000000002")
			expect("plain.parent.example", wire.TypeDS, "NOERROR plain.parent.example. SOA")
		}
		// Now no zone is in memory: what another process has written is seen by the next query, over UDP and TCP.
		for i := range 3 {
			text := zoneText(6+i, fmt.Sprintf("host A 192.0.2.%d\n", 90+i))
			if out, err := s.loadzone("stored.example", s.write("stored", text)); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			expect("host.stored.example", wire.TypeA, fmt.Sprintf("192.0.2.%d", 90+i))
			m := ask(netip.AddrPortFrom(s.address, s.dns), question(t, 1, wire.MustParseName("host.stored.example"), wire.TypeA), true)
			if m == nil || len(m.Answer) != 1 || m.Answer[0].Data[3] != byte(90+i) {
				t.Errorf("over TCP: %+v", m)
			}
		}
	})
}

// TestUpdateOfZoneInNoMemory updates, with nsupdate, a zone that is answered from the database: the next query sees it.
func TestUpdateOfZoneInNoMemory(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("nsupdate"); err != nil {
		t.Skip("nsupdate is not installed (Debian package bind9-dnsutils)")
	}
	placements(t, func(t *testing.T, s *suite) {
		s.loadZones()
		s.start()
		s.script(s.dnsScript() + fmt.Sprintf("config set data_sources/classes/IN [{\"type\": \"sqlite3\", \"cache-enable\": false, \"params\": {\"database_file\": %q}}]\nconfig commit\n", filepath.Join(s.dir, "zone.sqlite3")))
		eventually(t, 10*time.Second, "the zone is served", func() bool { return s.answerTo("ns.lab.example", wire.TypeA) == "192.0.2.1" })
		for i := range 5 {
			want := fmt.Sprintf("192.0.2.%d", 10+i)
			s.nsupdate("update delete host.lab.example A\nupdate add host.lab.example 60 A " + want)
			if got := s.answerTo("host.lab.example", wire.TypeA); got != want {
				t.Errorf("after update %d: %s, want %s", i, got, want)
			}
		}
		s.nsupdate("update delete host.lab.example")
		if got := s.answerTo("host.lab.example", wire.TypeA); got != "NXDOMAIN lab.example. SOA" {
			t.Errorf("deleted, but %s", got)
		}
	})
}

// TestUpdateRulesOneByOne edits the rules of an access control list in the shell and looks who may update then.
func TestUpdateRulesOneByOne(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "single")
	s.loadZones()
	s.start()
	s.script(s.dnsScript() + "config commit\n")
	eventually(t, 5*time.Second, "the zone is served", func() bool { return s.lookup("ns.lab.example") != "" })
	key := labKey(t)
	for i, c := range []struct {
		script           string
		signed, unsigned wire.Rcode
	}{
		{"", wire.RcodeNoError, wire.RcodeRefused},
		{"config set DDNS/zones[0]/update_acl[0]/action REJECT", wire.RcodeRefused, wire.RcodeRefused},
		{`config add DDNS/zones[0]/update_acl {"action": "ACCEPT", "from": "127.0.0.0/8"}`, wire.RcodeRefused, wire.RcodeNoError},
		{`config set DDNS/zones[0]/update_acl[1]/from "192.0.2.0/24"`, wire.RcodeRefused, wire.RcodeRefused},
		{`config set DDNS/zones[0]/update_acl[0]/key "other.key"`, wire.RcodeRefused, wire.RcodeRefused},
		{"config set DDNS/zones[0]/update_acl[0]/action ACCEPT\nconfig set DDNS/zones[0]/update_acl[0]/key lab.key", wire.RcodeNoError, wire.RcodeRefused},
		{"config set DDNS/zones[0]/update_acl[1]/from 127.0.0.1/8\nconfig remove DDNS/zones[0]/update_acl[0]", wire.RcodeNoError, wire.RcodeNoError},
		{"config remove DDNS/zones[0]/update_acl[0]", wire.RcodeRefused, wire.RcodeRefused},
	} {
		if c.script != "" {
			s.script(c.script + "\nconfig commit\n")
		}
		for _, signed := range []bool{true, false} {
			n := wire.MustParseName(fmt.Sprintf("n%d-%t.lab.example", i, signed))
			request := update.Request{Zone: labZone, Class: wire.ClassIN, Updates: []wire.RR{{Name: n, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 9}}}}
			msg, err := request.Pack(1)
			if err != nil {
				t.Fatal(err)
			}
			with, want := &key, c.signed
			if !signed {
				with, want = nil, c.unsigned
			}
			m := s.exchange(msg, with)
			if m == nil || m.Header.Flags.Rcode() != want {
				t.Errorf("after %q, signed=%t: %+v, want %s\n%s", c.script, signed, m, want, s.ctl("config", "show_json", "DDNS/zones"))
			}
		}
	}
	for _, bad := range []string{"config set DDNS/zones[0]/update_acl[0]/action REJECT", "config add DDNS/zones[0]/update_acl {\"action\": \"MAYBE\"}\nconfig commit", "config remove DDNS/zones[0]/update_acl[3]"} {
		if out := s.tryScript(bad + "\n"); !strings.Contains(strings.ToLower(out), "error") {
			t.Errorf("%s: %s", bad, out)
		}
		s.tryScript("config revert\n")
	}
}

// TestFullTCPLeavesUDPAlone fills the table of connections with clients that say half a message, or ask and do not read.
// UDP is answered meanwhile, and TCP again when they have gone.
func TestFullTCPLeavesUDPAlone(t *testing.T) {
	t.Parallel()
	const limit = 16
	s := newSuite(t, "grouped")
	s.loadZones()
	s.start()
	s.script(s.dnsScript() + fmt.Sprintf("config set Auth/tcp_clients %d\nconfig set Auth/tcp_clients_per_address %[1]d\nconfig set Auth/tcp_recv_timeout 60000\nconfig commit\n", limit))
	eventually(t, 5*time.Second, "the zone is served", func() bool { return s.lookup("ns.lab.example") != "" })
	at := netip.AddrPortFrom(s.address, s.dns)
	good := question(t, 0x1234, wire.MustParseName("ns.lab.example"), wire.TypeA)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range 2 * limit {
		c, err := net.Dial("tcp", at.String())
		if err != nil {
			break // the backlog is full too
		}
		conns = append(conns, c)
		c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		if i%2 == 0 {
			c.Write([]byte{0, 40, 1})
			continue
		}
		for range 2000 { // until neither side has room
			if _, err := c.Write(append([]byte{0, byte(len(good))}, good...)); err != nil {
				break
			}
		}
	}
	if m := askWithin(time.Second, at, good, true); m != nil {
		t.Errorf("over TCP, whose table is full: %+v", m)
	}
	var worst time.Duration
	for range 500 {
		began := time.Now()
		if m := ask(at, good, false); m == nil || len(m.Answer) != 1 {
			t.Fatalf("over UDP: %+v", m)
		}
		worst = max(worst, time.Since(began))
	}
	t.Logf("the slowest of 500 answers over UDP took %v", worst)
	for _, c := range conns {
		c.Close()
	}
	eventually(t, 5*time.Second, "TCP is answered", func() bool {
		m := ask(at, good, true)
		return m != nil && len(m.Answer) == 1
	})
}

// TestHangup sends SIGHUP to the whole suite, as a closing terminal does too: the changed zone is read again, and
// nothing stops.
func TestHangup(t *testing.T) {
	t.Parallel()
	placements(t, func(t *testing.T, s *suite) {
		zone := func(text string) string {
			return s.write("file.zone", "$TTL 60\n@ SOA ns.example.net. h 1 3600 900 604800 60\n@ NS ns.example.net.\n@ TXT "+text+"\n")
		}
		source := fmt.Sprintf(`{"type": "MasterFiles", "cache-enable": true, "params": {"file.example": %q}}`, zone("before"))
		s.start()
		s.script(s.dnsScript() + fmt.Sprintf("config set data_sources/classes/IN [%s]\nconfig commit\n", source))
		serves := func(want string) {
			t.Helper()
			eventually(t, 10*time.Second, want+" is served", func() bool { return s.answerTo("file.example", wire.TypeTXT) == `"`+want+`"` })
		}
		serves("before")
		before := s.children()
		zone("after")
		if err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		serves("after")
		if after := s.children(); !slices.Equal(before, after) {
			t.Errorf("processes %v became %v", before, after)
		}
	})
}
