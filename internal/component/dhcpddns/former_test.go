package dhcpddns

import (
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/naming/policy"
)

// TestNamesGoWithTheirConfiguration: when a zone, or all that names leases, is taken out of the configuration, so are the
// names that we made by it, with the server and the key that they were made with.
func TestNamesGoWithTheirConfiguration(t *testing.T) {
	server := func(s *site) []any {
		return []any{map[string]any{"ip_address": s.dns.Address().Addr().String(), "port": int64(s.dns.Address().Port())}}
	}
	whole := func(s *site) map[string]any {
		return map[string]any{"enabled": true, "domain": "lab.example", "update_servers": server(s), "reverse_zones": []any{"2.0.192.in-addr.arpa"}}
	}
	all := append(both("pc.lab.example.", "192.0.2.1"), both("box.lab.example.", "192.0.2.2")...)
	for what, c := range map[string]struct {
		without func(section map[string]any)
		left    []string
	}{
		"the whole section": {func(section map[string]any) { delete(section, "dynamic_dns") }, nil},
		"the reverse zone":  {func(section map[string]any) { section["dynamic_dns"].(map[string]any)["reverse_zones"] = []any{} }, all},
		"all zones for names": {func(section map[string]any) {
			section["dynamic_dns"] = map[string]any{"enabled": true, "domain": "", "update_servers": section["dynamic_dns"].(map[string]any)["update_servers"]}
		}, nil},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			delete(s.doc[name], "forward_ddns")
			delete(s.doc[name], "reverse_ddns")
			s.doc[name]["dynamic_dns"] = whole(s)
			s.doc[dhcp4Name] = map[string]any{"subnet4": []any{map[string]any{"subnet": "192.0.2.0/25"}}}
			for i, host := range []string{"pc", "box"} {
				l := leaseOf([]string{"192.0.2.1", "192.0.2.2"}[i], host[:1], "")
				l.UserContext = policy.Said{Host: host}.UserContext()
				s.row(l)
			}
			s.marks = false
			s.start()
			s.eventually(all...)
			c.without(s.doc[name])
			s.apply()
			s.eventually(c.left...)
			s.doc[name]["dynamic_dns"] = whole(s)
			s.apply()
			s.eventually(all...)
		})
	}
}

// TestNamesGoWithTheirDomain is the same for the lists of domains; the server refuses at first.
func TestNamesGoWithTheirDomain(t *testing.T) {
	s := newSite(t)
	s.row(leaseOf("192.0.2.1", "a", "pc.lab.example."))
	s.start()
	s.eventually(both("pc.lab.example.", "192.0.2.1")...)
	lists := map[string]any{}
	for _, direction := range []string{"forward_ddns", "reverse_ddns"} {
		lists[direction] = s.doc[name][direction]
	}
	s.dns.SetRefuse(wire.RcodeServFail)
	delete(s.doc[name], "forward_ddns") // then addresses alone are named, as the guide of the original says
	s.apply()
	for s.c.counters.families[0].failures.Load() == 0 {
		s.dns.Updates()
	}
	s.dns.SetRefuse(0)
	s.eventually(reverse("pc.lab.example.", "192.0.2.1"))
	delete(s.doc[name], "reverse_ddns")
	s.apply()
	s.eventually()
	s.ask(func(e *engine) bool { e.forgetFormer(); return len(e.former) == 0 })
	s.doc[name]["forward_ddns"], s.doc[name]["reverse_ddns"] = lists["forward_ddns"], lists["reverse_ddns"]
	s.apply()
	s.eventually(both("pc.lab.example.", "192.0.2.1")...)
}
