package dhcp4

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet4"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// TestEveryOption sends every option, short, long and hostile, with every message type, with and without a subnet: no
// message may end the server, and all that is answered can be read.
func TestEveryOption(t *testing.T) {
	with := newBench(t, basicConfig)
	without := newBench(t, `{}`)
	values := [][]byte{{}, {0}, {1, 2}, {255, 255, 255, 255}, []byte("\x01\x00\x00\xff\xff\xff"), slices.Repeat([]byte{'-'}, 255), slices.Repeat([]byte{0xc0}, 700)}
	for _, b := range []*bench{with, without} {
		for code := range 255 {
			for kind := range packet4.Type(20) {
				for i, v := range values {
					m := message(t, kind, "want=192.0.2.10", "mac="+fmt.Sprintf("02000000%02x%02x", code, i))
					if i%2 == 1 {
						m.CIAddr = addr("192.0.2.10")
					}
					m.Set(uint8(code), v)
					data, _ := m.Append(nil, packet4.MaxSize)
					b.serve(netif.Packet{Data: data, Link: b.link, Destination: addr("192.0.2.1")})
				}
			}
		}
		if err := b.store.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if len(with.sent) == 0 || len(without.sent) > 0 {
		t.Errorf("%d answers with and %d without a subnet", len(with.sent), len(without.sent))
	}
}

func FuzzServe(f *testing.F) {
	for _, kind := range []packet4.Type{packet4.Discover, packet4.Request, packet4.Release, packet4.Inform} {
		m := message(f, kind, "want=192.0.2.10", "host=pc1", "81=0100006e", "55=0103060f")
		data, _ := m.Append(nil, 1472)
		f.Add(data)
	}
	set := settingsOf(f, basicConfig)
	f.Fuzz(func(t *testing.T, data []byte) {
		b := benchOf(t, set)
		for _, to := range []string{"192.0.2.1", "255.255.255.255"} {
			b.serve(netif.Packet{Data: slices.Clone(data), Link: b.link, Destination: addr(to)})
		}
		if err := b.store.Flush(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCableNetwork(t *testing.T) {
	b := newBench(t, `{
		"next-server": "10.0.0.69",
		"option-data": [
			{"name": "boot-file-name", "data": "modem.cfg", "csv-format": true},
			{"name": "tftp-servers", "code": 2, "space": "vendor-4491", "data": "10.0.0.69", "csv-format": true}
		],
		"subnet4": [
			{"subnet": "10.1.1.0/24", "pool": ["10.1.1.2 - 10.1.1.20"], "client-class": "docsis3.0", "relay": {"ip-address": "10.1.1.1"}},
			{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.20"], "relay": {"ip-address": "10.1.1.1"}, "next-server": "192.0.2.69"}
		]
	}`)
	modem := b.exchange(packet4.Discover, "giaddr=10.1.1.1", "vendor=docsis3.0:0101", "125=0000118b0401020201")
	b.expect(modem, "OFFER 10.1.1.2")
	if modem == nil {
		return
	}
	if v, _ := modem.Get(125); string(v) != "\x00\x00\x11\x8b\x06\x02\x04\x0a\x00\x00\x45" {
		t.Errorf("vendor options %x", v)
	}
	if modem.SIAddr != addr("10.0.0.69") || string(modem.File) != "modem.cfg" {
		t.Errorf("siaddr %v file %q", modem.SIAddr, modem.File)
	}
	behind := b.exchange(packet4.Discover, "giaddr=10.1.1.1", "mac=020000000002")
	b.expect(behind, "OFFER 192.0.2.10")
	if behind.SIAddr != addr("192.0.2.69") || len(behind.File) != 0 {
		t.Errorf("siaddr %v file %q", behind.SIAddr, behind.File)
	}
	router := b.exchange(packet4.Discover, "giaddr=10.1.1.1", "mac=020000000003", "vendor=eRouter1.0")
	b.expect(router, "OFFER 192.0.2.11")
	if !router.SIAddr.IsUnspecified() {
		t.Errorf("siaddr %v", router.SIAddr)
	}
}

// TestNestedOptions is the manual's example of an option that carries a space.
func TestNestedOptions(t *testing.T) {
	b := newBench(t, `{
		"option-def": [
			{"name": "subopt1", "code": 1, "space": "isc", "type": "ipv4-address"},
			{"name": "subopt2", "code": 2, "space": "isc", "type": "string"},
			{"name": "container", "code": 222, "space": "dhcp4", "type": "empty", "encapsulate": "isc"},
			{"name": "bar", "code": 223, "space": "dhcp4", "type": "record", "record-types": "ipv4-address, uint16, boolean, string"}
		],
		"option-data": [
			{"name": "subopt1", "space": "isc", "code": 1, "csv-format": true, "data": "192.0.2.3"},
			{"name": "subopt2", "space": "isc", "code": 2, "csv-format": true, "data": "Hello world"},
			{"name": "container", "space": "dhcp4", "code": 222, "csv-format": true, "data": ""},
			{"name": "bar", "space": "dhcp4", "code": 223, "csv-format": true, "data": "192.0.2.100, 123, true, Hello\\, World"}
		],
		"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.20"]}]
	}`)
	offer := b.exchange(packet4.Discover, "55=dedf")
	if v, _ := offer.Get(222); string(v) != "\x01\x04\xc0\x00\x02\x03\x02\x0bHello world" {
		t.Errorf("container %x", v)
	}
	if v, _ := offer.Get(223); string(v) != "\xc0\x00\x02\x64\x00\x7b\x01Hello, World" {
		t.Errorf("bar %x", v)
	}
}

func TestConfigurationErrors(t *testing.T) {
	for _, c := range []struct{ config, want string }{
		{`{"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.20", "10.0.0.1-10.0.0.2"]}]}`, "Dhcp4/subnet4[0]/pool[1]: pool 10.0.0.1-10.0.0.2 does not lie in the subnet 192.0.2.0/24"},
		{`{"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10"]}]}`, "Dhcp4/subnet4[0]/pool[0]: "},
		{`{"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10-192.0.2.20","192.0.2.20/30"]}]}`, "Dhcp4/subnet4[0]/pool[1]: pool 192.0.2.20-192.0.2.23 overlaps pool[0]"},
		{`{"subnet4": [{"subnet": "2001:db8::/64"}]}`, "Dhcp4/subnet4[0]/subnet: "},
		{`{"subnet4": [{"subnet": "192.0.2.0/24"}, {"subnet": "192.0.2.0/24"}]}`, "Dhcp4/subnet4[1]: subnet 192.0.2.0/24 is already configured as subnet4[0]"},
		{`{"subnet4": [{"subnet": "192.0.2.0/24", "id": 7}, {"subnet": "10.0.0.0/24", "id": 7}]}`, "Dhcp4/subnet4[1]: id 7 is already used by subnet4[0]"},
		{`{"subnet4": [{"subnet": "10.0.0.0/8", "pool": ["10.0.0.0/16"]}, {"subnet": "10.0.0.0/24", "pool": ["10.0.0.7-10.0.0.9"]}]}`, "Dhcp4/subnet4[1]: pools 10.0.0.0-10.0.255.255 and 10.0.0.7-10.0.0.9 of subnet4[0] and subnet4[1] overlap"},
		{`{"subnet4": [{"subnet": "192.0.2.0/24", "relay": {"ip-address": "x"}}]}`, "Dhcp4/subnet4[0]/relay/ip-address: "},
		{`{"next-server": "::1"}`, "Dhcp4/next-server: "},
		{`{"interfaces": ["eth0", "eth0"]}`, "Dhcp4/interfaces[1]: "},
		{`{"hooks-libraries": ["/x.so"]}`, "Dhcp4/hooks-libraries[0]: "},
		{`{"lease-database": {"type": "mysql"}}`, "Dhcp4/lease-database/type: "},
		{`{"lease-database": {"name": "leases.csv"}}`, "Dhcp4/lease-database/name: "},
		{`{"option-data": [{"name": "routers", "data": "no", "csv-format": true}]}`, `Dhcp4/option-data[0]: option "routers" code 3 in space "dhcp4": "no" is not a value of type ipv4-address`},
		{`{"option-data": [{"name": "routers", "code": 4, "data": "192.0.2.1", "csv-format": true}]}`, "Dhcp4/option-data[0]: "},
		{`{"option-def": [{"name": "routers", "code": 3, "type": "string"}]}`, "Dhcp4/option-def[0]: "},
		{`{"option-def": [{"name": "x", "code": 300, "type": "string"}]}`, "Dhcp4/option-def[0]/code: "},
		{`{"dhcp-ddns": {"server-ip": "localhost"}}`, "Dhcp4/dhcp-ddns/server-ip: "},
		{`{"dhcp-ddns": {"qualifying-suffix": "a..b"}}`, "Dhcp4/dhcp-ddns/qualifying-suffix: "},
		{`{"dhcp-ddns": {"ncr-protocol": "TCP"}}`, "Dhcp4/dhcp-ddns/ncr-protocol"},
		{`{"valid-lifetime": "x"}`, "Dhcp4/valid-lifetime"},
	} {
		v, err := schema.Parse([]byte(c.config))
		if err != nil {
			t.Fatal(err)
		}
		errs := Descriptor(paths.Below("/none")).Check(schema.Document{"Dhcp4": v.(schema.Section)})
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), c.want) {
			t.Errorf("%s:\n%v\ninstead of %s", c.config, errs, c.want)
		}
	}
}

func TestDescriptor(t *testing.T) {
	d := Descriptor(paths.Below("/none"))
	if errs := d.Check(schema.Document{}); len(errs) > 0 {
		t.Errorf("the defaults are refused: %v", errs)
	}
	c, err := d.New(schema.Document{}, module.Deps{Paths: paths.Below("/none")})
	if err != nil {
		t.Fatal(err)
	}
	stats := c.Stats()
	for _, item := range d.Spec.Statistics {
		if _, ok := stats[item.Name]; !ok {
			t.Errorf("statistics item %q has no value", item.Name)
		}
	}
	if len(stats) != len(d.Spec.Statistics) {
		t.Errorf("%d values for %d statistics items", len(stats), len(d.Spec.Statistics))
	}
}
