package dhcp6

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/memfile"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet6"
	"bundy/internal/suite/logging"
)

// TestExhaustionOnce: that nothing is free is logged once for the addresses and once for the prefixes of a subnet, until
// something was, and counted for each client.
func TestExhaustionOnce(t *testing.T) {
	b, rec := newBench(t, `{"subnet6": [{"subnet": "2001:db8:1::/64", "interface": "eth0", "pool": ["2001:db8:1::10 - 2001:db8:1::10"],
		"pd-pools": [{"prefix": "2001:db8:8000::", "prefix-len": 56, "delegated-len": 56}]}]}`), logging.NewRecorder()
	b.log = rec.Logger("Dhcp6")
	refused := map[uint32]int{}
	b.refuse = func(id uint32) { refused[id]++ }
	got := b.exchange(packet6.Request, "server=", "na=1", "pd=1")
	if len(got.IAs()) != 2 || got.IAs()[0].Status != nil || got.IAs()[1].Status != nil {
		t.Fatal(got.summary())
	}
	for i := range 20 {
		b.exchange(packet6.Solicit, fmt.Sprintf("client=client%d", i), "na=1", "pd=1")
	}
	if n := rec.Count("DHCPSRV_ADDRESS6_ALLOC_FAIL"); n != 2 || refused[1] != 40 || b.stats.allocFailed.Load() != 40 {
		t.Errorf("logged %d times, counted %v and %d", n, refused, b.stats.allocFailed.Load())
	}
	b.exchange(packet6.Release, "server=", "na=1 2001:db8:1::10")
	if got := b.exchange(packet6.Solicit, "client=client0", "na=1"); got.IAs()[0].Status != nil {
		t.Error(got.summary())
	}
	b.exchange(packet6.Solicit, "client=client1", "na=1", "pd=1")
	if n := rec.Count("DHCPSRV_ADDRESS6_ALLOC_FAIL"); n != 3 {
		t.Errorf("logged %d times after an address was free", n)
	}
}

// TestFlood: clients that do not exist, through one relay and directly, take bounded memory, and those that are known renew.
func TestFlood(t *testing.T) {
	b := newBench(t, `{"subnet6": [{"subnet": "2001:db8:1::/64", "interface": "eth0", "pool": ["2001:db8:1:0:1::/80"]}]}`)
	got := b.exchange(packet6.Request, "server=", "na=1")
	held := got.IAs()[0].Leases[0].Prefix.Addr()
	renewed := func() {
		t.Helper()
		got := b.exchange(packet6.Renew, "server=", "na=1 "+held.String())
		if got == nil || len(got.IAs()) != 1 || len(got.IAs()[0].Leases) != 1 || got.IAs()[0].Leases[0].Prefix.Addr() != held || got.IAs()[0].Leases[0].Valid == 0 {
			t.Errorf("the known client gets %s", got.summary())
		}
	}
	for _, relayed := range []bool{true, false} {
		for i := range 20000 {
			m := message(t, packet6.Solicit, fmt.Sprintf("client=%v%08d", relayed, i), "na=1")
			data := m.Append(nil)
			if relayed {
				link, peer := addr("2001:db8:1::1").As16(), addr("fe80::1").As16()
				data = append(append(append([]byte{byte(packet6.RelayForward), 0}, link[:]...), peer[:]...), packet6.AppendOption(nil, packet6.OptRelayMessage, data)...)
			}
			b.flood(data)
		}
		if n := b.Book.Offers.Len(); n > allocate.MaxOffers/2 {
			t.Errorf("%d offers are out", n)
		}
		renewed()
	}
	for i := range 1000 { // and what is no message
		b.flood([]byte(strings.Repeat("x", i)))
	}
	renewed()
}

// TestFullDisk: on a file system without room nobody is acknowledged, which is logged, and when there is room again the
// server goes on by itself.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	path := filepath.Join(dir, "leases.csv")
	store, err := memfile.Open(path, memfile.Options{Family: lease.Family6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	b, rec := benchWith(t, settingsOf(t, basicConfig), store), logging.NewRecorder()
	b.log, b.faulty = rec.Logger("Dhcp6"), true
	if b.exchange(packet6.Request, "server=", "na=1") == nil {
		t.Fatal("no lease")
	}
	filler := filepath.Join(dir, "filler")
	if err := fill(filler); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for range 200 { // the last block of the journal has room for some
		if b.exchange(packet6.Renew, "server=", "na=1 2001:db8:1::10") != nil {
			acknowledged++
		}
	}
	if failed := b.stats.storeFailed.Load(); acknowledged == 200 || int(failed) != 200-acknowledged {
		t.Fatalf("%d acknowledged and %d failures, on a full disk", acknowledged, failed)
	}
	n := 0
	for _, e := range rec.Entries() {
		if e.ID == "DHCP6_LEASE_STORE_FAIL" {
			if n++; !strings.Contains(e.Text, path) || !strings.Contains(e.Text, "no space left on device") {
				t.Errorf("logged %q", e.Text)
			}
		}
	}
	if n == 0 || n > 10 {
		t.Errorf("logged %d times", n)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if b.exchange(packet6.Renew, "server=", "na=1 2001:db8:1::10") == nil {
		t.Error("the server does not go on")
	}
	if findings, err := memfile.Check(path, lease.Family6); err != nil || len(findings) > 0 {
		t.Errorf("%q %v", findings, err)
	}
}

// fill writes a file until there is no room.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for b := make([]byte, 4096); ; {
		if _, err := f.Write(b); err != nil {
			return nil
		}
	}
}

// flood sends octets and does not look at the answer.
func (b *bench) flood(data []byte) {
	b.serve(netif.Packet6{
		Data: data, Link: b.link, Source: netip.MustParseAddrPort("[fe80::1]:546"), Destination: addr("ff02::1:2"),
	})
	b.mu.Lock()
	b.sent = nil
	b.mu.Unlock()
}
