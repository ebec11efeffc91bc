package dhcp6

import (
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"bundy/internal/dhcp/packet6"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// guideExample is an example of chapter 17 of the administrator's guide, as typed there, and what comes of it.
type guideExample struct {
	chapter, commands string
	parts             []string // of a SOLICIT
	want              string   // its answer in short; empty: none is asked for
	options           map[uint16]string
}

const guideSubnet = `
> config add Dhcp6/subnet6
> config set Dhcp6/subnet6[0]/subnet "2001:db8:1::/64"
> config set Dhcp6/subnet6[0]/interface "eth0"
> config set Dhcp6/subnet6[0]/pool [ "2001:db8:1::1 - 2001:db8:1::ffff" ]
> config commit`

func optionDef(n int, name string, code int, kind, record, space, inner string) string {
	at := "\n> config set Dhcp6/option-def[" + strconv.Itoa(n) + "]/"
	return "\n> config add Dhcp6/option-def" + at + "name " + strconv.Quote(name) + at + "code " + strconv.Itoa(code) +
		at + "type " + strconv.Quote(kind) + at + "array false" + at + "record-types " + strconv.Quote(record) +
		at + "space " + strconv.Quote(space) + at + "encapsulate " + strconv.Quote(inner) + "\n> config commit"
}

func optionData(n int, name string, code int, space, data string) string {
	at := "\n> config set Dhcp6/option-data[" + strconv.Itoa(n) + "]/"
	return "\n> config add Dhcp6/option-data" + at + "name " + strconv.Quote(name) + at + "code " + strconv.Itoa(code) +
		at + "space " + strconv.Quote(space) + at + "csv-format true" + at + "data " + strconv.Quote(data) + "\n> config commit"
}

func guide() []guideExample {
	const na, first = "na=1", "ADVERTISE na1:2001:db8:1::1(3000,4000)"
	relay := func(link, id string) string { return "relay=" + link + " " + id }
	return []guideExample{
		{"17.2 valid-lifetime", guideSubnet + "\n> config set Dhcp6/valid-lifetime 7200\n> config commit", []string{na}, "ADVERTISE na1:2001:db8:1::1(3000,7200)", nil},
		{"17.2.2 lease file", `
> config set Dhcp6/lease-database/type "memfile"
> config set Dhcp6/lease-database/persist true
> config set Dhcp6/lease-database/name "/tmp/kea-leases6.csv"
> config commit`, nil, "", nil},
		{"17.2.6 interfaces", `
> config set Dhcp6/interfaces[0] eth1
> config commit
> config add Dhcp6/interfaces eth2
> config commit
> config add Dhcp6/interfaces *
> config commit
> config remove Dhcp6/interfaces[2]
> config commit`, nil, "", nil},
		{"17.2.7 id", `
> config add Dhcp6/subnet6
> config set Dhcp6/subnet6[0]/subnet "2001:db8:1::/64"
> config set Dhcp6/subnet6[0]/id 1024
> config commit`, nil, "", nil},
		{"17.2.8 unicast", `
> config set Dhcp6/interfaces[0] eth1/2001:db8::1
> config commit`, nil, "", nil},
		{"17.2.9 pools", guideSubnet + `
> config set Dhcp6/subnet6[0]/pool [ "2001:db8:1::1 - 2001:db8:1::ffff", "2001:db8:1:0:5::/80" ]
> config commit
> config add Dhcp6/subnet6
> config set Dhcp6/subnet6[1]/subnet "2001:db8:beef::/48"
> config set Dhcp6/subnet6[1]/pool [ "2001:db8:beef::/48" ]
> config commit`, []string{na, relay("2001:db8:beef::1", "x")}, "ADVERTISE na1:2001:db8:beef::(3000,4000)", nil},
		{"17.2.10 prefixes", guideSubnet + `
> config add Dhcp6/subnet6[0]/pd-pools
> config set Dhcp6/subnet6[0]/pd-pools[0]/prefix "2001:db8:2::"
> config set Dhcp6/subnet6[0]/pd-pools[0]/prefix-len 64
> config set Dhcp6/subnet6[0]/pd-pools[0]/delegated-len 96
> config commit`, []string{"pd=1"}, "ADVERTISE pd1:2001:db8:2::/96(3000,4000)", nil},
		{"17.2.11 options", guideSubnet + optionData(0, "dns-servers", 23, "dhcp6", "2001:db8::cafe, 2001:db8::babe"), []string{na, "oro=23"}, first,
			map[uint16]string{23: "20010db800000000000000000000cafe20010db800000000000000000000babe"}},
		{"17.2.11 hexadecimal", guideSubnet + `
> config add Dhcp6/option-data
> config set Dhcp6/option-data[0]/name "dns-servers"
> config set Dhcp6/option-data[0]/code 23
> config set Dhcp6/option-data[0]/space "dhcp6"
> config set Dhcp6/option-data[0]/csv-format false
> config set Dhcp6/option-data[0]/data "2001 0DB8 0001 0000 0000 0000 0000 CAFE 2001 0DB8 0001 0000 0000 0000 0000 BABE"
> config commit`, []string{na, "oro=23"}, first, map[uint16]string{23: "20010db800010000000000000000cafe20010db800010000000000000000babe"}},
		{"17.2.11 options of a subnet", guideSubnet + optionData(0, "dns-servers", 23, "dhcp6", "2001:db8::cafe") + `
> config add Dhcp6/subnet6[0]/option-data
> config set Dhcp6/subnet6[0]/option-data[0]/name "dns-servers"
> config set Dhcp6/subnet6[0]/option-data[0]/code 23
> config set Dhcp6/subnet6[0]/option-data[0]/space "dhcp6"
> config set Dhcp6/subnet6[0]/option-data[0]/csv-format true
> config set Dhcp6/subnet6[0]/option-data[0]/data "2001:db8:1::3"
> config commit`, []string{na, "oro=23"}, first, map[uint16]string{23: "20010db8000100000000000000000003"}},
		{"17.2.13 custom option", guideSubnet + optionDef(0, "foo", 100, "uint32", "", "dhcp6", "") + optionData(0, "foo", 100, "dhcp6", "12345"),
			[]string{na, "oro=100"}, first, map[uint16]string{100: "00003039"}},
		{"17.2.13 record", guideSubnet + optionDef(0, "bar", 101, "record", "ipv6-address, uint16, boolean, string", "dhcp6", "") +
			optionData(0, "bar", 101, "dhcp6", "2001:db8:1::10, 123, false, Hello World"),
			[]string{na, "oro=101"}, first, map[uint16]string{101: "20010db8000100000000000000000010007b00" + hex.EncodeToString([]byte("Hello World"))}},
		{"17.2.15 vendor options", guideSubnet + optionDef(0, "foo", 1, "record", "ipv6-address, uint16, string", "vendor-opts-space", "") +
			optionData(0, "foo", 1, "vendor-opts-space", "2001:db8:1::10, 123, Hello World") + optionData(1, "vendor-opts", 17, "dhcp6", "12345"),
			[]string{na, "oro=17"}, first, map[uint16]string{17: "00003039" + "0001001d" + "20010db8000100000000000000000010007b" + hex.EncodeToString([]byte("Hello World"))}},
		{"17.2.16 nested options", guideSubnet + optionDef(0, "subopt1", 1, "ipv6-address", "", "isc", "") + optionDef(1, "subopt2", 2, "string", "", "isc", "") +
			optionDef(2, "container", 102, "empty", "", "dhcp6", "isc") + optionData(0, "subopt1", 1, "isc", "2001:db8::abcd") +
			optionData(1, "subopt2", 2, "isc", "Hello world") + optionData(2, "container", 102, "dhcp6", ""),
			[]string{na, "oro=102"}, first, map[uint16]string{102: "00010010" + "20010db800000000000000000000abcd" + "0002000b" + hex.EncodeToString([]byte("Hello world"))}},
		{"17.2.18 interface-id", `
> config add Dhcp6/subnet6
> config set Dhcp6/subnet6[0]/subnet "2001:db8:beef::/48"
> config set Dhcp6/subnet6[0]/pool [ "2001:db8:beef::/48" ]
> config set Dhcp6/subnet6[0]/interface-id "vland123"
> config commit`, []string{na, relay("::", "vland123")}, "ADVERTISE na1:2001:db8:beef::(3000,4000)", nil},
		{"17.2.21 limit to a class", guideSubnet + `
> config set Dhcp6/subnet6[0]/client-class "eRouter1.0"
> config commit`, []string{na}, "ADVERTISE na1!2", nil},
		{"17.2.21 the class", guideSubnet + `
> config set Dhcp6/subnet6[0]/client-class "eRouter1.0"
> config commit`, []string{na, "16=0000118b000a" + hex.EncodeToString([]byte("eRouter1.0"))}, first, nil},
		{"17.2.22 names", guideSubnet + `
> config set Dhcp6/dhcp-ddns/enable-updates true
> config set Dhcp6/dhcp-ddns/override-client-update true
> config set Dhcp6/dhcp-ddns/override-no-update true
> config set Dhcp6/dhcp-ddns/generated-prefix "another.host"
> config set Dhcp6/dhcp-ddns/qualifying-suffix "our.net"
> config commit`, []string{na, "fqdn=\x04\x02pc"}, first, map[uint16]string{39: "03" + hex.EncodeToString([]byte("\x02pc\x03our\x03net\x00"))}},
		{"17.2.22 generated names", guideSubnet + `
> config set Dhcp6/dhcp-ddns/enable-updates true
> config set Dhcp6/dhcp-ddns/replace-client-name true
> config commit`, []string{na, "fqdn=\x01\x02pc"}, first, map[uint16]string{39: "01" + hex.EncodeToString([]byte("\x14myhost-2001-db8-1--1\x07example\x03com\x00"))}},
		{"17.4 relay", guideSubnet + `
> config set Dhcp6/subnet6[0]/interface ""
> config set Dhcp6/subnet6[0]/relay/ip-address "3000::1"
> config commit`, []string{na, relay("3000::1", "x")}, first, nil},
		{"17.5 cable network", `
> config add Dhcp6/subnet6
> config set Dhcp6/subnet6[0]/subnet "3000::/64"
> config set Dhcp6/subnet6[0]/pool [ "3000::2 - 3000::ffff" ]
> config set Dhcp6/subnet6[0]/client-class "docsis3.0"
> config set Dhcp6/subnet6[0]/relay/ip-address "3000::1"
> config add Dhcp6/subnet6
> config set Dhcp6/subnet6[1]/subnet "2001:db8:1::/64"
> config set Dhcp6/subnet6[1]/pool [ "2001:db8:1::1 - 2001:db8:1::ffff" ]
> config set Dhcp6/subnet6[1]/relay/ip-address "3000::1"
> config commit`, []string{na, relay("3000::1", "x")}, first, nil},
	}
}

func TestGuide(t *testing.T) {
	for _, g := range guide() {
		t.Run(strings.ReplaceAll(g.chapter, " ", "_"), func(t *testing.T) {
			p := paths.Below(t.TempDir())
			section := schema.Section{"interfaces": []any{"*"}}
			var set *settings
			for line := range strings.Lines(g.commands) {
				words := strings.SplitN(strings.TrimSpace(line), " ", 5)
				switch {
				case len(words) == 3 && words[2] == "commit":
					var errs []error
					if set, errs = build(Descriptor(p).Spec, section, p, nil); len(errs) > 0 {
						t.Fatalf("errors %v", errs)
					}
				case len(words) > 3:
					value := any(nil)
					if len(words) == 5 {
						value = guideValue(words[4])
					}
					configure(section, words[2], strings.TrimPrefix(words[3], "Dhcp6/"), value)
				}
			}
			if set == nil || g.want == "" {
				return
			}
			b := newBench(t, "{}")
			b.use(set)
			got := b.expect(g.want, packet6.Solicit, g.parts...)
			for code, want := range g.options {
				if data, _ := got.Options.Get(code); hex.EncodeToString(data) != want {
					t.Errorf("option %d: %x instead of %s", code, data, want)
				}
			}
		})
	}
}

// guideValue reads a value as the shell does: JSON, or a bare word.
func guideValue(text string) any {
	if text == "False" {
		return false
	}
	v, err := schema.Parse([]byte(text))
	if err != nil {
		return text
	}
	return v
}

// configure carries out "config add", "set" or "remove" on a section.
func configure(section schema.Section, verb, path string, value any) {
	at := regexp.MustCompile(`^([^\[]+)(?:\[(\d+)\])?$`)
	parts := strings.Split(path, "/")
	m := section
	for i, part := range parts {
		f := at.FindStringSubmatch(part)
		name, last := f[1], i == len(parts)-1
		list, _ := m[name].([]any)
		n, _ := strconv.Atoi(f[2])
		switch {
		case last && verb == "add" && value == nil:
			m[name] = append(list, schema.Section{})
		case last && verb == "add":
			m[name] = append(list, value)
		case last && verb == "remove":
			m[name] = append(list[:n:n], list[n+1:]...)
		case last && f[2] != "":
			list[n] = value
		case last:
			m[name] = value
		case f[2] != "":
			m = list[n].(schema.Section)
		default:
			if m[name] == nil {
				m[name] = schema.Section{}
			}
			m = m[name].(schema.Section)
		}
	}
}
