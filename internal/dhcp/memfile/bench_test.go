package memfile

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"bundy/internal/dhcp/lease"
)

// million are leases as a large network has them.
func million(f lease.Family, i int) lease.Lease {
	mac := string([]byte{2, 12, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
	l := lease.Lease{
		Address: netip.AddrFrom4([4]byte{10, byte(65 + i>>16), byte(i >> 8), byte(i)}), HWType: 1, HWAddr: mac, ClientID: "\x01" + mac,
		ValidLifetime: 2592000, Start: epoch, SubnetID: 1, Hostname: fmt.Sprintf("host-%d.example.org", i),
	}
	if f == lease.Family6 {
		l.Kind, l.DUID, l.ClientID, l.IAID, l.Preferred = lease.NA, "\x00\x01\x00\x01\x2a\x2b\x2c\x2d"+mac, "", 1, 1000000
		l.Address = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 12: byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
	}
	return l
}

// BenchmarkOpen reads a file of a million leases. The memory is what they take when all is read.
func BenchmarkOpen(b *testing.B) {
	const leases = 1_000_000
	for _, family := range []lease.Family{lease.Family4, lease.Family6} {
		b.Run(family.String(), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "leases.csv")
			f, err := os.Create(path)
			if err != nil {
				b.Fatal(err)
			}
			out := bufio.NewWriter(f)
			out.Write(lease.AppendHeader(nil, family))
			for i := range leases {
				out.Write(lease.AppendRow(nil, million(family, i)))
			}
			if err := out.Flush(); err != nil {
				b.Fatal(err)
			}
			f.Close()
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for b.Loop() {
				s, err := Open(path, Options{Family: family})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/leases, "B/lease")
				if n := s.index.leases; n != leases {
					b.Fatal(n)
				}
				s.Close()
				b.StartTimer()
			}
		})
	}
}

// BenchmarkRenew changes the time of a lease among a million, in memory alone.
func BenchmarkRenew(b *testing.B) {
	s, err := Open("", Options{Volatile: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for i := range 1_000_000 {
		s.Put(million(lease.Family4, i), nil)
		if i%10000 == 0 {
			s.Flush()
		}
	}
	n := 0
	for b.Loop() {
		n = (n + 7919) % 1_000_000
		l, _ := s.ByClientID(1, million(lease.Family4, n).ClientID)
		l.ValidLifetime += uint32(n)
		s.Put(l, nil)
		if n%1000 == 0 {
			s.Flush()
		}
	}
}
