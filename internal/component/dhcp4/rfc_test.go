package dhcp4

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/packet4"
)

// TestClasslessRoutes: RFC 3442. A client that asks for classless routes and gets them gets neither routers nor static routes,
// which it would have to ignore; unless the operator always sends them.
func TestClasslessRoutes(t *testing.T) {
	const config = `{"option-data": [
		{"name": "routers", "data": "192.0.2.1", "csv-format": true%s}, {"name": "static-routes", "data": "10.0.0.0, 192.0.2.1", "csv-format": true},
		{"name": "classless-static-route", "data": "0.0.0.0/0 - 192.0.2.1, 10.0.0.0/8 - 192.0.2.2", "csv-format": true}],
		"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.12"]},
			{"subnet": "203.0.113.0/24", "pool": ["203.0.113.10 - 203.0.113.12"], "option-data": [{"name": "classless-static-route", "never-send": true, "csv-format": true, "data": "0.0.0.0/0 - 192.0.2.1"}]}]}`
	for _, c := range []struct{ always, parts, want string }{
		{"", "55=790321", "[121]"},
		{"", "55=0321", "[3 33]"},
		{"", "55=01", "[3]"},
		{"", "55=790321 giaddr=203.0.113.1", "[3 33]"}, // has none there
		{`, "always-send": true`, "55=790321", "[3 121]"},
	} {
		b := newBench(t, fmt.Sprintf(config, c.always))
		for _, kind := range []packet4.Type{packet4.Discover, packet4.Request, packet4.Inform} {
			parts := strings.Fields(c.parts)
			switch kind {
			case packet4.Request:
				want := "want=192.0.2.10"
				if len(parts) > 1 {
					want = "want=203.0.113.10"
				}
				parts = append(parts, want, "server=192.0.2.1")
			case packet4.Inform:
				parts = append(parts, "ciaddr=192.0.2.99")
			}
			got := b.exchange(kind, parts...)
			if got == nil {
				t.Fatalf("%v %s: no answer", kind, c.parts)
			}
			var sent []uint8
			for _, o := range got.Options {
				if o.Code == 3 || o.Code == 33 || o.Code == 121 {
					sent = append(sent, o.Code)
				}
			}
			slices.Sort(sent)
			if fmt.Sprint(sent) != c.want {
				t.Errorf("%v %s%s: options %v, want %s", kind, c.parts, c.always, sent, c.want)
			}
		}
	}
}

// TestOptionsOfToday: what today's clients ask for, in the form of the wire.
func TestOptionsOfToday(t *testing.T) {
	b := newBench(t, `{"option-data": [
		{"name": "v4-captive-portal", "data": "https://portal.example/api", "csv-format": true},
		{"name": "v4-dnr", "data": "10, dot.example.org, 192.0.2.1 192.0.2.2, alpn=dot\\,doq port=8530 | 20, b.example", "csv-format": true},
		{"name": "domain-search", "data": "a.example.org, b.example.org", "csv-format": true},
		{"name": "v6-only-preferred", "data": "300", "csv-format": true}],
		"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.12"]}]}`)
	got := b.exchange(packet4.Request, "want=192.0.2.10", "server=192.0.2.1", "55=72a2776c")
	b.expect(got, "ACK 192.0.2.10") // it asked for an address, though it could do without (RFC 8925 section 3.3)
	for code, want := range map[uint8]string{
		114: "https://portal.example/api", // RFC 8910: no zero octet behind it
		162: "\x00\x2f\x00\x0a\x11\x03dot\x07example\x03org\x00\x08\xc0\x00\x02\x01\xc0\x00\x02\x02" + "\x00\x01\x00\x08\x03dot\x03doq\x00\x03\x00\x02\x21\x52" + // RFC 9463 section 5.1
			"\x00\x0e\x00\x14\x0b\x01b\x07example\x00",
		119: "\x01a\x07example\x03org\x00\x01b\xc0\x02", // RFC 3397
		108: "\x00\x00\x01\x2c",
	} {
		if text(got, code) != want {
			t.Errorf("option %d: %q, want %q", code, text(got, code), want)
		}
	}
	got = b.exchange(packet4.Request, "want=192.0.2.10", "server=192.0.2.1", "55=01")
	for _, code := range []uint8{108, 114, 119, 162} {
		if text(got, code) != "" {
			t.Errorf("option %d is sent to a client that did not ask", code)
		}
	}
}

// TestLongOptionsOfClients: RFC 3396. What a client sends in pieces is one option to every step of the server, and what it is
// told goes into pieces, and into the fields file and sname of a small message.
func TestLongOptionsOfClients(t *testing.T) {
	routes := make([]string, 40)
	for i := range routes {
		routes[i] = fmt.Sprintf("10.%d.0.0/16 - 192.0.2.1", i)
	}
	b := newBench(t, `{"option-data": [{"name": "classless-static-route", "data": "`+strings.Join(routes, ", ")+`", "csv-format": true}],
		"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.12"]}],
		"client-classes": [{"name": "long", "test": "substring(option[60].hex, 299, 1) == 'z'", "option-data": [{"name": "tftp-server-name", "data": "t", "csv-format": true}]}],
		"dhcp-ddns": {"enable-updates": true, "qualifying-suffix": "lab.test"}}`)
	id := bytes.Repeat([]byte("i"), 255)
	got := b.exchange(packet4.Request, "want=192.0.2.10", "server=192.0.2.1", "id="+string(id), "vendor="+strings.Repeat("v", 299)+"z", "55=7942", "81=000000"+fmt.Sprintf("%x", "pc"))
	b.expect(got, "ACK 192.0.2.10")
	if text(got, 66) != "t" || text(got, 61) != string(id) || text(got, 81) != "\x00\xff\xffpc.lab.test." {
		t.Errorf("options %q %q %q", text(got, 66), text(got, 61), text(got, 81))
	}
	// Routes of 7 octets each; beside the identifier there is no room for them in 576 octets (RFC 2131 section 2), and without it
	// they need the field file.
	if text(got, 121) != "" || b.stats.optionsOmitted.Load() != 1 {
		t.Errorf("routes of %d octets, %d options omitted", len(text(got, 121)), b.stats.optionsOmitted.Load())
	}
	got = b.exchange(packet4.Request, "want=192.0.2.11", "server=192.0.2.1", "55=79", "mac=020000000003")
	if len(text(got, 121)) != 7*len(routes) || text(got, packet4.OptOverload) == "" {
		t.Errorf("routes of %d octets, overload %x", len(text(got, 121)), text(got, packet4.OptOverload))
	}
	got = b.exchange(packet4.Request, "want=192.0.2.11", "server=192.0.2.1", "55=79", "mac=020000000003", "57=05dc")
	if len(text(got, 121)) != 7*len(routes) || text(got, packet4.OptOverload) != "" {
		t.Errorf("with 1500 octets: routes of %d octets, overload %x", len(text(got, 121)), text(got, packet4.OptOverload))
	}
}

// TestNodeIdentifiers: RFC 4361. The DUID in a client identifier is what a reservation knows the client by, whatever its type,
// and whatever the number of the association.
func TestNodeIdentifiers(t *testing.T) {
	b := newBench(t, `{"host-reservation-identifiers": ["duid", "client-id"], "subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.12"], "reservations": [
		{"duid": "00:01:00:01:2a:2b:2c:2d:02:00:00:00:00:01", "ip-address": "192.0.2.71"}, {"duid": "00:02:00:00:09:bf:01:02", "ip-address": "192.0.2.72"},
		{"duid": "00:03:00:1b:01:02:03:04:05:06:07:08", "ip-address": "192.0.2.73"}, {"duid": "00:04:000102030405060708090a0b0c0d0e0f", "ip-address": "192.0.2.74"},
		{"client-id": "ff:00:00:00:01:00:03", "ip-address": "192.0.2.75"}]}]}`)
	for duid, want := range map[string]string{
		"000100012a2b2c2d020000000001":         "192.0.2.71",
		"0002000009bf0102":                     "192.0.2.72",
		"0003001b0102030405060708":             "192.0.2.73",
		"0004000102030405060708090a0b0c0d0e0f": "192.0.2.74",
		"0003":                                 "192.0.2.75", // a type is no DUID; the identifier is one all the same
	} {
		for _, iaid := range []string{"00000001", "2a2b2c2d"} {
			if duid == "0003" {
				iaid = "00000001"
			}
			b.expect(b.exchange(packet4.Discover, "61=ff"+iaid+duid), "OFFER "+want)
			b.clock = b.clock.Add(allocate.OfferTime) // the next may have the address
		}
	}
}
