package test

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestAuthItems changes what bundy-auth does for whom at run time, rule by rule, and looks at its answers, counters and
// tools.
func TestAuthItems(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "grouped")
	s.loadZones()
	s.start()
	s.script(s.dnsScript() + "config commit\n")
	eventually(t, 10*time.Second, "the zone is answered", func() bool { return s.lookup("ns.lab.example") == "192.0.2.1" })

	for _, c := range []struct {
		what, script string
		ask          []string
		want         string
	}{
		{"a cookie", "", []string{"ns.lab.example", "A"}, "(good)"},
		{"the size of datagrams", "", []string{"ns.lab.example", "A"}, "udp: 1232"},
		{"a rule is added", `config set Auth/query_acl[0]/action REJECT
			config set Auth/query_acl[0]/from ["127.0.0.0/8", "::1"]
			config add Auth/query_acl {"action": "ACCEPT"}`, []string{"ns.lab.example", "A"}, "REFUSED"},
		{"its reason", "", []string{"ns.lab.example", "A"}, "EDE: 18 (Prohibited)"},
		{"one address less in it", `config remove Auth/query_acl[0]/from 127.0.0.0/8`, []string{"ns.lab.example", "A"}, "192.0.2.1"},
		{"another rule before the last", `config set Auth/query_acl[1]/action REJECT
			config add Auth/query_acl {"action": "ACCEPT", "from": "127.0.0.0/8"}`, []string{"ns.lab.example", "A"}, "REFUSED"},
		{"a rule in front of all", `config insert Auth/query_acl[0] {"action": "ACCEPT", "from": ["127.0.0.0/8"]}`, []string{"ns.lab.example", "A"}, "192.0.2.1"},
		{"three rules removed", "config remove Auth/query_acl[2]\nconfig remove Auth/query_acl[1]\nconfig remove Auth/query_acl[0]", []string{"ns.lab.example", "A"}, "192.0.2.1"},
		{"the version", "", []string{"version.bind", "TXT", "CH"}, `"Bundy `},
		{"no version", "config set Auth/version none", []string{"version.bind", "TXT", "CH"}, "REFUSED"},
		{"an identity", "config set Auth/server_id ns-7", []string{"id.server", "TXT", "CH"}, `"ns-7"`},
		{"NSID", "", []string{"+nsid", "ns.lab.example", "A"}, `("ns-7")`},
		{"keepalive", "", []string{"+tcp", "+keepalive", "ns.lab.example", "A"}, "TCP KEEPALIVE: 30.0 secs"},
		{"limits of rates", `config set Auth/rate_limit/responses_per_second 1
			config set Auth/rate_limit/slip 1
			config set Auth/answer_cookie false`, []string{"ns.lab.example", "A"}, "192.0.2.1"},
	} {
		if c.script != "" {
			s.script(strings.ReplaceAll(c.script, "\t", "") + "\nconfig commit\n")
		}
		if out := s.digAll(c.ask...); !strings.Contains(out, c.want) {
			t.Errorf("%s: dig %v does not say %q:\n%s", c.what, c.ask, c.want, out)
		}
	}
	if out := s.digAll("+ignore", "ns.lab.example", "A") + s.digAll("+ignore", "ns.lab.example", "A"); !strings.Contains(out, " tc") {
		t.Errorf("no answer was truncated:\n%s", out)
	}
	out := s.ctl("Auth", "getstats")
	for _, want := range []string{`"zone_queries"`, `"lab.example."`, `"ratetruncated"`, `"aclrejected"`} {
		if !strings.Contains(out, want) {
			t.Errorf("getstats does not have %s: %s", want, out)
		}
	}
	if out := s.tryScript("Auth loadzone origin=\"lab.example\", class=\"IN\", datasrc=\"memory\"\n"); strings.Contains(strings.ToLower(out), "error") { // as the guide has it
		t.Errorf("loadzone: %s", out)
	}
	if out := s.tryScript("config set Auth/query_acl [{\"action\": \"ALLOW\"}]\nconfig commit\n"); !strings.Contains(out, "Auth/query_acl[0]/action: want ACCEPT, REJECT or DROP") {
		t.Errorf("a bad rule: %s", out)
	}
}

// digAll gives all that dig says.
func (s *suite) digAll(args ...string) string {
	s.t.Helper()
	out, err := exec.Command("dig", append([]string{"+time=2", "+tries=2", "@" + s.address.String(), "-p", itoa(s.dns)}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("dig %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestLoadzoneTools: bundy-loadzone tells the running server and writes zones, with nothing but the data path.
func TestLoadzoneTools(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "single")
	s.loadZones()
	tool := func(args ...string) string {
		t.Helper()
		out, err := s.program("bundy-loadzone", append([]string{"-p", s.dir, "-i", "0"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("bundy-loadzone %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	file := s.write("zone", "$TTL 60\n@ SOA ns h 5 2 3 4 5\n@ NS ns\nns A 192.0.2.5\n")
	if out := tool("--notify", "lab.example", file); !strings.Contains(out, "LOADZONE_NOTIFY_ERROR") {
		t.Errorf("without a server: %s", out)
	}
	s.start()
	s.script(s.dnsScript() + "config commit\n")
	eventually(t, 10*time.Second, "the zone is answered", func() bool { return s.lookup("ns.lab.example") == "192.0.2.5" })
	file = s.write("zone", "$TTL 60\n@ SOA ns h 6 2 3 4 5\n@ NS ns\nns A 192.0.2.6\n")
	if out := tool("--notify", "lab.example", file); !strings.Contains(out, "LOADZONE_NOTIFIED") {
		t.Errorf("with a server: %s", out)
	}
	eventually(t, 5*time.Second, "the new zone is answered", func() bool { return s.lookup("ns.lab.example") == "192.0.2.6" })
	if out := tool("--export", "lab.example"); !strings.Contains(out, "lab.example. 60 IN SOA ns.lab.example. h.lab.example. 6 2 3 4 5\n") {
		t.Errorf("exported: %s", out)
	}
}
