package shell

import (
	"slices"
	"strings"
	"testing"
)

// TestStatements types the statements of the plan for names from leases. They wait locally until they are committed.
func TestStatements(t *testing.T) {
	s, f, out := newShell(t)
	transcript(t, s, out, `
> set system services dhcp-local-server dynamic-dns enable
> set system services dhcp-local-server dynamic-dns domain lab.example.net
> set system services dhcp-local-server dynamic-dns forward-zone lab.example.net
> set system services dhcp-local-server dynamic-dns forward-zone lab.example.net
> set system services dhcp-local-server dynamic-dns forward-zone guest.example.net
> set system services dhcp-local-server dynamic-dns reverse-zone 80.16.172.in-addr.arpa
> set system services dhcp-local-server dynamic-dns ttl 300
> set system services dhcp-local-server dynamic-dns hostname-source client-hostname
> set system services dhcp-local-server dynamic-dns conflict-policy replace-owned
> set system services dhcp-local-server dynamic-dns update-server 192.0.2.53 key ddns.key
> set system services dhcp-local-server dynamic-dns update-server 192.0.2.54 port 5353
> show configuration system services
set system services dhcp-local-server dynamic-dns enable
set system services dhcp-local-server dynamic-dns domain lab.example.net
set system services dhcp-local-server dynamic-dns forward-zone lab.example.net
set system services dhcp-local-server dynamic-dns forward-zone guest.example.net
set system services dhcp-local-server dynamic-dns reverse-zone 80.16.172.in-addr.arpa
set system services dhcp-local-server dynamic-dns ttl 300
set system services dhcp-local-server dynamic-dns hostname-source client-hostname
set system services dhcp-local-server dynamic-dns conflict-policy replace-owned
set system services dhcp-local-server dynamic-dns update-server 192.0.2.53 key ddns.key
set system services dhcp-local-server dynamic-dns update-server 192.0.2.54 port 5353
> config show_json DhcpDdns/dynamic_dns/update_servers
[{"ip_address": "192.0.2.53", "key_name": "ddns.key"}, {"ip_address": "192.0.2.54", "port": 5353}]
`)
	if len(f.posted) != 0 {
		t.Errorf("sent before commit: %q", f.posted)
	}
	transcript(t, s, out, `
> commit
> config diff
{}
> delete system services dhcp-local-server dynamic-dns forward-zone guest.example.net
> delete system services dhcp-local-server dynamic-dns update-server 192.0.2.53
> delete system services dhcp-local-server dynamic-dns enable
> delete system services dhcp-local-server dynamic-dns ttl
> set system services dhcp-local-server dynamic-dns hostname-source [ fqdn client-hostname mac-fallback ]
> commit
> show configuration
set system services dhcp-local-server dynamic-dns domain lab.example.net
set system services dhcp-local-server dynamic-dns forward-zone lab.example.net
set system services dhcp-local-server dynamic-dns reverse-zone 80.16.172.in-addr.arpa
set system services dhcp-local-server dynamic-dns hostname-source fqdn client-hostname mac-fallback
set system services dhcp-local-server dynamic-dns conflict-policy replace-owned
set system services dhcp-local-server dynamic-dns update-server 192.0.2.54 port 5353
> delete system services dhcp-local-server dynamic-dns
> commit
> show configuration
> show system services dhcp-server dynamic-dns
enabled              true
forward-zones        ["lab.example.net."]
last-error           
pending-retries      2
> show dhcp-server detail
192.0.2.1  client 02:00  expires never
    Name:      pc.lab.example.net.
    State:     refused (forward): it is somebody else's?[2J
    Source:    fqdn
    Refused:   fqdn wpad: no
    Subnet:    192.0.2.0/24
1 of 1 leases shown
`)
}

func TestBadStatements(t *testing.T) {
	s, _, out := newShell(t)
	transcript(t, s, out, `
> set system services dhcp-local-server dynamic-dns ttl soon
Error: set system services dhcp-local-server dynamic-dns: ttl: "soon" is no whole number
> set system services dhcp-local-server dynamic-dns ttl
Error: set system services dhcp-local-server dynamic-dns: ttl: a value is missing
> set system services dhcp-local-server dynamic-dns domain a b
Error: set system services dhcp-local-server dynamic-dns: domain: "b" is one word too many
> set system services dhcp-local-server dynamic-dns enable now
Error: set system services dhcp-local-server dynamic-dns: enable: "now" is one word too many
> set system services dhcp-local-server dynamic-dns conflict-policy mine
Error: set system services dhcp-local-server dynamic-dns: conflict-policy: "mine" is none of check-with-dhcid, replace-owned, skip-existing, strict-fail
> set system services dhcp-local-server dynamic-dns hostname-source fqdn dns
Error: set system services dhcp-local-server dynamic-dns: hostname-source: "dns" is none of fqdn, client-hostname, client-id, mac-fallback, address
> set system services dhcp-local-server dynamic-dns update-server 192.0.2.1 port 0
Error: set system services dhcp-local-server dynamic-dns: update-server: port: "0" is no port
> set system services dhcp-local-server dynamic-dns update-server 192.0.2.1 key
Error: set system services dhcp-local-server dynamic-dns: update-server: key: a value is missing
> set system services dhcp-local-server dynamic-dns fly
Error: set system services dhcp-local-server dynamic-dns: unknown statement "fly"
> set system services ntp server 192.0.2.1
Error: set system services ntp server 192.0.2.1: unknown statement; known are those of system services dhcp-local-server dynamic-dns
> delete system services dhcp-local-server dynamic-dns forward-zone none.test
Error: delete system services dhcp-local-server dynamic-dns: forward-zone: "none.test" is not there
> show configuration interfaces
Error: show configuration interfaces: unknown; known is system services dhcp-local-server dynamic-dns
> config diff
{}
`)
}

func TestStatementsComplete(t *testing.T) {
	s, _, _ := newShell(t)
	for line, want := range map[string]string{
		"set sys": "set system ",
		"set system services dhcp-local-server dynamic-dns for":                  "set system services dhcp-local-server dynamic-dns forward-zone ",
		"delete system services dhcp-local-server dynamic-dns conflict-policy r": "delete system services dhcp-local-server dynamic-dns conflict-policy replace-owned ",
		"show dhcp-server d":                   "show dhcp-server detail ",
		"show system services dhcp-server dyn": "show system services dhcp-server dynamic-dns ",
	} {
		if got := s.complete(line); !slices.Equal(got, []string{want}) {
			t.Errorf("%q: %q", line, got)
		}
	}
	if got := strings.Join(s.complete("s"), ","); !strings.Contains(got, "set ") || !strings.Contains(got, "show ") {
		t.Errorf("first words: %s", got)
	}
}
