package dhcp4

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"bundy/internal/dhcp/packet4"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// guideExample is an example of chapter 16 of the administrator's guide, as typed there, and what comes of it.
type guideExample struct {
	chapter, commands string
	steps             []step
	options           map[uint8]string // in the answer to the last step that has one, as text or in hexadecimal
}

const guideSubnet = `
> config add Dhcp4/subnet4
> config set Dhcp4/subnet4[0]/subnet "192.0.2.0/24"
> config set Dhcp4/subnet4[0]/pool [ "192.0.2.10 - 192.0.2.20" ]
> config commit`

const guideServers = `
> config add Dhcp4/option-data
> config set Dhcp4/option-data[0]/name "domain-name-servers"
> config set Dhcp4/option-data[0]/code 6
> config set Dhcp4/option-data[0]/space "dhcp4"
> config set Dhcp4/option-data[0]/csv-format true
> config set Dhcp4/option-data[0]/data "192.0.3.1, 192.0.3.2"
> config commit`

func guide() []guideExample {
	discover := func(parts, want string) step { return step{kind: packet4.Discover, parts: parts, want: want} }
	return []guideExample{
		{"16.2 valid-lifetime", guideSubnet + "\n> config set Dhcp4/valid-lifetime 7200\n> config commit", []step{discover("", "OFFER 192.0.2.10")}, map[uint8]string{51: "00001c20"}},
		{"16.2.1 lease file", `
> config set Dhcp4/lease-database/type "memfile"
> config set Dhcp4/lease-database/persist true
> config set Dhcp4/lease-database/name "/tmp/kea-leases4.csv"
> config commit`, nil, nil},
		{"16.2.5 interfaces", `
> config set Dhcp4/interfaces[0] eth1
> config commit
> config add Dhcp4/interfaces eth2
> config commit
> config add Dhcp4/interfaces *
> config commit
> config remove Dhcp4/interfaces[2]
> config commit`, nil, nil},
		{"16.2.6 id", `
> config add Dhcp4/subnet4
> config set Dhcp4/subnet4[0]/subnet "192.0.2.0/24"
> config set Dhcp4/subnet4[0]/id 1024
> config commit`, []step{discover("", "")}, nil},
		{"16.2.7 pools", guideSubnet + `
> config set Dhcp4/subnet4[0]/pool [ "192.0.2.10-192.0.2.20", "192.0.2.64/26" ]
> config commit
> config add Dhcp4/subnet4
> config set Dhcp4/subnet4[1]/subnet "192.0.3.0/24"
> config set Dhcp4/subnet4[1]/pool [ "192.0.3.0/24" ]
> config commit`, []step{
			discover("", "OFFER 192.0.2.10"), discover("mac=020000000002 giaddr=192.0.3.1", "OFFER 192.0.3.0"),
			discover("mac=020000000003 want=192.0.2.127", "OFFER 192.0.2.127"),
		}, nil},
		{"16.2.8 options", guideSubnet + guideServers, []step{discover("", "OFFER 192.0.2.10")}, map[uint8]string{6: "c0000301c0000302"}},
		{"16.2.8 options in hexadecimal", guideSubnet + guideServers + `
> config set Dhcp4/option-data[0]/csv-format false
> config set Dhcp4/option-data[0]/data "C0 00 03 01 C0 00 03 02"
> config commit`, []step{discover("", "OFFER 192.0.2.10")}, map[uint8]string{6: "c0000301c0000302"}},
		{"16.2.8 options of a subnet", guideSubnet + guideServers + `
> config add Dhcp4/subnet4[0]/option-data
> config set Dhcp4/subnet4[0]/option-data[0]/name "domain-name-servers"
> config set Dhcp4/subnet4[0]/option-data[0]/code 6
> config set Dhcp4/subnet4[0]/option-data[0]/space "dhcp4"
> config set Dhcp4/subnet4[0]/option-data[0]/csv-format true
> config set Dhcp4/subnet4[0]/option-data[0]/data "192.0.2.3"
> config commit`, []step{discover("", "OFFER 192.0.2.10")}, map[uint8]string{6: "c0000203"}},
		{"16.2.10 custom options", guideSubnet + `
> config add Dhcp4/option-def
> config set Dhcp4/option-def[0]/name "foo"
> config set Dhcp4/option-def[0]/code 222
> config set Dhcp4/option-def[0]/type "uint32"
> config set Dhcp4/option-def[0]/array false
> config set Dhcp4/option-def[0]/record-types ""
> config set Dhcp4/option-def[0]/space "dhcp4"
> config set Dhcp4/option-def[0]/encapsulate ""
> config commit
> config add Dhcp4/option-data
> config set Dhcp4/option-data[0]/name "foo"
> config set Dhcp4/option-data[0]/code 222
> config set Dhcp4/option-data[0]/space "dhcp4"
> config set Dhcp4/option-data[0]/csv-format true
> config set Dhcp4/option-data[0]/data "12345"
> config commit`, []step{discover("55=de", "OFFER 192.0.2.10")}, map[uint8]string{222: "00003039"}},
		{"16.2.10 records", guideSubnet + `
> config add Dhcp4/option-def
> config set Dhcp4/option-def[0]/name "bar"
> config set Dhcp4/option-def[0]/code 223
> config set Dhcp4/option-def[0]/space "dhcp4"
> config set Dhcp4/option-def[0]/type "record"
> config set Dhcp4/option-def[0]/array false
> config set Dhcp4/option-def[0]/record-types "ipv4-address, uint16, boolean, string"
> config set Dhcp4/option-def[0]/encapsulate ""
> config add Dhcp4/option-data
> config set Dhcp4/option-data[0]/name "bar"
> config set Dhcp4/option-data[0]/space "dhcp4"
> config set Dhcp4/option-data[0]/code 223
> config set Dhcp4/option-data[0]/csv-format true
> config set Dhcp4/option-data[0]/data "192.0.2.100, 123, true, Hello World"
> config commit`, []step{discover("55=df", "OFFER 192.0.2.10")}, map[uint8]string{223: "c0000264007b0148656c6c6f20576f726c64"}},
		{"16.2.13 vendor options", guideSubnet + `
> config add Dhcp4/option-def
> config set Dhcp4/option-def[0]/name "foo"
> config set Dhcp4/option-def[0]/code 1
> config set Dhcp4/option-def[0]/space "vendor-encapsulated-options-space"
> config set Dhcp4/option-def[0]/type "record"
> config set Dhcp4/option-def[0]/array false
> config set Dhcp4/option-def[0]/record-types "ipv4-address, uint16, string"
> config set Dhcp4/option-def[0]/encapsulates ""
> config commit
> config add Dhcp4/option-data
> config set Dhcp4/option-data[0]/name "foo"
> config set Dhcp4/option-data[0]/space "vendor-encapsulated-options-space"
> config set Dhcp4/option-data[0]/code 1
> config set Dhcp4/option-data[0]/csv-format true
> config set Dhcp4/option-data[0]/data "192.0.2.3, 123, Hello World"
> config commit
> config add Dhcp4/option-data
> config set Dhcp4/option-data[1]/name "vendor-encapsulated-options"
> config set Dhcp4/option-data[1]/space "dhcp4"
> config set Dhcp4/option-data[1]/code 43
> config set Dhcp4/option-data[1]/csv-format false
> config set Dhcp4/option-data[1]/data ""
> config commit`, []step{discover("55=2b", "OFFER 192.0.2.10")}, map[uint8]string{43: "0111c0000203007b48656c6c6f20576f726c64"}},
		{"16.2.18 limit to a class", guideSubnet + `
> config set Dhcp4/subnet4[0]/client-class "VENDOR_CLASS_docsis3.0"
> config commit`, []step{discover("", ""), discover("vendor=docsis3.0", "OFFER 192.0.2.10")}, nil},
		{"16.4 next server", guideSubnet + `
> config set Dhcp4/next-server "192.0.2.123"
> config commit
> config set Dhcp4/subnet4[0]/next-server "192.0.2.234"
> config commit`, []step{discover("", "OFFER 192.0.2.10")}, nil},
		{"16.5 echo-client-id", guideSubnet + `
> config set Dhcp4/echo-client-id False
> config commit`, []step{discover("id=me", "OFFER 192.0.2.10")}, map[uint8]string{61: ""}},
		{"16.7 relay", guideSubnet + `
> config set Dhcp4/subnet4[0]/relay/ip-address "10.0.0.1"
> config commit`, []step{discover("giaddr=10.0.0.1", "OFFER 192.0.2.10"), discover("giaddr=192.0.2.1", "OFFER 192.0.2.10"), discover("giaddr=10.0.0.2", "")}, nil},
		{"16.8 cable network", `
> config add Dhcp4/subnet4
> config set Dhcp4/subnet4[0]/subnet "10.1.1.0/24"
> config set Dhcp4/subnet4[0]/pool [ "10.1.1.2 - 10.1.1.20" ]
> config set Dhcp4/subnet4[0]/client-class "docsis3.0"
> config set Dhcp4/subnet4[0]/relay/ip-address "10.1.1.1"
> config add Dhcp4/subnet4
> config set Dhcp4/subnet4[1]/subnet "192.0.2.0/24"
> config set Dhcp4/subnet4[1]/pool [ "192.0.2.10 - 192.0.2.20" ]
> config set Dhcp4/subnet4[1]/relay/ip-address "10.1.1.1"
> config commit`, []step{
			discover("giaddr=10.1.1.1 vendor=docsis3.0", "OFFER 10.1.1.2"), discover("giaddr=10.1.1.1 mac=020000000002", "OFFER 192.0.2.10"),
		}, nil},
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
					configure(section, words[2], strings.TrimPrefix(words[3], "Dhcp4/"), value)
				}
			}
			if set == nil || len(g.steps) == 0 {
				return
			}
			b := benchOf(t, set)
			var last *outgoing
			for _, s := range g.steps {
				got := b.exchange(s.kind, strings.Fields(s.parts)...)
				b.expect(got, s.want)
				if got != nil {
					last = got
				}
			}
			for code, want := range g.options {
				if got := fmt.Sprintf("%x", text(last, code)); got != want {
					t.Errorf("option %d: %s instead of %s", code, got, want)
				}
			}
			if strings.HasPrefix(g.chapter, "16.4") && last.SIAddr.String() != "192.0.2.234" {
				t.Errorf("siaddr %v", last.SIAddr)
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
