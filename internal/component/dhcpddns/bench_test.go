package dhcpddns

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
)

// BenchmarkReconcile publishes the leases of a file that is found at the start: the cost of a lease with both records.
func BenchmarkReconcile(b *testing.B) {
	const leases = 20_000
	var file bytes.Buffer
	file.Write(lease.AppendHeader(nil, lease.Family4))
	for i := range leases {
		l := leaseOf("10.0.0.1", "a", fmt.Sprintf("h%d.lab.example.", i))
		l.Address = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		l.HWAddr = fmt.Sprintf("\x02\x00%04d", i)
		file.Write(lease.AppendRow(nil, l))
	}
	for b.Loop() {
		b.StopTimer()
		s := newSite(b)
		s.doc[dhcp4Name]["subnet4"] = []any{map[string]any{"subnet": "10.0.0.0/8"}}
		list := s.doc[name]["reverse_ddns"].(map[string]any)
		first := list["ddns_domains"].([]any)[0].(map[string]any)
		first["name"] = "10.in-addr.arpa"
		s.dns.AddZone(b, "10.in-addr.arpa.")
		if err := os.WriteFile(s.file(), file.Bytes(), 0o600); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		s.start()
		tick := time.NewTicker(time.Millisecond)
		for s.c.counters.families[0].added.Load() < 2*leases {
			<-tick.C
		}
		tick.Stop()
		b.StopTimer()
		b.ReportMetric(float64(s.dns.Updates())/leases, "updates/lease")
		s.stop()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/leases, "µs/lease")
}
