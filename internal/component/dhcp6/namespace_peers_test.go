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
