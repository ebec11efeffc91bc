package dhcp6

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// privateRun gives a program a /run and a state directory of its own.
const privateRun = "mount -t tmpfs none /run; mkdir -p /var/lib/dhcpcd && mount -t tmpfs none /var/lib/dhcpcd && exec "

// TestDhcpcdObeys calls a real client, which proves the key and the signature, and sees it renew.
func TestDhcpcdObeys(t *testing.T) {
	n := newNetwork(t, false, "dhcpcd")
	dir := t.TempDir()
	ask := n.serve(dir)
	n.settled(n.client, "cli0")
	config := filepath.Join(dir, "dhcpcd.conf")
	if err := os.WriteFile(config, []byte("duid\nnoipv6rs\noption dhcp6_reconfigure_accept\ninterface cli0\nia_na 1\nia_pd 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.background(n.client, "sh", "-c", privateRun+"dhcpcd -6 -B -d -c /bin/true -f "+config+" cli0")
	n.until("a lease", func() bool { return strings.Contains(ask(`leases {"limit": 10}`), "2001:db8:1::100") })
	if got := ask(`reconfigure {"all": true}`); got != `{"told":1,"unable":0}` {
		t.Errorf("reconfigure: %s", got)
	}
	n.until("the client to obey", func() bool { return strings.Contains(ask("statistics {}"), `"clients-reconfigured":1`) })
}

// relayed makes a network with a relay agent between the server and the client, and gives it addresses.
func relayed(t *testing.T, dir string, tools ...string) network {
	t.Helper()
	n := newNetwork(t, true, tools...)
	n.run("ip", "-n", n.server, "addr", "add", "2001:db8:1::1/64", "dev", "srv0", "nodad")
	n.run("ip", "-n", n.relay, "addr", "add", "2001:db8:1::2/64", "dev", "up0", "nodad")
	n.run("ip", "-n", n.relay, "addr", "add", "2001:db8:2::1/64", "dev", "down0", "nodad")
	n.serve(dir)
	n.settled(n.client, "cli0")
	n.settled(n.server, "srv0")
	n.settled(n.relay, "down0")
	n.settled(n.relay, "up0")
	return n
}

// TestDnsmasqRelays gets an address and a prefix through dnsmasq as relay agent, and gives them back.
func TestDnsmasqRelays(t *testing.T) {
	dir := t.TempDir()
	n := relayed(t, dir, "dnsmasq", "dhclient")
	n.background(n.relay, "dnsmasq", "-k", "--port=0", "--conf-file=/dev/null", "--pid-file=", "--user=root", "--log-dhcp", "--log-facility=-",
		"--dhcp-relay=2001:db8:2::1,2001:db8:1::1")
	state := filepath.Join(dir, "dhclient.leases")
	args := []string{"dhclient", "-6", "-N", "-P", "-1", "-sf", "/bin/true", "-lf", state, "-pf", filepath.Join(dir, "dhclient.pid"), "-cf", "/dev/null"}
	n.inClient(append(args, "cli0")...)
	if got := fileText(t, state); !strings.Contains(got, "2001:db8:2::100") {
		t.Errorf("dhclient's leases:\n%s", got)
	}
	n.inClient(append(args, "-r", "cli0")...)
	n.until("the release", func() bool {
		rows := strings.Split(strings.TrimSpace(fileText(t, filepath.Join(dir, leaseFileName))), "\n")
		return strings.HasPrefix(rows[len(rows)-1], "2001:db8:2::100,") && strings.Contains(rows[len(rows)-1], ",2,") // reclaimed
	})
}

// networkd is the name of the program, which is in nobody's path.
const networkd = "/lib/systemd/systemd-networkd"

// TestNetworkd gets an address and a prefix with systemd-networkd, which has a /run and a configuration of its own here, no
// bus and no udev. It asks when a router says that there is DHCPv6, or when it is told not to wait for one.
func TestNetworkd(t *testing.T) {
	if _, err := os.Stat(networkd); err != nil {
		t.Skip("not installed (Debian package systemd):", err)
	}
	n := newNetwork(t, false)
	dir := t.TempDir()
	ask := n.serve(dir)
	n.settled(n.client, "cli0")
	config := "[Match]\nName=cli0\n[Network]\nDHCP=ipv6\nIPv6AcceptRA=no\n[DHCPv6]\nWithoutRA=solicit\nUseDNS=no\nPrefixDelegationHint=::/56\nDUIDType=link-layer\n"
	if err := os.WriteFile(filepath.Join(dir, "10-cli.network"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	n.background(n.client, "sh", "-c", networkdStart, networkd, dir)
	n.until("an address and a prefix", func() bool {
		leases := ask(`leases {"limit": 10}`)
		return strings.Contains(leases, "2001:db8:1::100") && strings.Contains(leases, "2001:db8:8000::")
	})
	n.until("the address on the interface", func() bool {
		return strings.Contains(n.run("ip", "-n", n.client, "-6", "addr", "show", "dev", "cli0"), "2001:db8:1::100")
	})
}

// networkdStart is a shell's script that starts networkd ($0) with the network files of a folder ($1). ip netns exec gave it mounts of its
// own. There must be no udev, for which it would wait: /sys is read-only, as in a container.
const networkdStart = `set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
cp "$1"/*.network /run/systemd/network/
chmod -R a+rX /run
mount -o remount,ro /sys
export SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console
exec "$0"
`
