package shell

import "testing"

// TestExampleNetworkOfTheGuide types the example of the guide's chapter on the DHCP-DDNS server, with the address
// "3001:1::50:" of its text put right, and its other examples.
func TestExampleNetworkOfTheGuide(t *testing.T) {
	s, f, out := newShell(t)
	transcript(t, s, out, `
> config show DhcpDdns/tsig_keys
DhcpDdns/tsig_keys	[]	list	(default)
> config add DhcpDdns/tsig_keys
> config show DhcpDdns/tsig_keys[0]
DhcpDdns/tsig_keys[0]/name	""	string	(default)
DhcpDdns/tsig_keys[0]/algorithm	"hmac_md5"	string	(modified)
DhcpDdns/tsig_keys[0]/secret	""	string	(default)
> config set DhcpDdns/tsig_keys[0]/name "key1.example.com"
> config set DhcpDdns/tsig_keys[0]/secret "123456789"
> config commit
> config show DhcpDdns/forward_ddns/
DhcpDdns/forward_ddns/ddns_domains	[]	list	(default)
> config add DhcpDdns/forward_ddns/ddns_domains
> config set DhcpDdns/forward_ddns/ddns_domains[0]/name "four.example.com."
> config add DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers
> config set DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[0]/ip_address "172.16.1.5"
> config add DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers
> config set DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[1]/ip_address "172.16.2.5"
> config add DhcpDdns/forward_ddns/ddns_domains
> config set DhcpDdns/forward_ddns/ddns_domains[1]/name "six.example.com."
> config add DhcpDdns/forward_ddns/ddns_domains[1]/dns_servers
> config set DhcpDdns/forward_ddns/ddns_domains[1]/dns_servers[0]/ip_address "3001:1::50"
> config add DhcpDdns/forward_ddns/ddns_domains
> config set DhcpDdns/forward_ddns/ddns_domains[2]/name "example.com."
> config add DhcpDdns/forward_ddns/ddns_domains[2]/dns_servers
> config set DhcpDdns/forward_ddns/ddns_domains[2]/dns_servers[0]/ip_address "172.16.2.5"
> config commit
> config show_json DhcpDdns/forward_ddns/ddns_domains[0]
{"dns_servers": [{"ip_address": "172.16.1.5"}, {"ip_address": "172.16.2.5"}], "name": "four.example.com."}
> config diff
{}
`)
	if len(f.posted) != 2 {
		t.Errorf("posted %q", f.posted)
	}
}
