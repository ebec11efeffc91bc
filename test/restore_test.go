package test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestNamesComeBackWhenZonesAreReplaced takes the names of active leases out of DNS behind the back of the suite. They
// come back though no lease changes, and what the operator put into the new zone stays.
func TestNamesComeBackWhenZonesAreReplaced(t *testing.T) {
	t.Parallel()
	placements(t, func(t *testing.T, s *suite) {
		s.loadZones()
		s.start()
		s.script(s.dnsScript() + s.dhcpScript() + "config commit\n")
		names := map[string]netip.Addr{}
		for i, name := range []string{"laptop", "phone", "printer"} {
			names[name] = newClient(t, s, byte(i+1), name).lease()
		}
		all := func() {
			t.Helper()
			for name, a := range names {
				s.hasName(name, a, 15*time.Second)
			}
		}
		all()

		// The process that loads is not of the suite.
		load := func(host string) {
			t.Helper()
			file := s.write("new.zone", "$TTL 300\n@ SOA ns.lab.example. hostmaster.lab.example. 7 3600 900 604800 60\n"+
				"@ NS ns.lab.example.\nns A 192.0.2.1\n"+host+" A 192.0.2.9\n")
			if out, err := s.loadzone("lab.example", file); err != nil {
				t.Fatalf("bundy-loadzone: %v\n%s", err, out)
			}
			eventually(t, 5*time.Second, "the new zone is served", func() bool { return s.lookup(host+".lab.example") == "192.0.2.9" })
		}
		load("new")
		all()
		load("printer") // has become the operator's
		delete(names, "printer")
		all()
		if got := s.lookup("printer.lab.example"); got != "192.0.2.9" {
			t.Errorf("printer.lab.example is %q", got)
		}

		// By hand, where nothing tells of it.
		if s.placement == "single" {
			s.nsupdate("update delete laptop.lab.example\nupdate delete phone.lab.example A")
			s.ctl("DhcpDdns", "reconcile")
			all()
		}

		// The name server comes back with an old database.
		s.stop()
		for _, suffix := range []string{"", "-wal", "-shm"} {
			os.Remove(filepath.Join(s.dir, "zone.sqlite3") + suffix)
		}
		s.loadZones()
		s.start()
		all()
	})
}
