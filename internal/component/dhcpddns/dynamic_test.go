package dhcpddns

import (
	"encoding/json"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/suite/schema"
)

// newDynamicSite is a site whose leases are named by dynamic_dns, while its DHCP server makes no updates of its own.
func newDynamicSite(t *testing.T) *site {
	s := newSite(t)
	s.doc[name]["dynamic_dns"] = map[string]any{"enabled": true, "domain": "lab.example"}
	s.doc[dhcp4Name] = map[string]any{"subnet4": []any{map[string]any{"subnet": "192.0.2.0/25"}}}
	return s
}

func (s *site) asked(command string, args map[string]any) string {
	s.t.Helper()
	raw := map[string]json.RawMessage{}
	for k, v := range args {
		raw[k], _ = json.Marshal(v)
	}
	answer, err := s.c.Call(s.t.Context(), command, raw)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// TestPolicyOfToday: when the policy changes, old names go and new ones come, for leases that are there already.
func TestPolicyOfToday(t *testing.T) {
	s := newDynamicSite(t)
	pc := leaseOf("192.0.2.1", "a", "")
	pc.FQDNForward, pc.FQDNReverse, pc.UserContext = false, false, `{"said":"fqdn/S box host PC"}`
	silent := leaseOf("192.0.2.2", "b", "")
	silent.FQDNForward, silent.FQDNReverse = false, false
	s.row(pc)
	s.row(silent)
	s.start()
	s.eventually(both("box.lab.example.", "192.0.2.1")...)

	set := func(item string, v any) {
		section, _ := s.doc[name]["dynamic_dns"].(map[string]any)
		section[item] = v
		s.apply()
	}
	set("hostname_source", []any{"client-hostname", "mac-fallback"})
	s.eventually(append(both("pc.lab.example.", "192.0.2.1"), both("dhcp-020000000062.lab.example.", "192.0.2.2")...)...)
	set("domain", "new.lab.example")
	s.eventually(append(both("pc.new.lab.example.", "192.0.2.1"), both("dhcp-020000000062.new.lab.example.", "192.0.2.2")...)...)
	set("protected_names", []any{"pc"})
	s.eventually(append(both("dhcp-020000000061.new.lab.example.", "192.0.2.1"), both("dhcp-020000000062.new.lab.example.", "192.0.2.2")...)...)
	set("overrides", []any{map[string]any{"network": "192.0.2.2 - 192.0.2.2", "enabled": false}})
	s.eventually(both("dhcp-020000000061.new.lab.example.", "192.0.2.1")...)

	if got := s.asked("leases", nil); !strings.Contains(got, `client-hostname PC: pc is protected`) || !strings.Contains(got, `"state":"published"`) {
		t.Errorf("leases: %s", got)
	}
	if got := s.asked("why", map[string]any{"name": "pc.lab.example"}); !strings.Contains(got, `"what":"published"`) || !strings.Contains(got, `"what":"removed"`) ||
		!strings.Contains(got, "source client-hostname, subnet 192.0.2.0/25") {
		t.Errorf("why: %s", got)
	}
	if got := s.asked("who", map[string]any{"address": "192.0.2.1"}); !strings.Contains(got, `"names":["dhcp-020000000061.new.lab.example."]`) {
		t.Errorf("who: %s", got)
	}
	if got := s.asked("status", nil); !strings.Contains(got, `"enabled":true`) || !strings.Contains(got, `"leases_without_name":1`) {
		t.Errorf("status: %s", got)
	}
	if total := s.c.Stats()["dhcp_ddns_updates_total"].(map[string]any)["v4"].(map[string]any)["A"].(map[string]any)["success"].(uint64); total < 5 {
		t.Errorf("%d A records were counted", total)
	}
	for _, bad := range []map[string]any{{"name": "a..b"}, {}} {
		raw := map[string]json.RawMessage{}
		for k, v := range bad {
			raw[k], _ = json.Marshal(v)
		}
		if _, err := s.c.Call(t.Context(), "why", raw); err == nil || !strings.Contains(err.Error(), "argument name") {
			t.Errorf("why %v: %v", bad, err)
		}
	}
	set("enabled", false) // the server says which names leases have: none
	s.eventually()
}

// TestQualifyingSuffixOfToday: it counts for leases that are there, as they keep what their clients said.
func TestQualifyingSuffixOfToday(t *testing.T) {
	s := newSite(t)
	s.doc[dhcp4Name]["dhcp-ddns"] = map[string]any{"enable-updates": true, "qualifying-suffix": "lab.example"}
	l := leaseOf("192.0.2.1", "a", "pc.lab.example.")
	l.UserContext = `{"said":"host pc"}`
	s.row(l)
	s.start()
	s.eventually(both("pc.lab.example.", "192.0.2.1")...)
	s.doc[dhcp4Name]["dhcp-ddns"] = map[string]any{"enable-updates": true, "qualifying-suffix": "sub.lab.example"}
	s.apply()
	s.eventually(both("pc.sub.lab.example.", "192.0.2.1")...)
}

// TestZoneKeepsItsOwnNames: no client becomes a name server or mail exchanger of the zone, also one that came later.
func TestZoneKeepsItsOwnNames(t *testing.T) {
	s := newDynamicSite(t)
	mail := leaseOf("192.0.2.1", "a", "mail")
	pc := leaseOf("192.0.2.2", "b", "pc")
	s.row(mail)
	s.row(pc)
	s.start()
	s.eventually(append(both("mail.lab.example.", "192.0.2.1"), both("pc.lab.example.", "192.0.2.2")...)...)
	zone, target := wire.MustParseName("lab.example."), wire.MustParseName("mail.lab.example.")
	mx := wire.RR{Name: zone, Type: wire.TypeMX, Class: wire.ClassIN, TTL: 60, Data: append([]byte{0, 10}, target...)}
	s.dns.Add(t, mx)
	s.bus.Publish(eventZoneLoaded, map[string]string{"origin": "lab.example."})
	s.ask(func(e *engine) bool { return e.targets.Barred(target) != "" })
	s.dns.Delete(t, mx)
	s.eventually(both("pc.lab.example.", "192.0.2.2")...)
}

// TestNamesOfTheZoneAreAskedForAtTheStart: no server of another make tells of its zones.
func TestNamesOfTheZoneAreAskedForAtTheStart(t *testing.T) {
	s := newDynamicSite(t)
	zone, target := wire.MustParseName("lab.example."), wire.MustParseName("mail.lab.example.")
	mx := wire.RR{Name: zone, Type: wire.TypeMX, Class: wire.ClassIN, TTL: 60, Data: append([]byte{0, 10}, target...)}
	s.dns.Add(t, mx)
	s.start()
	s.ask(func(e *engine) bool { return e.targets.Barred(target) != "" })
	s.row(leaseOf("192.0.2.1", "a", "mail"))
	s.row(leaseOf("192.0.2.2", "b", "pc"))
	s.dns.Delete(t, mx)
	s.eventually(both("pc.lab.example.", "192.0.2.2")...)
}

func TestBadDynamic(t *testing.T) {
	for text, want := range map[string]string{
		`{"conflict_policy": "mine"}`:                                       "DhcpDdns/dynamic_dns/conflict_policy: ",
		`{"ttl": 100000}`:                                                   "DhcpDdns/dynamic_dns/ttl: ",
		`{"hostname_source": ["dns"]}`:                                      "DhcpDdns/dynamic_dns/hostname_source[0]: ",
		`{"domain": "a..b"}`:                                                "DhcpDdns/dynamic_dns/domain: ",
		`{"reverse_zones": ["x..y"]}`:                                       "DhcpDdns/dynamic_dns/reverse_zones[0]: ",
		`{"update_servers": [{"ip_address": "ns.lab"}]}`:                    "DhcpDdns/dynamic_dns/update_servers[0]/ip_address: ",
		`{"update_servers": [{"ip_address": "::1", "key_name": "nosuch"}]}`: "DhcpDdns/dynamic_dns/update_servers[0]/key_name: unknown TSIG key",
	} {
		s := newSite(t)
		s.doc[name]["dynamic_dns"] = parse(t, `{"x": {"dynamic_dns": `+text+`}}`)["x"]["dynamic_dns"]
		var spec *schema.Module = Descriptor(s.deps().Paths).Spec
		errs := schema.Validate(spec, s.doc[name])
		if len(errs) == 0 {
			errs = Descriptor(s.deps().Paths).Check(s.doc)
		}
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), strings.TrimPrefix(strings.TrimSuffix(want, ": "), "DhcpDdns/")) {
			t.Errorf("%s: %v, want %s", text, errs, want)
		}
	}
}
