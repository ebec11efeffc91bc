package test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"bundy/internal/dhcp/lease"
)

// kea is Kea's DHCPv4 server for the subnet and the relay of dhcpScript, with its leases in a folder of its own.
type kea struct {
	s    *suite
	dir  string
	cmd  *exec.Cmd
	log  *lockedBuffer
	done chan error
}

func newKea(t *testing.T, s *suite) *kea {
	t.Helper()
	if _, err := exec.LookPath("kea-dhcp4"); err != nil {
		t.Skip("kea-dhcp4 is not installed (Debian package kea-dhcp4-server)")
	}
	return &kea{s: s, dir: t.TempDir(), log: &lockedBuffer{}}
}

func (k *kea) file() string { return filepath.Join(k.dir, "kea-leases4.csv") }

// start runs the server, which tells the DHCP-DDNS server at a port of its clients' names; with "" it knows nothing of
// names, and cleans its lease file up every second.
func (k *kea) start(ddnsPort string) {
	t := k.s.t
	t.Helper()
	conf := filepath.Join(k.dir, "kea.conf")
	cleanUp, names := 1, ""
	if ddnsPort != "" {
		cleanUp, names = 0, fmt.Sprintf(`
		"dhcp-ddns": {"enable-updates": true, "server-ip": "127.0.0.1", "server-port": %s},
		"ddns-qualifying-suffix": "lab.example.",`, ddnsPort)
	}
	text := fmt.Sprintf(`{"Dhcp4": {
		"interfaces-config": {"interfaces": ["lo"], "dhcp-socket-type": "udp"},
		"lease-database": {"type": "memfile", "persist": true, "name": %q, "lfc-interval": %d},
		"valid-lifetime": 3600,
		"subnet4": [{"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.100 - 192.0.2.199"}],
			"relay": {"ip-addresses": [%q]}}],%s
		"loggers": [{"name": "kea-dhcp4", "output_options": [{"output": "stdout"}], "severity": "INFO"}]
	}}`, k.file(), cleanUp, k.s.address, names)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	k.cmd = exec.Command("kea-dhcp4", "-c", conf, "-p", itoa(k.s.dhcp))
	k.cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+k.dir, "KEA_LOCKFILE_DIR="+k.dir, "KEA_DHCP_DATA_DIR="+k.dir)
	k.cmd.Stdout, k.cmd.Stderr = k.log, k.log
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := strings.Count(k.log.String(), "DHCP4_STARTED")
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k.done = make(chan error, 1)
	go func(cmd *exec.Cmd, done chan error) { done <- cmd.Wait() }(k.cmd, k.done)
	t.Cleanup(k.stop)
	eventually(t, 10*time.Second, "kea-dhcp4 starts", func() bool {
		select {
		case err := <-k.done:
			k.cmd = nil
			t.Fatalf("kea-dhcp4: %v\n%s", err, k.log)
		default:
		}
		return strings.Count(k.log.String(), "DHCP4_STARTED") > started
	})
}

func (k *kea) stop() {
	if k.cmd == nil {
		return
	}
	k.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-k.done:
	case <-time.After(10 * time.Second):
		k.cmd.Process.Kill()
		<-k.done
	}
	k.cmd = nil
}

// converted is Kea's configuration as commands for bundyctl, with another file of leases.
func (k *kea) converted(file string) string {
	t := k.s.t
	t.Helper()
	var remarks strings.Builder
	cmd := k.s.program("bundy-kea-config", filepath.Join(k.dir, "kea.conf"))
	cmd.Stderr = &remarks
	out, err := cmd.Output()
	if err != nil || strings.Contains(remarks.String(), "LOST") {
		t.Fatalf("bundy-kea-config: %v\n%s", err, remarks.String())
	}
	return strings.ReplaceAll(string(out), k.file(), file)
}

// without drops the lines of a script that name something.
func without(script string, words ...string) string {
	var out []string
	for _, line := range strings.Split(script, "\n") {
		keep := true
		for _, w := range words {
			keep = keep && !strings.Contains(line, w)
		}
		if keep {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// TestKea lets Kea's server name its clients through our DHCP-DDNS server, and hands the configuration and the leases over: from
// Kea to our DHCP server, and the leases back.
func TestKea(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "grouped")
	k := newKea(t, s)
	s.loadZones()
	s.start()
	whole := s.dhcpScript()
	_, port, _ := strings.Cut(whole, "DhcpDdns/port ")
	port, _, _ = strings.Cut(port, "\n")
	s.script(s.dnsScript() + without(whole, "Dhcp4/", "bundy-dhcp4") + "\nconfig commit\n")
	listening := func(times int) { // a request that nobody hears is lost: Kea does not repeat it
		t.Helper()
		eventually(t, 10*time.Second, "the DHCP-DDNS server listens", func() bool {
			return strings.Count(s.log.String(), "DHCP_DDNS_STARTED") == times
		})
	}
	listening(1)
	k.start(port)
	defer func() {
		if t.Failed() {
			t.Logf("log of Kea:\n%s", k.log)
		}
	}()

	laptop, phone := newClient(t, s, 1, "laptop"), newClient(t, s, 2, "phone")
	a, b := laptop.lease(), phone.lease()
	s.hasName("laptop", a, 5*time.Second)
	s.hasName("phone", b, 5*time.Second)
	// The suite forgets nothing of what Kea asked for.
	s.kill()
	s.start()
	listening(2)
	phone.tell(phone.message(dhcpv4.MessageTypeRelease, dhcpv4.WithClientIP(b.AsSlice()))) // to any server
	s.noName("phone", b, 10*time.Second)
	s.hasName("laptop", a, 5*time.Second)
	k.stop()

	// Our server takes over.
	same := func(got lease.Lease, c *client, name string) {
		t.Helper()
		if got.HWAddr != string(c.mac) || got.State != lease.Active || strings.TrimSuffix(got.Hostname, ".") != name || // with and without dot, as Kea does
			!got.FQDNForward || !got.FQDNReverse {
			t.Errorf("lease of %s: %+v", name, got)
		}
	}
	data, err := os.ReadFile(k.file())
	if err != nil {
		t.Fatal(err)
	}
	s.write("kea-leases4.csv", string(data))
	theirs := s.leases()
	same(theirs[a], laptop, "laptop.lab.example")
	ours := []string{k.converted(filepath.Join(s.dir, "kea-leases4.csv"))}
	for _, line := range strings.Split(whole, "\n") {
		if strings.Contains(line, "Dhcp4/server-port") || strings.Contains(line, "Dhcp4/client-port") || strings.Contains(line, "bundy-dhcp4") {
			ours = append(ours, line)
		}
	}
	s.script(strings.Join(ours, "\n") + "\nconfig commit\n")
	if ack := laptop.renew(a); ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck || !ack.YourIPAddr.Equal(a.AsSlice()) {
		t.Fatalf("renewal of a lease of Kea: %v", ack)
	}
	s.hasName("laptop", a, 5*time.Second)
	tablet := newClient(t, s, 3, "tablet")
	c := tablet.lease()
	if c == a {
		t.Fatalf("%s has two clients", a)
	}
	s.hasName("tablet", c, 5*time.Second)

	// And back.
	s.script("config remove Init/components bundy-dhcp4\nconfig commit\n")
	mine := s.leases()
	same(mine[a], laptop, "laptop.lab.example")
	same(mine[c], tablet, "tablet.lab.example")
	if data, err = os.ReadFile(filepath.Join(s.dir, "kea-leases4.csv")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(k.file(), data, 0o600); err != nil {
		t.Fatal(err)
	}
	k.start(port)
	for holder, address := range map[*client]netip.Addr{laptop: a, tablet: c} {
		if ack := holder.renew(address); ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck || !ack.YourIPAddr.Equal(address.AsSlice()) {
			t.Errorf("renewal of our lease by Kea: %v", ack)
		}
	}
	if strings.Contains(k.log.String(), "DHCPSRV_MEMFILE_LEASE_FILE_LOAD_ROW_ERROR") || strings.Contains(k.log.String(), "LEASE_LOAD_ERROR") {
		t.Error("Kea cannot read rows of ours")
	}
}

// TestLiveKea names the clients of a Kea that knows nothing of us, by its lease file alone, while Kea cleans that file up.
func TestLiveKea(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "grouped")
	k := newKea(t, s)
	s.loadZones()
	s.start()
	s.script(s.dnsScript() + without(s.dhcpScript(), "Dhcp4/", "bundy-dhcp4") + fmt.Sprintf(`
config set DhcpDdns/lease_files [{"file": %q, "family": "ipv4", "networks": ["192.0.2.0/24"]}]
config set DhcpDdns/dynamic_dns/enabled true
config set DhcpDdns/dynamic_dns/domain lab.example
config commit
`, k.file()))
	k.start("")
	defer func() {
		if t.Failed() {
			t.Logf("log of Kea:\n%s", k.log)
		}
	}()
	laptop, phone := newClient(t, s, 1, "laptop"), newClient(t, s, 2, "Phone")
	a, b := laptop.lease(), phone.lease()
	s.hasName("laptop", a, 5*time.Second)
	s.hasName("phone", b, 5*time.Second)
	cleanedUp := func() {
		t.Helper()
		done := strings.Count(k.log.String(), "DHCPSRV_MEMFILE_LFC_EXECUTE")
		eventually(t, 5*time.Second, "Kea cleans its leases up", func() bool {
			return strings.Count(k.log.String(), "DHCPSRV_MEMFILE_LFC_EXECUTE") > done+1
		})
	}
	cleanedUp()
	phone.tell(phone.message(dhcpv4.MessageTypeRelease, dhcpv4.WithClientIP(b.AsSlice())))
	s.noName("phone", b, 10*time.Second)
	s.hasName("laptop", a, 5*time.Second)

	// What happens while nobody looks is seen afterwards.
	s.kill()
	tablet := newClient(t, s, 3, "tablet")
	c := tablet.lease()
	laptop.tell(laptop.message(dhcpv4.MessageTypeRelease, dhcpv4.WithClientIP(a.AsSlice())))
	cleanedUp()
	s.start()
	s.hasName("tablet", c, 10*time.Second)
	s.noName("laptop", a, 10*time.Second)
	k.stop()
	k.start("")
	s.hasName("tablet", c, 5*time.Second)
}
