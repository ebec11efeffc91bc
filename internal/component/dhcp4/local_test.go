package dhcp4

import (
	"encoding/hex"
	"testing"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/packet4"
)

// TestNamesOfSubnets: a shared network and a subnet may have rules of their own for names.
func TestNamesOfSubnets(t *testing.T) {
	b := newBench(t, `{"dhcp-ddns": {"enable-updates": true, "qualifying-suffix": "lab.test"},
		"subnet4": [{"subnet": "10.3.0.0/24", "pool": ["10.3.0.10 - 10.3.0.12"]}],
		"shared-networks": [{"name": "floor", "ddns-qualifying-suffix": "floor.test", "user-context": {"room": [7, "b"]}, "subnet4": [
			{"subnet": "10.1.0.0/24", "pool": ["10.1.0.10 - 10.1.0.12"], "relay": {"ip-address": "10.9.0.1"},
				"ddns-replace-client-name": true, "ddns-generated-prefix": "host", "comment": "printers"}]},
			{"name": "cellar", "subnet4": [{"subnet": "10.2.0.0/24", "pool": ["10.2.0.10 - 10.2.0.12"], "ddns-send-updates": false}]}]}`)
	for _, c := range []struct{ giaddr, mac, address, name string }{
		{"10.1.0.1", "020000000001", "10.1.0.10", "host-10-1-0-10.floor.test."},
		{"10.2.0.1", "020000000002", "10.2.0.10", "mine"},
		{"10.3.0.1", "020000000003", "10.3.0.10", "mine.lab.test."},
	} {
		b.expect(b.exchange(packet4.Request, "giaddr="+c.giaddr, "mac="+c.mac, "want="+c.address, "server=192.0.2.1", "host=mine"), "ACK "+c.address)
		if l, _ := b.store.Get(addr(c.address)); l.Hostname != c.name || l.FQDNForward != (c.name != "mine") {
			t.Errorf("%s: %+v", c.address, l)
		}
	}
}

// TestNotesOfLeasesStay: what an operator noted in a lease outlives its renewal, and not the lease.
func TestNotesOfLeasesStay(t *testing.T) {
	b := newBench(t, `{"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.10"]}]}`)
	b.expect(b.exchange(packet4.Request, "want=192.0.2.10", "server=192.0.2.1"), "ACK 192.0.2.10")
	l, _ := b.store.Get(addr("192.0.2.10"))
	l.UserContext = `{"room":7}`
	b.store.Put(l, nil)
	b.expect(b.exchange(packet4.Request, "ciaddr=192.0.2.10"), "ACK 192.0.2.10")
	if l, _ = b.store.Get(addr("192.0.2.10")); l.UserContext != `{"room":7}` {
		t.Errorf("renewed: %q", l.UserContext)
	}
	l.State = lease.Reclaimed
	b.store.Put(l, nil)
	b.expect(b.exchange(packet4.Request, "mac=020000000009", "want=192.0.2.10", "server=192.0.2.1"), "ACK 192.0.2.10")
	if l, _ = b.store.Get(addr("192.0.2.10")); l.UserContext != "" {
		t.Errorf("of another client: %q", l.UserContext)
	}
}

// TestVendorOptionsByClass: a client that names its vendor in option 124 gets that vendor's options when it asks for option
// 125, and others what is always sent.
func TestVendorOptionsByClass(t *testing.T) {
	b := newBench(t, `{"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.19"]}], "option-data": [
		{"code": 2, "space": "vendor-4491", "data": "0a000045", "csv-format": false},
		{"code": 9, "space": "vendor-77", "data": "ff", "csv-format": false, "always-send": true}]}`)
	const always = "0000004d03" + "0901ff"
	for _, c := range []struct {
		want  string
		parts []string
	}{
		{always, nil},
		{always, []string{"124=0000118b0101"}},
		{always + "0000118b06" + "02040a000045", []string{"124=0000118b0101", "55=7d"}},
		{always + "0000118b06" + "02040a000045", []string{"125=0000118b00", "55=7d"}},
		{always, []string{"125=0000118b03010109", "55=7d"}},
		{always, []string{"124=0000118bff01", "55=7d"}},
	} {
		o := b.exchange(packet4.Discover, c.parts...)
		if data, _ := o.Get(125); hex.EncodeToString(data) != c.want {
			t.Errorf("%q: %x", c.parts, data)
		}
	}
}
