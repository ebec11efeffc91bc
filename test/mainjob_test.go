package test

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// hasName waits until a name resolves forward and back.
func (s *suite) hasName(name string, a netip.Addr, limit time.Duration) {
	s.t.Helper()
	eventually(s.t, limit, name+" resolves to "+a.String()+" and back", func() bool {
		return s.lookup(name+".lab.example") == a.String() && s.reverse(a.String()) == name+".lab.example."
	})
}

// noName waits until a name is gone in both directions.
func (s *suite) noName(name string, a netip.Addr, limit time.Duration) {
	s.t.Helper()
	eventually(s.t, limit, name+" is gone", func() bool {
		return s.lookup(name+".lab.example") == "" && !strings.Contains(s.reverse(a.String()), name+".lab.example.")
	})
}

// TestLeaseGetsItsNameAndLosesIt is the main job: a lease gets its name; release, takeover and expiry end it.
func TestLeaseGetsItsNameAndLosesIt(t *testing.T) {
	t.Parallel()
	placements(t, func(t *testing.T, s *suite) {
		s.loadZones()
		s.start()
		s.script(s.dnsScript() + s.dhcpScript() + "config commit\n")

		laptop := newClient(t, s, 1, "laptop")
		a := laptop.lease()
		s.hasName("laptop", a, 5*time.Second)
		if ack := laptop.renew(a); ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck {
			t.Fatalf("renewal: %v", ack)
		}
		s.hasName("laptop", a, time.Second)
		laptop.release(a)
		s.noName("laptop", a, 5*time.Second)

		phone := newClient(t, s, 2, "phone")
		b := phone.lease()
		s.hasName("phone", b, 5*time.Second)
		s.noName("laptop", a, time.Second)

		s.script("config set Dhcp4/valid-lifetime 2\nconfig set Dhcp4/renew-timer 1\nconfig set Dhcp4/rebind-timer 1\nconfig commit\n")
		mute := newClient(t, s, 3, "mute")
		c := mute.lease()
		eventually(t, 2*time.Second, "mute has a name", func() bool {
			mute.renew(c) // or the lease ends before its name is seen, when this machine is slow
			return s.lookup("mute.lab.example") == c.String()
		})
		s.noName("mute", c, 10*time.Second)
		s.hasName("phone", b, time.Second)

		// A subnet that is removed ends the names of its leases.
		s.script("config remove Dhcp4/subnet4[0]\nconfig commit\n")
		s.noName("phone", b, 10*time.Second)
	})
}

// TestKilledAtAnyTime kills each process and then the whole suite: lease, name and service are there afterwards.
func TestKilledAtAnyTime(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "grouped")
	s.loadZones()
	// A needed component that ends within ten seconds of its first start ends the suite: here all may be killed early.
	s.write("bundy-config.db", `{"version": 4, "Init": {"components": {"bundy-cmdctl": {"special": "cmdctl", "kind": "dispensable"}}}}`)
	s.start()
	s.script(s.dnsScript() + s.dhcpScript() + "config commit\n")
	laptop := newClient(t, s, 1, "laptop")
	a := laptop.lease()
	s.hasName("laptop", a, 5*time.Second)
	check := func(what string) {
		t.Helper()
		s.hasName("laptop", a, 10*time.Second)
		ack := laptop.renew(a)
		if ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck || !ack.YourIPAddr.Equal(a.AsSlice()) {
			t.Fatalf("after the end of %s: renewal got %v", what, ack)
		}
	}
	for _, victim := range []string{"bundy-dhcp", "bundy-dns", "bundy-dhcp-ddns", "bundy-control"} {
		pid := s.process(victim)
		syscall.Kill(pid, syscall.SIGKILL)
		check(victim)
		eventually(t, 10*time.Second, victim+" is started again", func() bool {
			again := s.find(victim)
			return again != 0 && again != pid
		})
	}
	s.kill()
	s.start()
	check("the suite")

	// Killed between the acknowledgement and the name: the name comes with the next start.
	tablet := newClient(t, s, 2, "tablet")
	b := tablet.lease()
	s.kill()
	s.start()
	s.hasName("tablet", b, 10*time.Second)

	// Killed right after a release: the name goes.
	tablet.release(b)
	eventually(t, 5*time.Second, "the release is on disk", func() bool {
		data, err := os.ReadFile(s.dir + "/kea-leases4.csv")
		return err == nil && strings.Contains(string(data), "\n"+b.String()+",") && lastRow(string(data), b.String())[3] == "0"
	})
	s.kill()
	s.start()
	s.noName("tablet", b, 10*time.Second)
	if status := s.stop(); status != 0 {
		t.Errorf("orderly shutdown ended with status %d", status)
	}
}

// lastRow gives the columns of the last row of an address in a lease file.
func lastRow(file, address string) []string {
	var row []string
	for _, line := range strings.Split(file, "\n") {
		if strings.HasPrefix(line, address+",") {
			row = strings.Split(line, ",")
		}
	}
	return row
}

// TestHandMadeRecordsSurvive puts records by hand under names that clients ask for; nothing touches them.
func TestHandMadeRecordsSurvive(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("nsupdate"); err != nil {
		t.Skip("nsupdate is not installed (Debian package bind9-dnsutils)")
	}
	s := newSuite(t, "single")
	s.loadZones()
	s.start()
	s.script(s.dnsScript() + s.dhcpScript() + "config commit\n")
	s.nsupdate("update add printer.lab.example 300 A 192.0.2.9\nupdate add 100.2.0.192.in-addr.arpa 300 PTR by-hand.lab.example.")
	impostor := newClient(t, s, 1, "printer")
	a := impostor.lease()
	other := newClient(t, s, 2, "other")
	b := other.lease()
	s.hasName("other", b, 5*time.Second)
	s.nsupdate("update add other.lab.example 300 MX 10 ns.lab.example.")
	impostor.release(a)
	other.release(b)
	eventually(t, 5*time.Second, "other.lab.example loses its address", func() bool { return s.lookup("other.lab.example") == "" })
	if got := s.lookup("printer.lab.example"); got != "192.0.2.9" {
		t.Errorf("printer.lab.example is %q", got)
	}
	if got := s.reverse("192.0.2.100"); got != "by-hand.lab.example." {
		t.Errorf("192.0.2.100 points to %q", got)
	}
	if out := s.dig("other.lab.example", "MX"); !strings.Contains(out, "10 ns.lab.example.") {
		t.Errorf("the MX record put beside the client's name is gone: %q", out)
	}
}

func (s *suite) nsupdate(lines string) {
	s.t.Helper()
	var text strings.Builder
	for _, line := range strings.Split(lines, "\n") {
		text.WriteString("server " + s.address.String() + " " + itoa(s.dns) + "\n" + line + "\nsend\n")
	}
	name, rest, _ := strings.Cut(tsigKey, ":")
	secret, algorithm, _ := strings.Cut(rest, ":")
	cmd := exec.Command("nsupdate", "-y", algorithm+":"+name+":"+secret)
	cmd.Stdin = strings.NewReader(text.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("nsupdate: %v\n%s", err, out)
	}
}

func (s *suite) dig(args ...string) string {
	s.t.Helper()
	args = append([]string{"+short", "+time=2", "+tries=2", "@" + s.address.String(), "-p", itoa(s.dns)}, args...)
	out, err := exec.Command("dig", args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("dig %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestLeasesDoNotWaitForDNS gives leases while nobody serves DNS; the names arrive when somebody does.
func TestLeasesDoNotWaitForDNS(t *testing.T) {
	t.Parallel()
	placements(t, func(t *testing.T, s *suite) {
		s.loadZones()
		s.start()
		s.script(s.dhcpScript() + "config add tsig_keys/keys \"" + tsigKey + "\"\nconfig commit\n")
		laptop := newClient(t, s, 1, "laptop")
		a := laptop.lease()
		_, rest, _ := strings.Cut(s.dnsScript(), tsigKey+"\"\n") // the key is there already
		s.script(rest + "config commit\n")
		s.hasName("laptop", a, 20*time.Second)
	})
}
