package dhcpddns

import (
	"path/filepath"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

func parse(t *testing.T, text string) schema.Document {
	t.Helper()
	v, err := schema.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	doc := schema.Document{}
	for name, section := range v.(map[string]any) {
		doc[name] = section.(map[string]any)
	}
	return doc
}

// TestCheckFindsEverything gives a section with many mistakes and wants each one, with its path.
func TestCheckFindsEverything(t *testing.T) {
	d := Descriptor(paths.Default())
	errs := d.Check(parse(t, `{"DhcpDdns": {
		"ip_address": "nowhere", "allow_from": ["10.0.0.0/8", "x"],
		"tsig_keys": [{"name": "k", "algorithm": "hmac_sha256", "secret": "c2VjcmV0"}, {"name": "K.", "algorithm": "", "secret": ""},
			{"name": "unfinished", "algorithm": "hmac_md5", "secret": "123456789"}],
		"forward_ddns": {"ddns_domains": [
			{"name": "a.example", "dns_servers": [{"ip_address": "192.0.2.1", "hostname": "x"}, {}, {"ip_address": "192.0.2.256"}]},
			{"name": "A.example.", "key_name": "nosuch"},
			{"name": "", "dns_servers": []},
			{"name": "b..example", "key_name": "unfinished"}]},
		"reverse_ddns": {"ddns_domains": [{"name": "."}]}}}`))
	var text []string
	for _, err := range errs {
		text = append(text, err.Error())
	}
	for _, want := range []string{
		"DhcpDdns/ip_address: ", "DhcpDdns/allow_from[1]: ", "DhcpDdns/tsig_keys[1]/algorithm: ", "DhcpDdns/tsig_keys[1]/secret: ",
		"DhcpDdns/tsig_keys[1]/name: duplicate", "DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[0]: exactly one",
		"DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[1]: exactly one", "DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[2]: ",
		"DhcpDdns/forward_ddns/ddns_domains[1]/name: duplicate", "DhcpDdns/forward_ddns/ddns_domains[1]/key_name: unknown TSIG key",
		"DhcpDdns/forward_ddns/ddns_domains[2]/name: must not be empty", "DhcpDdns/forward_ddns/ddns_domains[2]/dns_servers: an empty list",
		"DhcpDdns/forward_ddns/ddns_domains[3]/name: ", "DhcpDdns/forward_ddns/ddns_domains[3]/key_name: TSIG key",
		"DhcpDdns/reverse_ddns/ddns_domains[0]/name: the root",
	} {
		found := 0
		for _, have := range text {
			if strings.HasPrefix(have, want) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%d errors begin with %q; all:\n%s", found, want, strings.Join(text, "\n"))
		}
	}
	if len(errs) != 15 {
		t.Errorf("%d errors:\n%s", len(errs), strings.Join(text, "\n"))
	}
	if strings.Contains(strings.Join(text, " "), "123456789") {
		t.Error("an error shows a secret")
	}
}

// TestExampleOfTheGuide is the configuration that the guide builds up (section "Example DHCP-DDNS Server
// Configuration"), with a key that is committed before its secret is complete, and one of the global ring.
func TestExampleOfTheGuide(t *testing.T) {
	p := paths.Below("/state")
	doc := parse(t, `{"tsig_keys": {"keys": ["global.key:c2VjcmV0:hmac-sha256"]},
		"Dhcp4": {"dhcp-ddns": {"enable-updates": true}, "subnet4": [{"subnet": "192.0.2.1/24"}]},
		"DhcpDdns": {
		"tsig_keys": [{"name": "key1.example.com", "algorithm": "hmac_md5", "secret": "123456789"}, {"name": "key2", "algorithm": "HMAC-SHA512", "secret": "c2VjcmV0"}],
		"forward_ddns": {"ddns_domains": [
			{"name": "four.example.com.", "key_name": "key2.", "dns_servers": [{"ip_address": "172.16.1.5"}, {"ip_address": "172.16.2.5", "port": 5353}]},
			{"name": "six.example.com.", "dns_servers": [{"ip_address": "3001:1::50"}]},
			{"name": "example.com", "key_name": "Global.Key"}, {"name": "*", "dns_servers": [{"hostname": "ns.example.com"}]}]}}}`)
	s, errs := decode(specification(p), doc, p)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for name, want := range map[string]string{
		"myhost.four.example.com": "four.example.com.", "admin.example.com.": "example.com.", "other.example.net.": ".",
	} {
		d, ok := s.catalog.Match(owned.Key{Name: wire.MustParseName(name)})
		if !ok || d.Zone.String() != want {
			t.Errorf("%s: %s %v, want %s", name, d.Zone, ok, want)
		}
	}
	forward := s.catalog.Forward
	if forward[0].Key == nil || string(forward[0].Key.Secret) != "secret" || forward[2].Key == nil || forward[1].Key != nil {
		t.Errorf("keys: %v %v %v", forward[0].Key, forward[1].Key, forward[2].Key)
	}
	if forward[0].Servers[0].Port != 53 || forward[0].Servers[1].Port != 5353 || len(forward[2].Servers) != 0 {
		t.Errorf("servers: %+v", forward)
	}
	if f := s.files[0]; f.path != "/state/kea-leases4.csv" || len(f.subnets) != 1 || f.subnets[0].String() != "192.0.2.0/24" || s.files[1].path != "" {
		t.Errorf("lease files %+v", s.files)
	}
	if s.listen.String() != "127.0.0.1:53001" || len(s.allow) != 2 {
		t.Errorf("listens on %v for %v", s.listen, s.allow)
	}
}

func TestLeaseFileOfTheDHCPServer(t *testing.T) {
	p := paths.Below("/state")
	for section, want := range map[string]string{
		`{}`: "",
		`{"dhcp-ddns": {"enable-updates": false}}`:                                                                    "",
		`{"dhcp-ddns": {"enable-updates": true}}`:                                                                     "/state/kea-leases4.csv",
		`{"dhcp-ddns": {"enable-updates": true}, "lease-database": {"name": "/x/y.csv"}}`:                             "/x/y.csv",
		`{"dhcp-ddns": {"enable-updates": true}, "lease-database": {"type": "memfile", "persist": false}}`:            "",
		`{"dhcp-ddns": {"enable-updates": true}, "lease-database": {"type": "mysql", "name": "bundy"}}`:               "",
		`{"dhcp-ddns": {"enable-updates": true}, "lease-database": {"type": "memfile", "persist": true, "name": ""}}`: "/state/kea-leases4.csv",
	} {
		if got := leasesOf(parse(t, `{"Dhcp4": `+section+`}`)["Dhcp4"], filepath.Join(p.State, "kea-leases4.csv"), "subnet4", false); got.path != want {
			t.Errorf("%s: %q, want %q", section, got.path, want)
		}
	}
}
