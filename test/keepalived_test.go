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
)

// segment is a link with some hosts, each in a network namespace of its own; the host hub has the bridge.
type segment struct {
	t      *testing.T
	prefix string
}

// newSegment makes hosts with the addresses 192.0.2.N on one link, or skips the test where it cannot.
func newSegment(t *testing.T, hosts map[string]int, needs ...string) *segment {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	for _, name := range append(needs, "ip") {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
	}
	s := &segment{t: t, prefix: fmt.Sprintf("bundy%d-", os.Getpid())}
	s.ip("netns", "add", s.ns("hub"))
	s.ip("-n", s.ns("hub"), "link", "add", "br0", "type", "bridge")
	s.ip("-n", s.ns("hub"), "addr", "add", "192.0.2.53/24", "dev", "br0")
	s.ip("-n", s.ns("hub"), "link", "set", "br0", "up")
	s.ip("-n", s.ns("hub"), "link", "set", "lo", "up")
	for host, n := range hosts {
		s.ip("netns", "add", s.ns(host))
		s.ip("-n", s.ns("hub"), "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", s.ns(host))
		s.ip("-n", s.ns("hub"), "link", "set", host, "master", "br0", "up")
		s.ip("-n", s.ns(host), "link", "set", "lo", "up")
		s.ip("-n", s.ns(host), "link", "set", "eth0", "up")
		if n > 0 {
			s.ip("-n", s.ns(host), "addr", "add", fmt.Sprintf("192.0.2.%d/24", n), "dev", "eth0")
		}
	}
	return s
}

func (s *segment) ns(host string) string { return s.prefix + host }

func (s *segment) ip(args ...string) {
	s.t.Helper()
	if len(args) == 3 && args[0] == "netns" && args[1] == "add" {
		s.t.Cleanup(func() { exec.Command("ip", "netns", "del", args[2]).Run() })
	}
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		s.t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// command is a program on one of the hosts, which ends with the test.
func (s *segment) command(host, name string, args ...string) *exec.Cmd {
	cmd := exec.Command("ip", append([]string{"netns", "exec", s.ns(host), name}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// node is one of two hosts that stand in for one another.
type node struct {
	*suite
	link       *segment
	host       string
	keepalived *exec.Cmd
}

const haConfig = `global_defs {
    script_user root
    vrrp_version 3
    vrrp_startup_delay 0
}
vrrp_script served {
    script "%[1]s --check lan"
    interval 1
    fall 1
    rise 1
}
vrrp_instance lan {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority %[2]d
    advert_int 0.2
    virtual_ipaddress {
        192.0.2.254/24
    }
    track_script {
        served
    }
    notify "%[1]s"
}
`

func newNode(t *testing.T, link *segment, host string, priority int, dns *suite) *node {
	n := &node{suite: newSuite(t, "single"), link: link, host: host}
	n.netns = link.ns(host)
	n.start()
	n.script(fmt.Sprintf(`
config add tsig_keys/keys %q
config set Ha/groups [{"name": "lan", "subnets": ["192.0.2.0/24"], "interfaces": []}]
config add Init/components bundy-ha
config set Init/components/bundy-ha/kind dispensable
config set Dhcp4/interfaces ["eth0"]
config add Dhcp4/subnet4
config set Dhcp4/subnet4[0]/subnet "192.0.2.0/24"
config set Dhcp4/subnet4[0]/pool ["192.0.2.%[2]d0 - 192.0.2.%[2]d9"]
config set Dhcp4/dhcp-ddns/enable-updates true
config set Dhcp4/dhcp-ddns/qualifying-suffix "lab.example"
config set DhcpDdns/forward_ddns/ddns_domains [{"name": "lab.example.", "key_name": "lab.key", "dns_servers": [{"ip_address": "192.0.2.53", "port": %[3]d}]}]
config set DhcpDdns/reverse_ddns/ddns_domains [{"name": "2.0.192.in-addr.arpa.", "key_name": "lab.key", "dns_servers": [{"ip_address": "192.0.2.53", "port": %[3]d}]}]
config add Init/components bundy-dhcp4
config set Init/components/bundy-dhcp4/kind dispensable
config add Init/components bundy-dhcp-ddns
config set Init/components/bundy-dhcp-ddns/kind dispensable
config commit
`, tsigKey, priority/10, dns.dns))
	notify := n.write("notify", fmt.Sprintf("#!/bin/sh\nBUNDY_MSGQ_SOCKET_FILE=%s exec %s \"$@\"\n",
		filepath.Join(n.dir, "msgq_socket"), filepath.Join(n.bin, "bundy-ha-notify")))
	if err := os.Chmod(notify, 0o700); err != nil {
		t.Fatal(err)
	}
	conf := n.write("keepalived.conf", fmt.Sprintf(haConfig, notify, priority))
	n.keepalived = link.command(host, "keepalived", "-n", "-l", "-P", "-f", conf, "-p", filepath.Join(n.dir, "k.pid"), "-r", filepath.Join(n.dir, "v.pid"))
	n.keepalived.Stdout, n.keepalived.Stderr = n.log, n.log
	if err := n.keepalived.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.silence() })
	return n
}

// silence ends keepalived as a power failure would.
func (n *node) silence() {
	if n.keepalived == nil {
		return
	}
	for _, pid := range n.vrrp() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	n.keepalived.Process.Kill()
	n.keepalived.Wait()
	n.keepalived = nil
}

// vrrp gives the processes that keepalived has started.
func (n *node) vrrp() []int {
	parent := &suite{t: n.t, cmd: n.keepalived}
	return parent.children()
}

func (n *node) role() string {
	out, err := n.tryCtl("Ha", "status")
	switch {
	case err != nil:
		return err.Error()
	case strings.Contains(out, `"master"`):
		return "master"
	}
	return "backup"
}

// TestKeepalived lets keepalived say which of two nodes serves: the other one is silent, takes over when that one dies,
// and leaves its names alone; who comes back after a restart is backup until it is told again.
func TestKeepalived(t *testing.T) {
	t.Parallel()
	link := newSegment(t, map[string]int{"first": 1, "second": 2, "pc": 0}, "keepalived", "udhcpc", "dig")
	dns := newSuite(t, "single")
	dns.netns, dns.address = link.ns("hub"), netip.MustParseAddr("192.0.2.53")
	dns.loadZones()
	dns.start()
	dns.script(dns.dnsScript() + "config commit\n")
	first, second := newNode(t, link, "first", 150, dns), newNode(t, link, "second", 100, dns)

	roles := func(what string, master, backup *node) {
		t.Helper()
		eventually(t, 20*time.Second, what, func() bool {
			return (master == nil || master.role() == "master") && (backup == nil || backup.role() == "backup")
		})
	}
	lookup := func(name string) string {
		out, err := link.command("hub", "dig", "+short", "+time=2", "-p", itoa(dns.dns), "@192.0.2.53", name+".lab.example", "A").CombinedOutput()
		if err != nil {
			t.Fatalf("dig: %v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	// lease gets a lease for a new client, of one of a node's addresses.
	lease := func(name string, mac int, from *node, pool string) {
		t.Helper()
		link.ip("-n", link.ns("pc"), "link", "set", "eth0", "address", fmt.Sprintf("02:00:00:00:00:%02x", mac))
		out, err := link.command("pc", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "10", "-T", "1", "-x", "hostname:"+name, "-s", "/bin/true").CombinedOutput()
		if err != nil || !strings.Contains(string(out), " "+pool) {
			t.Fatalf("%s got no lease of %s from %s: %v\n%s", name, pool, from.host, err, out)
		}
		eventually(t, 5*time.Second, name+" has its name", func() bool { return strings.HasPrefix(lookup(name), pool) })
	}
	roles("the first node is master", first, second)
	lease("laptop", 1, first, "192.0.2.15")
	at := lookup("laptop")

	first.silence()
	first.kill()
	roles("the second node takes over", second, nil)
	lease("phone", 2, second, "192.0.2.10")
	if got := lookup("laptop"); got != at {
		t.Errorf("a name of the node that died is %q, was %q", got, at)
	}

	// keepalived knows nothing of a restart of the suite until its check fails, and then says everything anew.
	second.kill()
	second.start()
	roles("the second node is told again", second, nil)
	lease("tablet", 3, second, "192.0.2.10")

	// One that is away for longer misses what keepalived says then.
	const fault = "(lan) Entering FAULT STATE"
	faults := strings.Count(second.log.String(), fault)
	second.kill()
	eventually(t, 10*time.Second, "keepalived notices", func() bool { return strings.Count(second.log.String(), fault) > faults })
	second.start()
	roles("the second node is told again after a while", second, nil)
	lease("camera", 4, second, "192.0.2.10")
}
