package test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// guidePages is the order in which the guide's contents page lists its pages, and a new operator reads them.
func guidePages(t *testing.T) []string {
	t.Helper()
	contents, err := os.ReadFile("../docs/guide/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for _, m := range regexp.MustCompile(`\]\((\w+\.md)\)`).FindAllStringSubmatch(string(contents), -1) {
		pages = append(pages, m[1])
	}
	if len(pages) < 6 {
		t.Fatalf("the contents page lists %v", pages)
	}
	return pages
}

// TestGuide types what the guide for operators shows behind "> ", in the order of its pages, into one suite. Only files
// and the ports of services are replaced, by ones of this test. At the end the suite that the guide built serves.
func TestGuide(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "single")
	s.start()
	zone := "$TTL 300\n@ SOA ns hostmaster 1 3600 900 604800 60\n@ NS ns\nns A 192.0.2.1\n"
	for _, name := range []string{"example.org", "lab.example", "2.0.192.in-addr.arpa"} {
		if out, err := s.loadzone(name, s.write(name+".zone", zone)); err != nil {
			t.Fatalf("bundy-loadzone %s: %v\n%s", name, err, out)
		}
	}
	own := strings.NewReplacer(
		"/etc/zones/example.net", s.write("example.net", zone),
		"/var/log/", s.dir+"/",
		"/root/", s.dir+"/",
	)
	s.write("bundy.ctl", "# a script\n!echo hello\nconfig show Auth\n")
	// Services keep to loopback and to free ports; the rest is as the guide says.
	s.script(fmt.Sprintf(`config set Auth/listen_on [{"address": "%[1]s", "port": %[2]d}]
config set Dhcp4/interfaces ["lo"]
config set Dhcp4/server-port %[3]d
config set Dhcp6/interfaces ["lo"]
config set Dhcp6/server-port %[3]d
config set DhcpDdns/port %[4]d
config set Dhcp4/dhcp-ddns/server-port %[4]d
config commit
`, s.address, s.dns, s.dhcp, freePort(t, netip.MustParseAddr("127.0.0.1"))))
	commands := 0
	for _, page := range guidePages(t) {
		text, err := os.ReadFile(filepath.Join("../docs/guide", page))
		if err != nil {
			t.Fatal(err)
		}
		var script strings.Builder
		for line := range strings.Lines(string(text)) {
			if command, ok := strings.CutPrefix(line, "    > "); ok {
				script.WriteString(own.Replace(command))
				commands++
			}
		}
		script.WriteString("config diff\n") // everything that a page changes it commits
		out := s.tryScript(script.String())
		if strings.Contains(strings.ReplaceAll(strings.ToLower(out), "last-error", ""), "error") || !strings.HasSuffix(out, "{}\n\nExit from bundyctl\n") {
			t.Fatalf("%s: typed\n%s\ngot\n%s", page, script.String(), out)
		}
	}
	if commands < 40 {
		t.Errorf("only %d commands found in the guide", commands)
	}
	for _, name := range []string{"ns.example.org", "ns.example.net", "ns.lab.example"} {
		eventually(t, 5*time.Second, name+" is served", func() bool { return s.lookup(name) == "192.0.2.1" })
	}
	processes := s.ctl("Init", "show_processes")
	for _, module := range []string{"Auth", "DDNS", "Dhcp4", "Dhcp6", "DhcpDdns", "Cmdctl", "Stats"} {
		if !strings.Contains(processes, `"`+module+`"`) {
			t.Errorf("%s does not run: %s", module, processes)
		}
	}
	s.ctl("Auth", "loadzone", "example.org")
	eventually(t, 5*time.Second, "the log file of the guide is there", func() bool {
		text, err := os.ReadFile(filepath.Join(s.dir, "bundy-auth.log"))
		return err == nil && len(text) > 0
	})
}
