package test

import (
	"strings"
	"testing"
	"time"
)

// TestLeaseCommands gives and takes leases by hand: they are in the lease file, and their names come and go in DNS as
// those of clients do.
func TestLeaseCommands(t *testing.T) {
	for _, placement := range []string{"single", "grouped"} {
		t.Run(placement, func(t *testing.T) {
			s := newSuite(t, placement)
			s.loadZones()
			s.start()
			s.script(s.dnsScript() + s.dhcpScript() + "config commit\n")
			says := func(want string, args ...string) {
				t.Helper()
				if out, _ := s.tryCtl(append([]string{"Dhcp4"}, args...)...); !strings.Contains(out, want) {
					t.Errorf("%s:\n%s\nwant %s", args, out, want)
				}
			}
			says(`"address": "192.0.2.150"`, "lease_add", "address=192.0.2.150", "hw_address=02:00:00:00:00:01", "hostname=printer.lab.example", "fqdn_fwd=true", "fqdn_rev=true")
			eventually(t, 20*time.Second, "the name of an added lease resolves", func() bool {
				return s.lookup("printer.lab.example") == "192.0.2.150" && strings.HasPrefix(s.reverse("192.0.2.150"), "printer.lab.example")
			})
			says("has an active lease", "lease_add", "address=192.0.2.150", "hw_address=02:00:00:00:00:02")
			says("belongs to no subnet", "lease_add", "address=203.0.113.1", "hw_address=02:00:00:00:00:02")
			says("printer.lab.example.", "leases", "subnet=192.0.2.0/24", "limit=10")
			says(`"state": "active"`, "lease", "address=192.0.2.150")
			says(`"assigned_addresses": 1`, "lease_stats")
			s.kill()
			s.start()
			says("printer.lab.example.", "lease", "address=192.0.2.150")
			says(`"hostname": "plotter.lab.example."`, "lease_update", "address=192.0.2.150", "hostname=plotter.lab.example")
			eventually(t, 20*time.Second, "the new name resolves instead of the old one", func() bool {
				return s.lookup("plotter.lab.example") == "192.0.2.150" && s.lookup("printer.lab.example") == ""
			})
			says("192.0.2.150", "lease_del", "address=192.0.2.150")
			says("there is no lease of 192.0.2.150", "lease", "address=192.0.2.150")
			eventually(t, 20*time.Second, "the name of a deleted lease is gone", func() bool {
				return s.lookup("plotter.lab.example") == "" && s.reverse("192.0.2.150") == ""
			})
			says("192.0.2.151", "lease_add", "address=192.0.2.151", "hw_address=02:00:00:00:00:03")
			says(`"deleted": 1`, "lease_wipe", "subnet_id=1")
			says(`"assigned_addresses": 0`, "lease_stats", "subnet_id=1")
		})
	}
}
