package dhcp4

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
const inNamespace = "BUNDY_TEST_DHCP4_NAMESPACE"

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
	c, _ := start(t, paths.Below(t.TempDir()), `{"interfaces": ["srv0", "srv1/192.0.2.6"], "subnet4": [{"subnet": "192.0.2.0/24"}]}`)
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for _, step := range []struct{ command, want string }{
		{"", "srv0: there is no such interface; srv1/192.0.2.6: there is no such interface"},
		{"link add srv0 type veth peer name cable", "srv0: the interface is down; srv1/192.0.2.6: there is no such interface"},
		{"link set cable up", "srv0: the interface is down; srv1/192.0.2.6: there is no such interface"},
		{"link set srv0 up", "srv0: the interface has no IPv4 address; srv1/192.0.2.6: there is no such interface"},
		{"addr add 192.0.2.1/24 dev srv0", "srv0 served 192.0.2.1; srv1/192.0.2.6: there is no such interface"},
		{"addr add 192.0.2.2/24 dev srv0", "srv0 served 192.0.2.1 192.0.2.2; srv1/192.0.2.6: there is no such interface"},
		{"link set srv0 down", "srv0: the interface is down; srv1/192.0.2.6: there is no such interface"},
		{"link set srv0 name srv1", "srv0: there is no such interface; srv1/192.0.2.6: the interface is down"},
		{"link set srv1 up", "srv0: there is no such interface; srv1/192.0.2.6: the interface does not have this address"},
		{"addr add 192.0.2.6/24 dev srv1", "srv1 served 192.0.2.6; srv0: there is no such interface"},
		{"addr del 192.0.2.6/24 dev srv1", "srv0: there is no such interface; srv1/192.0.2.6: the interface does not have this address"},
		{"link set srv1 down", "srv0: there is no such interface; srv1/192.0.2.6: the interface is down"},
		{"link set srv1 name srv0", "srv0: the interface is down; srv1/192.0.2.6: there is no such interface"},
		{"link set srv0 up", "srv0 served 192.0.2.1 192.0.2.2; srv1/192.0.2.6: there is no such interface"},
		{"link del srv0", "srv0: there is no such interface; srv1/192.0.2.6: there is no such interface"},
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
