package dhcp6

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"bundy/internal/dhcp/netif"
	"bundy/internal/suite/paths"
)

// inNamespace tells TestLinksComeAndGo that it runs in a network namespace of its own.
const inNamespace = "BUNDY_TEST_DHCP6_NAMESPACE"

// TestLinksComeAndGo: an interface that appears, comes up, gets its address, flaps or is renamed is served within a
// second, and the command status says why it is not.
func TestLinksComeAndGo(t *testing.T) {
	if os.Getenv(inNamespace) == "" {
		if os.Getuid() != 0 {
			t.Skip("namespaces need root")
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestLinksComeAndGo$", "-test.v")
		cmd.Env = append(os.Environ(), inNamespace+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		out, err := cmd.CombinedOutput()
		if err != nil && strings.Contains(err.Error(), "operation not permitted") {
			t.Skip("no namespace can be made:", err)
		}
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0); err != nil {
		t.Skip("the system cannot be told not to look for other holders of addresses, which takes seconds:", err)
	}
	c, _ := start(t, paths.Below(t.TempDir()), `{"interfaces": ["srv0", "srv1/2001:db8::6"], "subnet6": [{"subnet": "2001:db8::/64"}]}`)
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	const (
		none0    = "srv0: there is no such interface"
		none1    = "srv1: there is no such interface"
		noLocal  = ": the interface has no link-local address that is ready"
		noGlobal = "srv1/2001:db8::6: the interface does not have this address, or it is not ready"
	)
	for _, step := range []struct{ command, want string }{
		{"", none0 + "; " + none1},
		{"link add srv0 address 02:00:00:00:00:01 type veth peer name cable", "srv0: the interface is down; " + none1},
		{"link set cable up", "srv0: the interface is down; " + none1},
		{"link set srv0 up", "srv0 served fe80::ff:fe00:1; " + none1},
		{"addr flush dev srv0", "srv0" + noLocal + "; " + none1},
		{"addr add fe80::5/64 dev srv0 nodad", "srv0 served fe80::5; " + none1},
		{"link set srv0 down", "srv0: the interface is down; " + none1},
		{"link set srv0 name srv1", "srv1: the interface is down; " + none0},
		{"link set srv1 up", "srv1 served fe80::ff:fe00:1; " + noGlobal + "; " + none0},
		{"addr add 2001:db8::6/64 dev srv1 nodad", "srv1/2001:db8::6 served 2001:db8::6; srv1 served fe80::ff:fe00:1; " + none0},
		{"addr del 2001:db8::6/64 dev srv1", "srv1 served fe80::ff:fe00:1; " + noGlobal + "; " + none0},
		{"link set srv1 down", "srv1: the interface is down; " + none0},
		{"link set srv1 name srv0", "srv0: the interface is down; " + none1},
		{"link set srv0 up", "srv0 served fe80::ff:fe00:1; " + none1},
		{"link set cable down", "srv0: the interface is down; " + none1},
		{"link set cable up", "srv0 served fe80::ff:fe00:1; " + none1},
		{"link del srv0", none0 + "; " + none1},
	} {
		if step.command != "" {
			if out, err := exec.Command("ip", strings.Fields(step.command)...).CombinedOutput(); err != nil {
				t.Fatalf("ip %s: %v: %s", step.command, err, out)
			}
		}
		began, got := time.Now(), ""
		for {
			answer, err := c.Call(t.Context(), "status", nil)
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, l := range answer.([]netif.LinkStatus) {
				if l.Served {
					texts = append(texts, fmt.Sprintf("%s served %s", l.Interface, strings.Join(l.Addresses, " ")))
				} else {
					texts = append(texts, l.Interface+": "+l.Reason)
				}
			}
			if got = strings.Join(texts, "; "); got == step.want {
				break
			}
			if time.Since(began) > time.Second {
				t.Errorf("a second after %q: %s\ninstead of %s", step.command, got, step.want)
				break
			}
			<-again.C
		}
	}
}
