package policy

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// section parses JSON as it stands in the configuration, with whole numbers.
func section(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func plan(t *testing.T, dynamic, dhcp4 string) *Plan {
	t.Helper()
	p, errs := ReadPlan(section(t, `{"dynamic_dns": `+dynamic+`}`), section(t, dhcp4), nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return p
}

func (p *Plan) name(client Client, said Said) (string, Decision) {
	d := Decide(p.Config(client.Address), client, said)
	return d.LeaseHostname(), d
}

func TestSourcesInOrder(t *testing.T) {
	fqdn := func(name string) *FQDN {
		labels, full := splitText(name)
		return &FQDN{S: true, Labels: labels, Full: full}
	}
	client := Client{Address: netip.MustParseAddr("192.0.2.7"), HWAddr: "\x02\x00\x5e\x10\x00\x01", ID: "\x01\x02\x00\x5e\x10\x00\x01"}
	for _, c := range []struct {
		sources string
		said    Said
		want    string
		origin  Origin
		refused int
	}{
		{`["fqdn","client-hostname"]`, Said{fqdn("pc.lab.test."), "other"}, "pc.lab.test.", ByFQDN, 0},
		{`["client-hostname","fqdn"]`, Said{fqdn("pc.lab.test."), "other"}, "other.lab.test.", ByHostName, 0},
		{`["client-hostname"]`, Said{fqdn("pc.lab.test."), ""}, "pc.lab.test.", ByHostName, 0},
		{`["client-hostname"]`, Said{nil, "pc.corp.net"}, "pc.lab.test.", ByHostName, 0},
		{`["fqdn","client-hostname"]`, Said{fqdn("pc.corp.net."), ""}, "pc.lab.test.", ByHostName, 1},
		{`["fqdn"]`, Said{fqdn("pc.corp.net."), ""}, "", "", 1},
		{`["fqdn"]`, Said{fqdn("pc.sub"), ""}, "pc.sub.lab.test.", ByFQDN, 0},
		{`["fqdn"]`, Said{fqdn("lab.test."), ""}, "", "", 1},
		{`["fqdn","client-hostname"]`, Said{}, "", "", 0},
		{`["client-hostname","mac-fallback"]`, Said{}, "dhcp-02005e100001.lab.test.", ByMAC, 0},
		{`["client-hostname","mac-fallback"]`, Said{nil, "***"}, "dhcp-02005e100001.lab.test.", ByMAC, 1},
		{`["client-hostname","mac-fallback"]`, Said{nil, "wpad"}, "dhcp-02005e100001.lab.test.", ByMAC, 1},
		{`["client-hostname","mac-fallback"]`, Said{nil, "printer-1"}, "dhcp-02005e100001.lab.test.", ByMAC, 1},
		{`["client-id"]`, Said{}, "dhcp-0102005e100001.lab.test.", ByClientID, 0},
		{`["address"]`, Said{nil, "x"}, "dhcp-192-0-2-7.lab.test.", ByAddress, 0},
	} {
		p := plan(t, `{"enabled": true, "domain": "lab.test", "hostname_source": `+c.sources+`, "protected_names": ["printer-1"]}`, `{}`)
		got, d := p.name(client, c.said)
		if got != c.want || d.Origin != c.origin || len(d.Refused) != c.refused {
			t.Errorf("%s %+v: %q by %q, refused %v; want %q by %q", c.sources, c.said, got, d.Origin, d.Refused, c.want, c.origin)
		}
	}
}

// TestHostileNames is what clients may send to take a name that is not theirs, through each option.
func TestHostileNames(t *testing.T) {
	p := plan(t, `{"enabled": true, "domain": "lab.test", "protected_names": ["vip", "www.lab.test"]}`, `{}`)
	here := Client{Address: netip.MustParseAddr("192.0.2.7")}
	for raw, want := range map[string]string{
		"Bücher": "xn--bcher-kva.lab.test.", "日本語": "xn--wgv71a119e.lab.test.", "xn--mnchen-3ya": "xn--mnchen-3ya.lab.test.",
		"ｗｐａｄ": "", "ＶＩＰ": "", "xn--zzzz-!!": "", "vip": "", "VIP": "", "www": "", "wpad": "", "isatap": "", "localhost": "",
		"*": "", "-": "", "": "", "\x00": "", "\xff\xfe": "", "pc lab": "pc-lab.lab.test.", "pc\x00lab": "pc-lab.lab.test.",
		"<b>pc</b>": "b-pc--b.lab.test.", "\"pc\"": "pc.lab.test.", "pc\xe9": "pc.lab.test.", "a。b": "a---b.lab.test.",
		strings.Repeat("a", 63): strings.Repeat("a", 63) + ".lab.test.",
	} {
		host, _ := p.name(here, Said{nil, raw})
		option, _ := p.name(here, Said{&FQDN{S: true, E: true, Labels: []string{raw}}, ""})
		full, _ := p.name(here, Said{&FQDN{S: true, E: true, Labels: []string{raw, "lab", "test"}, Full: true}, ""})
		if host != want || option != want || full != want {
			t.Errorf("%q: host name %q, partial %q, full %q, want %q", raw, host, option, full, want)
		}
	}
	if got, _ := p.name(here, Said{&FQDN{S: true, Labels: []string{"a.b"}}, ""}); got != "a-b.lab.test." {
		t.Errorf("a dot in a label: %q", got)
	}
}

func TestSuffixOfTheNearestLevel(t *testing.T) {
	p := plan(t, `{"enabled": true, "domain": "lab.test", "forward_zones": ["lab.test", "guest.test"],
		"overrides": [{"network": "192.0.2.0/24", "ttl": 60}, {"network": "192.0.2.10 - 192.0.2.19", "domain": "ten.lab.test"},
			{"network": "192.0.2.20 - 192.0.2.29", "enabled": false}]}`,
		`{"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.1-192.0.2.99"]},
			{"subnet": "198.51.100.0/24", "option-data": [{"name": "domain-name", "space": "dhcp4", "code": 15, "csv-format": true, "data": "guest.test"}],
			 "pools": [{"pool": "198.51.100.9 - 198.51.100.20", "option-data": [{"name": "domain-name", "data": "elsewhere.net"}]}]}],
		  "shared-networks": [{"name": "floor", "interface": "eth7", "subnet4": [{"subnet": "203.0.113.0/24"}]}]}`)
	for address, want := range map[string]string{
		"192.0.2.1": "pc.lab.test.", "192.0.2.12": "pc.ten.lab.test.", "192.0.2.22": "", "198.51.100.1": "pc.guest.test.",
		"198.51.100.10": "pc.lab.test.", "203.0.113.5": "pc.lab.test.",
	} {
		if got, _ := p.name(Client{Address: netip.MustParseAddr(address)}, Said{nil, "pc"}); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if p.TTL(netip.MustParseAddr("192.0.2.1")) != 60 || p.TTL(netip.MustParseAddr("203.0.113.5")) != 0 {
		t.Error("time to live of an override")
	}
	if got := p.Place(netip.MustParseAddr("203.0.113.5")); got.Group != "floor" || got.Interface != "eth7" || got.Subnet != "203.0.113.0/24" {
		t.Errorf("place %+v", got)
	}
}

// TestFlagsHoldInThePlan: what RFC 4702 and the override items say about the client's wish holds whatever names it.
func TestFlagsHoldInThePlan(t *testing.T) {
	off := plan(t, `{"enabled": true, "domain": "lab.test"}`, `{}`)
	on := plan(t, `{"enabled": true, "domain": "lab.test"}`, `{"dhcp-ddns": {"override-no-update": true, "override-client-update": true}}`)
	here := Client{Address: netip.MustParseAddr("192.0.2.7")}
	no, self := Said{&FQDN{N: true, Labels: []string{"pc"}}, ""}, Said{&FQDN{Labels: []string{"pc"}}, ""}
	for _, c := range []struct {
		p                *Plan
		said             Said
		forward, reverse bool
	}{{off, no, false, false}, {on, no, true, true}, {off, self, false, true}, {on, self, true, true}} {
		if _, d := c.p.name(here, c.said); d.Forward != c.forward || d.Reverse != c.reverse {
			t.Errorf("%+v: forward %v reverse %v", c.said.FQDN, d.Forward, d.Reverse)
		}
	}
}

func TestBadPlans(t *testing.T) {
	for text, want := range map[string]string{
		`{"domain": "."}`:                                          "dynamic_dns/domain",
		`{"domain": "a..b"}`:                                       "dynamic_dns/domain",
		`{"forward_zones": ["a.test", "A.test."]}`:                 "dynamic_dns/forward_zones[1]",
		`{"forward_zones": [""]}`:                                  "dynamic_dns/forward_zones[0]",
		`{"hostname_source": ["fqdn", "fqdn"]}`:                    "dynamic_dns/hostname_source",
		`{"enabled": true, "hostname_source": []}`:                 "dynamic_dns/hostname_source",
		`{"generated_prefix": "Bad_One"}`:                          "dynamic_dns/generated_prefix",
		`{"protected_names": ["ok", "a..b"]}`:                      "dynamic_dns/protected_names[1]",
		`{"overrides": [{"network": "192.0.2.9 - 192.0.2.1"}]}`:    "dynamic_dns/overrides[0]/network",
		`{"overrides": [{"network": "x"}]}`:                        "dynamic_dns/overrides[0]/network",
		`{"overrides": [{"network": "::/0", "domain": "*.test"}]}`: "dynamic_dns/overrides[0]/domain",
	} {
		_, errs := ReadPlan(section(t, `{"dynamic_dns": `+text+`}`), nil, nil)
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), want+":") {
			t.Errorf("%s: %v, want one that begins with %s", text, errs, want)
		}
	}
}

// FuzzSaid: what was said survives the lease file, whatever bytes it has, and other notes stay.
func FuzzSaid(f *testing.F) {
	f.Add("pc", "lab", "host", true, true)
	f.Add("a.b\x00", "\\\"", "a,b &c/2f", false, false)
	f.Fuzz(func(t *testing.T, a, b, host string, full, flag bool) {
		s := Said{Host: host}
		if a != "" && b != "" {
			s.FQDN = &FQDN{S: flag, N: !flag, E: full, Full: full, Labels: []string{a, b}}
		}
		got, told := ParseSaid(s.UserContext())
		same := got.Host == s.Host && (got.FQDN == nil) == (s.FQDN == nil)
		if same && s.FQDN != nil {
			x, y := *got.FQDN, *s.FQDN
			same = x.S == y.S && x.N == y.N && x.E == y.E && x.Full == y.Full && slices.Equal(x.Labels, y.Labels)
		}
		if told == s.IsZero() || !same {
			t.Fatalf("%+v became %+v by %s", s, got, s.UserContext())
		}
		if noted := s.Note(`{"comment":"attic"}`); !strings.Contains(noted, `"comment":"attic"`) || !json.Valid([]byte(noted)) {
			t.Fatalf("note %s", noted)
		} else if again, _ := ParseSaid(noted); again.Host != s.Host {
			t.Fatalf("note %s", noted)
		}
	})
}
