package dhcp4

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/memfile"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet4"
	"bundy/internal/suite/logging"
)

// TestExhaustionOnce: that nothing is free is logged once for the subnet, until something was, and counted for each client.
func TestExhaustionOnce(t *testing.T) {
	b, rec := newBench(t, basicConfig), logging.NewRecorder()
	b.log = rec.Logger("Dhcp4")
	refused := map[uint32]int{}
	b.refuse = func(id uint32) { refused[id]++ }
	for i := range 3 {
		b.expect(b.exchange(packet4.Request, fmt.Sprintf("mac=0200000001%02x", i), fmt.Sprintf("want=192.0.2.%d", 10+i), "server=192.0.2.1"), fmt.Sprintf("ACK 192.0.2.%d", 10+i))
	}
	for i := range 20 {
		b.expect(b.exchange(packet4.Discover, fmt.Sprintf("mac=0200000002%02x", i)), "")
	}
	if n := rec.Count("DHCPSRV_ADDRESS4_ALLOC_FAIL"); n != 1 || refused[1] != 20 || b.stats.allocFailed.Load() != 20 {
		t.Errorf("logged %d times, counted %v and %d", n, refused, b.stats.allocFailed.Load())
	}
	b.exchange(packet4.Release, "mac=020000000100", "ciaddr=192.0.2.10")
	b.expect(b.exchange(packet4.Discover, "mac=020000000200"), "OFFER 192.0.2.10")
	b.expect(b.exchange(packet4.Discover, "mac=020000000201"), "")
	if n := rec.Count("DHCPSRV_ADDRESS4_ALLOC_FAIL"); n != 2 {
		t.Errorf("logged %d times after an address was free", n)
	}
}

// TestFlood: clients that do not exist, through one relay and directly, take bounded memory, and those that are known renew.
func TestFlood(t *testing.T) {
	b := newBench(t, `{"subnet4": [{"subnet": "10.0.0.0/8", "pool": ["10.1.0.0/16"], "relay": {"ip-address": "10.0.0.1"}, "interface": "eth0"}]}`)
	b.expect(b.exchange(packet4.Request, "want=10.1.0.0", "server=192.0.2.1"), "ACK 10.1.0.0")
	for _, way := range [][]string{{"giaddr=10.0.0.1"}, {}} {
		for i := range 20000 {
			m := message(t, packet4.Discover, append([]string{fmt.Sprintf("mac=0202%08x", i)}, way...)...)
			b.flood(&m)
		}
		if n := b.Book.Offers.Len(); n > allocate.MaxOffers/2 {
			t.Errorf("%d offers are out", n)
		}
		b.expect(b.exchange(packet4.Request, "ciaddr=10.1.0.0"), "ACK 10.1.0.0")
	}
	for i := range 1000 { // and what is no message
		b.serve(b.packet([]byte(strings.Repeat("x", i))))
	}
	if n := b.stats.parseFailed.Load(); n != 1000 {
		t.Errorf("%d packets could not be read", n)
	}
	b.expect(b.exchange(packet4.Request, "ciaddr=10.1.0.0"), "ACK 10.1.0.0")
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
	store, err := memfile.Open(path, memfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	b, rec := benchWith(t, settingsOf(t, basicConfig), store), logging.NewRecorder()
	b.log, b.faulty = rec.Logger("Dhcp4"), true
	b.expect(b.exchange(packet4.Request, "want=192.0.2.10", "server=192.0.2.1"), "ACK 192.0.2.10")
	filler := filepath.Join(dir, "filler")
	if err := fill(filler); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for i := range 200 { // the last block of the journal has room for some
		if b.exchange(packet4.Request, "want=192.0.2.10", "server=192.0.2.1", fmt.Sprintf("host=%0200d", i)) != nil {
			acknowledged++
		}
	}
	if failed := b.stats.storeFailed.Load(); acknowledged == 200 || int(failed) != 200-acknowledged {
		t.Fatalf("%d acknowledged and %d failures, on a full disk", acknowledged, failed)
	}
	n := 0
	for _, e := range rec.Entries() {
		if e.ID == "DHCP4_LEASE_STORE_FAIL" {
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
	b.expect(b.exchange(packet4.Request, "want=192.0.2.10", "server=192.0.2.1", "host=after"), "ACK 192.0.2.10")
	if findings, err := memfile.Check(path, 0); err != nil || len(findings) > 0 {
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

// packet is a broadcast on the bench's interface.
func (b *bench) packet(data []byte) netif.Packet {
	return netif.Packet{Data: data, Link: b.link, Source: netip.MustParseAddrPort("0.0.0.0:68"), Destination: addr("255.255.255.255")}
}

// flood sends a message and does not look at the answer.
func (b *bench) flood(m *packet4.Message) {
	data, _ := m.Append(nil, 1472)
	b.serve(b.packet(data))
	b.mu.Lock()
	b.sent = nil
	b.mu.Unlock()
}
