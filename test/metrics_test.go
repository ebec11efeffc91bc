package test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestMetrics scrapes the statistics of a whole suite, and moves them to another port.
func TestMetrics(t *testing.T) {
	t.Parallel()
	placements(t, func(t *testing.T, s *suite) {
		s.loadZones()
		s.start()
		loopback := netip.MustParseAddr("127.0.0.1")
		port := freePort(t, loopback)
		s.script(s.dnsScript() + s.dhcpScript() + fmt.Sprintf(`
config set StatsHttpd/listen_on [{"address": "127.0.0.1", "port": %d}]
config add Init/components bundy-stats-httpd
config set Init/components/bundy-stats-httpd/kind dispensable
config commit
`, port))
		newClient(t, s, 1, "laptop").lease()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // an open connection is served on
		scrape := func(port uint16) string {
			reply, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", port))
			if err != nil {
				return ""
			}
			defer reply.Body.Close()
			text, err := io.ReadAll(reply.Body)
			if err != nil || reply.StatusCode != http.StatusOK {
				return ""
			}
			return string(text)
		}
		eventually(t, 10*time.Second, "the update of a name is counted", func() bool {
			text := scrape(port)
			return strings.Contains(text, "dhcp_ddns_updates_total{") && strings.Contains(text, "bundy_auth_") && !strings.Contains(text, "laptop") &&
				metric(text, "dhcp_ddns_updates_total{", `"A"`) >= 1
		})
		next := freePort(t, loopback)
		s.script(fmt.Sprintf("config set StatsHttpd/listen_on[0]/port %d\nconfig commit\n", next))
		eventually(t, 10*time.Second, "the other port answers alone", func() bool { return scrape(next) != "" && scrape(port) == "" })
	})
}

// metric sums the samples whose line begins and goes on so.
func metric(text, prefix, part string) (sum float64) {
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, prefix) && strings.Contains(line, part) {
			var v float64
			if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &v); err == nil {
				sum += v
			}
		}
	}
	return sum
}
