package dhcp4

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bundy/internal/dhcp/decline"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/packet4"
)

// officeConfig has something at every level.
const officeConfig = `{
	"option-data": [
		{"name": "domain-name", "data": "global", "csv-format": true},
		{"name": "ntp-servers", "data": "192.0.2.123", "csv-format": true},
		{"name": "log-servers", "data": "10.0.0.1", "csv-format": true},
		{"name": "tftp-server-name", "data": "always", "csv-format": true, "always-send": true}
	],
	"next-server": "10.0.0.69", "boot-file-name": "global.img",
	"identifier-expression": "substring(option[60].hex, 0, 4)",
	"client-classes": [
		{"name": "pxe", "test": "substring(option[60].hex, 0, 9) == 'PXEClient'", "boot-file-name": "pxe.efi", "next-server": "10.0.0.70",
			"valid-lifetime": 300, "option-data": [
				{"name": "domain-name", "data": "class", "csv-format": true},
				{"name": "log-servers", "data": "10.0.0.2", "csv-format": true},
				{"name": "time-servers", "data": "10.0.0.2", "csv-format": true}]},
		{"name": "phones", "test": "substring(pkt4.mac, 0, 2) == 0x0211"},
		{"name": "staff"},
		{"name": "night", "test": "member('staff')", "only-if-required": true,
			"option-data": [{"name": "cookie-servers", "data": "10.0.0.3", "csv-format": true}]},
		{"name": "DROP", "test": "option[77].hex == 'bad' or unknown and option[77].hex == 'stranger'"}
	],
	"subnet4": [
		{"subnet": "192.0.2.0/24", "valid-lifetime": 1000, "min-valid-lifetime": 500, "max-valid-lifetime": 2000, "calculate-tee-times": true,
			"require-client-classes": ["night"],
			"option-data": [
				{"name": "log-servers", "data": "10.0.0.3", "csv-format": true},
				{"name": "ntp-servers", "data": "192.0.2.1", "csv-format": true, "never-send": true}],
			"pools": [
				{"pool": "192.0.2.50 - 192.0.2.59", "client-class": "phones",
					"option-data": [{"name": "log-servers", "data": "10.0.0.4", "csv-format": true}]},
				{"pool": "192.0.2.100 - 192.0.2.199"}],
			"reservations": [
				{"hw-address": "02:00:00:00:00:99", "ip-address": "192.0.2.9", "hostname": "printer", "client-classes": ["staff"],
					"boot-file-name": "printer.img", "option-data": [{"name": "log-servers", "data": "10.0.0.5", "csv-format": true}]},
				{"client-id": "'ident'", "ip-address": "192.0.2.10"},
				{"duid": "00:03:00:01:02", "ip-address": "192.0.2.11"},
				{"circuit-id": "'port7'", "ip-address": "192.0.2.12"},
				{"flex-id": "'flex'", "ip-address": "192.0.2.101"}]}
	],
	"shared-networks": [
		{"name": "floor", "relay": {"ip-addresses": ["10.9.9.9"]}, "valid-lifetime": 600,
			"option-data": [{"name": "domain-name", "data": "network", "csv-format": true}],
			"subnet4": [
				{"subnet": "10.1.0.0/24", "pool": ["10.1.0.1 - 10.1.0.1"]},
				{"subnet": "10.2.0.0/24", "pool": ["10.2.0.1 - 10.2.0.2"], "option-data": [{"name": "domain-name", "data": "subnet", "csv-format": true}]}]}
	]
}`

func text(m *outgoing, code uint8) string { v, _ := m.Get(code); return string(v) }

// TestLevels asks for options that are configured at several levels.
func TestLevels(t *testing.T) {
	b := newBench(t, officeConfig)
	const all = "55=0f2a070408420f" // domain-name, ntp, log, time, cookie, tftp
	for _, c := range []struct {
		what, parts                          string
		answer, domain, logs, times, cookies string
		file, next                           string
	}{
		{"anybody", "mac=020000000001", "OFFER 192.0.2.100", "global", "10.0.0.3", "", "", "global.img", "10.0.0.69"},
		{"of a class", "mac=020000000002 vendor=PXEClient:Arch", "OFFER 192.0.2.102", "class", "10.0.0.3", "10.0.0.2", "", "pxe.efi", "10.0.0.70"},
		{"in a pool of its own", "mac=021100000003", "OFFER 192.0.2.50", "global", "10.0.0.4", "", "", "global.img", "10.0.0.69"},
		{"reserved", "mac=020000000099", "OFFER 192.0.2.9", "global", "10.0.0.5", "", "10.0.0.3", "printer.img", "10.0.0.69"},
		{"by its identifier", "mac=020000000004 id=ident", "OFFER 192.0.2.10", "global", "10.0.0.3", "", "", "global.img", "10.0.0.69"},
		{"by its DUID", "mac=020000000005 61=ff000000010003000102", "OFFER 192.0.2.11", "global", "10.0.0.3", "", "", "global.img", "10.0.0.69"},
		{"by its port", "mac=020000000006 giaddr=192.0.2.1 82=0105706f727437", "OFFER 192.0.2.12", "global", "10.0.0.3", "", "", "global.img", "10.0.0.69"},
		{"by an expression", "mac=020000000007 vendor=flexible", "OFFER 192.0.2.101", "global", "10.0.0.3", "", "", "global.img", "10.0.0.69"},
		{"in a network", "mac=020000000008 giaddr=10.1.0.200", "OFFER 10.1.0.1", "network", "10.0.0.1", "", "", "global.img", "10.0.0.69"},
		{"in its other subnet", "mac=020000000009 giaddr=10.1.0.200", "OFFER 10.2.0.1", "subnet", "10.0.0.1", "", "", "global.img", "10.0.0.69"},
		{"by its relay", "mac=02000000000a giaddr=10.9.9.9", "OFFER 10.2.0.2", "subnet", "10.0.0.1", "", "", "global.img", "10.0.0.69"},
		{"no more", "mac=02000000000b giaddr=10.9.9.9", "", "", "", "", "", "", ""},
		{"of the class DROP", "mac=02000000000c 77=626164", "", "", "", "", "", "", ""},
		{"of it for being unknown", "mac=02000000000c 77=737472616e676572", "", "", "", "", "", "", ""},
		{"of a chosen subnet", "mac=02000000000d 118=c0000200", "OFFER 192.0.2.103", "global", "10.0.0.3", "", "", "global.img", "10.0.0.69"},
	} {
		got := b.exchange(packet4.Discover, append(strings.Fields(c.parts), all)...)
		if b.expect(got, c.answer); t.Failed() {
			t.Fatal(c.what)
		}
		if got == nil {
			continue
		}
		octets := func(code uint8) string {
			v, ok := got.Get(code)
			if !ok {
				return ""
			}
			return fmt.Sprintf("%d.%d.%d.%d", v[0], v[1], v[2], v[3])
		}
		ntp := "" // never to be sent in the first subnet
		if got.YIAddr.As4()[0] == 10 {
			ntp = "192.0.2.123"
		}
		if text(got, 15) != c.domain || octets(7) != c.logs || octets(4) != c.times || octets(8) != c.cookies || octets(42) != ntp || text(got, 66) != "always" {
			t.Errorf("%s: domain %q, logs %s, times %s, cookies %s, ntp %s, tftp %q", c.what, text(got, 15), octets(7), octets(4), octets(8), octets(42), text(got, 66))
		}
		if string(got.File) != c.file || got.SIAddr.String() != c.next {
			t.Errorf("%s: file %q, next server %v", c.what, got.File, got.SIAddr)
		}
	}
	if got := b.exchange(packet4.Discover, "mac=02000000000d", "118=c0000200"); text(got, 118) != "\xc0\x00\x02\x00" {
		t.Errorf("chosen subnet %x", text(got, 118))
	}
	if n := b.stats.allocFailed.Load(); n != 1 {
		t.Errorf("%d failures counted", n)
	}
}

// TestLifetimes looks at what clients may ask for, and at T1 and T2.
func TestLifetimes(t *testing.T) {
	b := newBench(t, officeConfig)
	for _, c := range []struct{ parts, want string }{
		{"mac=020000000001", "1000 500 875"},
		{"mac=020000000001 51=00000001", "500 250 438"},
		{"mac=020000000001 51=000005dc", "1500 750 1313"},
		{"mac=020000000001 51=ffffffff", "2000 1000 1750"},
		{"mac=020000000002 vendor=PXEClient 51=ffffffff", "300 150 263"},
		{"mac=020000000008 giaddr=10.1.0.200", "600 0 0"}, // 1000 and 2000 come too late
	} {
		got := b.exchange(packet4.Discover, strings.Fields(c.parts)...)
		number := func(code uint8) (n uint32) {
			for _, o := range []byte(text(got, code)) {
				n = n<<8 | uint32(o)
			}
			return n
		}
		if s := fmt.Sprint(number(51), number(58), number(59)); s != c.want {
			t.Errorf("%s: %s", c.parts, s)
		}
	}
}

// TestReservedName: the name of a reservation wins over the client's.
func TestReservedName(t *testing.T) {
	b := newBench(t, `{"dhcp-ddns": {"enable-updates": true, "qualifying-suffix": "lab.test"}, "reservations-global": true,
		"reservations": [{"hw-address": "020000000001", "hostname": "printer"}],
		"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.12"]}]}`)
	ack := b.exchange(packet4.Request, "want=192.0.2.10", "server=192.0.2.1", "host=mine")
	b.expect(ack, "ACK 192.0.2.10")
	if l, _ := b.store.Get(addr("192.0.2.10")); l.Hostname != "printer.lab.test." || !l.FQDNForward || text(ack, 12) != "printer.lab.test" {
		t.Errorf("%+v, told %q", l, text(ack, 12))
	}
}

// TestBOOTP: clients of old get an address that is theirs for ever, if one is kept for such.
func TestBOOTP(t *testing.T) {
	b := newBench(t, `{"subnet4": [{"subnet": "192.0.2.0/24", "boot-file-name": "vmunix",
		"pools": [{"pool": "192.0.2.10 - 192.0.2.19"}, {"pool": "192.0.2.20 - 192.0.2.20", "client-class": "BOOTP"}],
		"reservations": [{"hw-address": "020000000009", "ip-address": "192.0.2.9"}]}]}`)
	plain := func(mac string) *outgoing {
		b.sent = nil
		m := message(t, 0, "mac="+mac)
		m.Options = nil
		b.deliver(&m)
		if len(b.sent) == 0 {
			return nil
		}
		return &b.sent[0]
	}
	for _, c := range []struct{ mac, want string }{{"020000000009", "192.0.2.9"}, {"020000000001", "192.0.2.20"}, {"020000000002", ""}} {
		got := plain(c.mac)
		switch {
		case got == nil && c.want != "":
			t.Errorf("%s: no answer", c.mac)
		case got != nil && (got.YIAddr.String() != c.want || got.Type() != 0 || string(got.File) != "vmunix"):
			t.Errorf("%s: %+v", c.mac, got)
		case got != nil:
			if l, ok := b.store.Get(got.YIAddr); !ok || l.ValidLifetime != lease.Infinity {
				t.Errorf("%+v", l)
			}
		}
	}
}

// TestIPv6Only: who can do without an address gets none where that is wanted (RFC 8925).
func TestIPv6Only(t *testing.T) {
	b := newBench(t, `{"option-data": [{"name": "v6-only-preferred", "data": "1800", "csv-format": true}],
		"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.12"]}]}`)
	got := b.exchange(packet4.Discover, "55=016c")
	b.expect(got, "OFFER") // of no address
	if text(got, 108) != "\x00\x00\x07\x08" || b.Book.Offers.Len() > 0 {
		t.Errorf("option %x, %d offers", text(got, 108), b.Book.Offers.Len())
	}
	got = b.exchange(packet4.Discover, "55=01")
	b.expect(got, "OFFER 192.0.2.10")
	if text(got, 108) != "" {
		t.Error("told without being asked")
	}
}

// TestCacheThreshold: a young lease is not written again.
func TestCacheThreshold(t *testing.T) {
	b := newBench(t, `{"cache-threshold": 0.25, "subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.12"], "valid-lifetime": 1000}]}`)
	renew := func() (string, time.Time) {
		got := b.exchange(packet4.Request, "ciaddr=192.0.2.10", "to=192.0.2.1")
		b.expect(got, "ACK 192.0.2.10")
		l, _ := b.store.Get(addr("192.0.2.10"))
		return fmt.Sprintf("%x", text(got, 51)), l.Start
	}
	_, start := renew()
	b.clock = b.clock.Add(200 * time.Second)
	if left, same := renew(); !same.Equal(start) || left != fmt.Sprintf("%08x", 800) {
		t.Errorf("lease from %v, %s left", same, left)
	}
	b.clock = b.clock.Add(50 * time.Second)
	if left, later := renew(); !later.Equal(b.clock) || left != fmt.Sprintf("%08x", 1000) {
		t.Errorf("lease from %v, %s left", later, left)
	}
}

// TestClientsWithoutIdentifiers: match-client-id false goes by the hardware address alone.
func TestClientsWithoutIdentifiers(t *testing.T) {
	b := newBench(t, `{"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.12"], "match-client-id": false}]}`)
	b.expect(b.exchange(packet4.Request, "id=firmware", "want=192.0.2.10", "server=192.0.2.1"), "ACK 192.0.2.10")
	offer := b.exchange(packet4.Discover, "id=system")
	b.expect(offer, "OFFER 192.0.2.10")
	if id, _ := offer.Get(packet4.OptClientID); string(id) != "system" { // RFC 6842: unaltered, whatever the server makes of it
		t.Errorf("client identifier %q in the answer", id)
	}
	b.expect(b.exchange(packet4.Discover, "id=firmware", "mac=020000000002"), "OFFER 192.0.2.11")
	if l, _ := b.store.Get(addr("192.0.2.10")); l.ClientID != "firmware" {
		t.Errorf("%+v", l)
	}
}

// TestPortRests: who declines everything behind one port of a relay, as many clients, stops others there only.
func TestPortRests(t *testing.T) {
	b := newBench(t, `{"subnet4": [{"subnet": "10.0.0.0/16", "pool": ["10.0.1.0/24"]}]}`)
	declined := 0
	for i := range 100 {
		who := fmt.Sprintf("mac=0200000000%02x", i)
		offer := b.exchange(packet4.Discover, who, "giaddr=10.0.0.1", "82=01020007")
		if offer == nil {
			break
		}
		a := offer.YIAddr.String()
		b.exchange(packet4.Request, who, "giaddr=10.0.0.1", "82=01020007", "want="+a, "server=198.51.100.1")
		b.exchange(packet4.Decline, who, "giaddr=10.0.0.1", "82=01020007", "want="+a, "server=198.51.100.1")
		declined++
	}
	if declined != decline.ByPort {
		t.Errorf("%d addresses declined behind one port", declined)
	}
	if b.exchange(packet4.Discover, "mac=020000000101", "giaddr=10.0.0.1", "82=01020008") == nil {
		t.Error("another port is not served")
	}
}

// TestNumbersStay: subnets keep their numbers, and leases theirs, when others go.
func TestNumbersStay(t *testing.T) {
	b := newBench(t, `{"subnet4": [{"subnet": "10.0.0.0/24"}, {"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.12"]}]}`)
	b.expect(b.exchange(packet4.Request, "want=192.0.2.10", "server=192.0.2.1"), "ACK 192.0.2.10")
	known := b.set.identities
	b.use(settingsWith(t, `{"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.12"]}, {"subnet": "10.7.0.0/24"}]}`, known))
	if l, _ := b.store.Get(addr("192.0.2.10")); l.SubnetID != 2 || b.set.subnets.All()[0].ID != 2 || b.set.subnets.All()[1].ID != 3 {
		t.Errorf("lease in %d, subnets %d and %d", l.SubnetID, b.set.subnets.All()[0].ID, b.set.subnets.All()[1].ID)
	}
}
