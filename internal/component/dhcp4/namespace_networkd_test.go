package dhcp4

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// networkd is the name of the program, which is in nobody's path.
const networkd = "/lib/systemd/systemd-networkd"

// networkdStart is a shell's script that starts networkd ($0) with the network files of a folder ($1). ip netns exec gave it
// mounts of its own. There must be no udev, for which it would wait: /sys is read-only, as in a container.
const networkdStart = `set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
cp "$1"/*.network /run/systemd/network/
chmod -R a+rX /run
mount -o remount,ro /sys
export SYSTEMD_LOG_TARGET=console
exec "$0"
`

// TestNetworkd gets an address with systemd-networkd, without bus and udev. It names itself by an identifier of RFC 4361
// and tells its host name.
func TestNetworkd(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	if _, err := os.Stat(networkd); err != nil {
		t.Skip("not installed (Debian package systemd):", err)
	}
	n := newNetwork(t)
	dir := t.TempDir()
	n.run("ip", "-n", n.server, "addr", "add", "192.0.2.1/24", "dev", "srv0")
	n.serve(dir)
	config := "[Match]\nName=cli0\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n[DHCPv4]\nUseDNS=no\nHostname=boxfour\nSendRelease=yes\n"
	if err := os.WriteFile(filepath.Join(dir, "10-cli.network"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	n.background("DHCPv4 address 192.0.2.100/24", "ip", "netns", "exec", n.client, "sh", "-c", networkdStart, networkd, dir)
	rows := leaseFile(t, filepath.Join(dir, leaseFileName))
	if !strings.Contains(rows, "192.0.2.100,") || !strings.Contains(rows, ",boxfour.lab.test.,") || !strings.Contains(rows, ",ff:") {
		t.Errorf("lease file:\n%s", rows)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !strings.Contains(n.run("ip", "-n", n.client, "route"), "default via 192.0.2.1"); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("no route by the router of the lease:\n%s", n.run("ip", "-n", n.client, "route"))
		}
	}
}
