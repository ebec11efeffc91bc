package dhcp4

import (
	"fmt"
	"testing"

	"bundy/internal/dhcp/packet4"
)

// TestNamesOfNothing is CVE-2025-11232: host names of which nothing is left get the lease all the same.
func TestNamesOfNothing(t *testing.T) {
	b := newBench(t, `{"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.40"]}], "dhcp-ddns": {"enable-updates": true, "qualifying-suffix": "lab.test", "replace-client-name": false}}`)
	for i, name := range []string{".", "..", "-", "_", "\x00", "\xff\xff", " ", "a..b", "---.---", ".lab.test."} {
		who := fmt.Sprintf("mac=0200000001%02x", i)
		want := fmt.Sprintf("want=192.0.2.%d", 10+i)
		if got := b.exchange(packet4.Request, who, "host="+name, want, "server=192.0.2.1"); got == nil || got.Type() != packet4.ACK {
			t.Errorf("host name %q: %v", name, got)
		}
		if got := b.exchange(packet4.Request, who, fmt.Sprintf("81=000000%x", name), want, "server=192.0.2.1"); got == nil || got.Type() != packet4.ACK {
			t.Errorf("FQDN %q: %v", name, got)
		}
	}
}
