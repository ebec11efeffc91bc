package test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// TestHostileHostNames leases addresses to clients with names that would like to be somebody else's, or more than a
// name. No record of an operator changes, nothing but names is published, and no log or file has their bytes as they
// came.
func TestHostileHostNames(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "grouped")
	s.loadZones()
	file := s.write("static.zone", "$TTL 300\n@ SOA ns.lab.example. hostmaster.lab.example. 1 3600 900 604800 60\n@ NS ns.lab.example.\n"+
		"ns A 192.0.2.1\nstatic A 192.0.2.2\nalias CNAME static\n*.wild TXT \"by hand\"\nfilled TXT \"by hand\"\nsub NS ns.sub\nns.sub A 192.0.2.3\n")
	if out, err := s.loadzone("lab.example", file); err != nil {
		t.Fatalf("bundy-loadzone: %v\n%s", err, out)
	}
	before := s.published()
	s.start()
	s.script(s.dnsScript() + s.dhcpScript() + "config set Dhcp4/subnet4[0]/pool [\"192.0.2.100 - 192.0.2.199\"]\nconfig commit\n")
	names := []string{
		"static", "alias", "filled", "ns", "lab.example", "lab.example.", "static.lab.example.", "sub", "x.sub", "wild", "*", "*.wild", "wpad",
		"isatap", "localhost", "evil.test", "a..b", ".", "..", "-", "_ldap", "@", "100", "192.0.2.1",
		"x\n2026-11-23 00:00:00.000 FATAL [forged] FORGED it", "x\r\nFORGED", "\x1b[31mred", "<script>alert(1)</script>", "$(reboot)", "`reboot`",
		"a,b,c", "a&#x2c;b", "\"quoted\"", "back\\slash", "nul\x00byte", "\xff\xfe", "m\xc3\xbcller", strings.Repeat("a", 64), strings.Repeat("b.", 120), strings.Repeat("\n", 255),
	}
	for i, n := range names {
		c := newClient(t, s, byte(i+1), n)
		a := c.lease()
		if ack := c.renew(a); ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck {
			t.Errorf("renewal by %q: %v", n, ack)
		}
	}
	last := newClient(t, s, 200, "last")
	s.hasName("last", last.lease(), 10*time.Second)
	var diff string
	defer func() {
		if t.Failed() {
			t.Log(diff)
		}
	}()
	taken := map[string]bool{"static.lab.example.": true, "alias.lab.example.": true, "filled.lab.example.": true, "ns.lab.example.": true}
	eventually(t, 10*time.Second, "what can be published is", func() bool {
		diff = ""
		now := s.published()
		for _, r := range before {
			if !slices.Contains(now, r) {
				diff += "lost: " + r + "\n"
			}
		}
		for _, r := range now {
			owner, _, _ := strings.Cut(r, " ")
			reverse := strings.HasSuffix(owner, ".2.0.192.in-addr.arpa.")
			switch {
			case slices.Contains(before, r):
			case taken[owner] || strings.Contains(owner, "\\") || strings.Contains(owner, "*") ||
				!reverse && (strings.Contains(owner, "sub.lab") || strings.HasPrefix(owner, "wpad.") || strings.HasPrefix(owner, "isatap.") ||
					strings.HasPrefix(owner, "localhost.") || owner == "lab.example."):
				diff += "bad: " + r + "\n"
			}
		}
		return diff == ""
	})
	text := s.log.String()
	for _, out := range []string{s.ctl("DhcpDdns", "show"), s.ctl("config", "show", "Dhcp4")} {
		text += out
	}
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "FORGED") || strings.Contains(line, "FATAL") && !strings.Contains(line, "\\n") {
			t.Errorf("forged line %q", line)
		}
		if at := strings.IndexFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' || r == unicode.ReplacementChar }); at >= 0 {
			t.Errorf("control characters in %q", line)
		}
	}
	if n := len(s.leases()); n != len(names)+1 { // a lease file that cannot be read fails in there
		t.Errorf("%d leases on disk of %d", n, len(names)+1)
	}
}
