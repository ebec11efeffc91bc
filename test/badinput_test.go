package test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func itoa(n uint16) string { return strconv.Itoa(int(n)) }

// TestBadConfigurationIsRefusedWhole commits wrong items: each gives a clear error and changes nothing.
func TestBadConfigurationIsRefusedWhole(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "single")
	s.loadZones()
	s.start()
	s.script(s.dnsScript() + s.dhcpScript() + "config commit\n")
	before, err := os.ReadFile(filepath.Join(s.dir, "bundy-config.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ script, want string }{
		{"config set Auth/no_such_item 5\n", "no_such_item"},
		{"config set Auth/tcp_recv_timeout soon\n", "soon is not an integer"},
		{"config set Dhcp4/valid-lifetime 5000\nconfig set Dhcp4/subnet4[0]/pool [\"10.9.9.1 - 10.9.9.9\"]\nconfig commit\n", "10.9.9.1-10.9.9.9"},
		{"config set Dhcp4/valid-lifetime 5000\nconfig add Dhcp4/option-data\nconfig set Dhcp4/option-data[0]/name \"routers\"\nconfig set Dhcp4/option-data[0]/csv-format true\nconfig set Dhcp4/option-data[0]/data \"not-an-address\"\nconfig commit\n", "not-an-address"},
		{"config set Dhcp4/valid-lifetime 5000\nconfig set DDNS/zones[0]/update_acl [{\"action\": \"PERHAPS\"}]\nconfig commit\n", "PERHAPS"},
		{"config set Dhcp4/valid-lifetime 5000\nconfig add tsig_keys/keys \"not a key\"\nconfig commit\n", "tsig_keys/keys[1]"},
		{"config set Dhcp4/valid-lifetime 5000\nconfig add Init/components bundy-nonsense\nconfig commit\n", "bundy-nonsense"},
		{"config set Dhcp4/valid-lifetime 5000\nconfig set Auth/listen_on [{\"address\": \"192.0.2.77\", \"port\": 5300}]\nconfig commit\n", "192.0.2.77"},
		{"config set Auth/listen_on [{\"address\": \"127.0.0.1\", \"port\": 70000}]\nconfig commit\n", "70000"},
	} {
		out := s.tryScript(c.script)
		if !strings.Contains(out, "Error") || !strings.Contains(out, c.want) {
			t.Errorf("%q\ngave %q, want an error that names %q", c.script, out, c.want)
		}
		if out, err := s.tryCtl("config", "show", "Dhcp4/valid-lifetime"); err != nil || !strings.Contains(out, "\t4000\t") {
			t.Fatalf("after %q the lifetime is %q, %v", c.script, out, err)
		}
	}
	after, err := os.ReadFile(filepath.Join(s.dir, "bundy-config.db"))
	if err != nil || string(after) != string(before) {
		t.Errorf("the stored configuration changed: %v\n%s\n%s", err, before, after)
	}
	if out, err := s.tryCtl("config", "set", "Auth/no_such_item", "5"); err == nil {
		t.Errorf("a failing command ended with status 0: %s", out)
	}
	a := newClient(t, s, 1, "laptop").lease()
	s.hasName("laptop", a, 5*time.Second)
}

// TestBadZoneFileKeepsTheOldZone loads a zone file with errors over a good zone.
func TestBadZoneFileKeepsTheOldZone(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "single")
	s.loadZones()
	bad := s.write("bad.zone", "$TTL 300\n@ SOA ns.lab.example. hostmaster.lab.example. 2 3600 900 604800 60\n@ NS ns.lab.example.\nns A 192.0.2.300\nwww A 192.0.2.2\nother NOSUCHTYPE x\n")
	out, err := s.loadzone("lab.example", bad)
	if err == nil {
		t.Fatalf("a bad zone was loaded: %s", out)
	}
	for _, want := range []string{bad + ":4:", "192.0.2.300", bad + ":6:", "NOSUCHTYPE"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	s.start()
	s.script(s.dnsScript() + "config commit\n")
	eventually(t, 5*time.Second, "the old zone is served", func() bool { return s.lookup("ns.lab.example") == "192.0.2.1" })
}

// TestBadConfigurationFileStopsTheStart starts on a configuration file that cannot be read.
func TestBadConfigurationFileStopsTheStart(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"torn":    `{"version": 4, "Auth": {"listen_on": [`,
		"newer":   `{"version": 99}`,
		"invalid": `{"version": 4, "Auth": {"tcp_recv_timeout": "soon"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSuite(t, "single")
			path := s.write("bundy-config.db", text)
			if err := s.tryStart(); err == nil {
				t.Fatal("the suite started")
			}
			s.cmd = nil
			if !strings.Contains(s.log.String(), path) {
				t.Errorf("the error does not name the file:\n%s", s.log)
			}
			if data, err := os.ReadFile(path); err != nil || string(data) != text {
				t.Errorf("the file changed: %q, %v", data, err)
			}
		})
	}
}

// TestOldConfigurationFile starts from a file of version 3 of the original suite.
func TestOldConfigurationFile(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "single")
	s.write("bundy-config.db", fmt.Sprintf(`{"version": 3, "Init": {"components": {"bundy-cmdctl": {"special": "cmdctl", "kind": "needed"}, "bundy-auth": {"special": "auth", "kind": "needed"}}}, "Auth": {"listen_on": [{"address": "%s", "port": %d}]}}`, s.address, s.dns))
	s.loadZones()
	s.start()
	eventually(t, 5*time.Second, "the zone is served", func() bool { return s.lookup("ns.lab.example") == "192.0.2.1" })
	if out := s.ctl("config", "show_json", "Auth"); !strings.Contains(out, s.address.String()) {
		t.Errorf("Auth is %s", out)
	}
}

// TestPortInUse configures an address that another program holds.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "grouped")
	s.loadZones()
	s.start()
	other, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.address, s.dns)))
	if err != nil {
		t.Fatal(err)
	}
	out := s.tryScript(s.dnsScript() + "config commit\n")
	place := netip.AddrPortFrom(s.address, s.dns).String()
	eventually(t, 10*time.Second, "an error that names "+place, func() bool {
		text := out + s.log.String()
		return strings.Contains(text, place) && strings.Contains(text, "address already in use")
	})
	other.Close()
	eventually(t, 10*time.Second, "the zone is served when the port is free", func() bool { return s.lookup("ns.lab.example") == "192.0.2.1" })
}

// TestSecondSuite starts another suite on the same data path.
func TestSecondSuite(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "grouped")
	s.start()
	second := *s
	second.log = &lockedBuffer{}
	if err := second.tryStart(); err == nil {
		t.Fatal("a second suite started")
	}
	if text := second.log.String(); !strings.Contains(text, "already running") {
		t.Errorf("the error is %q", text)
	}
	if out := s.ctl("Init", "ping"); !strings.Contains(out, "pong") {
		t.Errorf("ping: %q", out)
	}
}

// TestFullDisk runs the suite on a small file system and fills it: what is acknowledged stays, the rest is refused
// with one clear error, and service goes on when there is room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("mounting a small tmpfs needs root")
	}
	s := newSuite(t, "single")
	small := filepath.Join(s.dir, "small")
	if err := os.Mkdir(small, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("cannot mount a tmpfs here: %v", err)
	}
	defer syscall.Unmount(small, syscall.MNT_DETACH)
	s.loadZones()
	s.start()
	s.script(s.dnsScript() + s.dhcpScript() + fmt.Sprintf("config set Dhcp4/lease-database/name %q\nconfig commit\n", filepath.Join(small, "leases.csv")))
	first := newClient(t, s, 1, "first")
	a := first.lease()

	filler := filepath.Join(small, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	f.Close()
	// The page of the lease file that is begun still takes rows; renewals fill it.
	full := false
	for range 200 {
		m := first.message(dhcpv4.MessageTypeRequest)
		m.ClientIPAddr = a.AsSlice()
		if first.exchange(m, 200*time.Millisecond) == nil && strings.Contains(s.log.String(), "no space left on device") {
			full = true
			break
		}
	}
	if !full {
		t.Fatal("renewals are acknowledged on a full disk")
	}
	if text := s.log.String(); !strings.Contains(text, "no space left on device") || !strings.Contains(text, "leases.csv") {
		t.Errorf("no clear error in the log:\n%s", text)
	}
	os.Remove(filler)
	if ack := first.renew(a); ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck {
		t.Errorf("with room again the renewal got %v", ack)
	}
	b := newClient(t, s, 2, "second").lease()
	if a == b {
		t.Errorf("both clients got %s", a)
	}
}

// TestTruncatedLeaseFile cuts the lease file in the middle of a row, as a crash may.
func TestTruncatedLeaseFile(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "single")
	s.loadZones()
	s.start()
	s.script(s.dnsScript() + s.dhcpScript() + "config commit\n")
	laptop := newClient(t, s, 1, "laptop")
	a := laptop.lease()
	s.kill()
	path := filepath.Join(s.dir, "kea-leases4.csv")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("192.0.2.150,02:00:00")
	f.Close()
	s.start()
	if ack := laptop.renew(a); ack == nil || !ack.YourIPAddr.Equal(a.AsSlice()) {
		t.Errorf("the lease before the torn row is lost: %v", ack)
	}
	if text := s.log.String(); !strings.Contains(text, path) || !strings.Contains(text, "incomplete row") {
		t.Errorf("the log does not tell of the repair:\n%s", text)
	}
}
