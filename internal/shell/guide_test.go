package shell

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The examples of the administrator's guide, as typed there. Where the guide prints values, the built-in defaults are
// those of today.
func TestGuide(t *testing.T) {
	for chapter, text := range map[string]string{
		"3.1 quick start": `
> config add Init/components bundy-auth
> config set Init/components/bundy-auth/special auth
> config set Init/components/bundy-auth/kind needed
> config diff
{'Init': {'components': {'bundy-auth': {'kind': 'needed', 'special': 'auth'}, 'bundy-cmdctl': {'kind': 'needed', 'special': 'cmdctl'}, 'bundy-stats': {'address': 'Stats', 'kind': 'dispensable'}}}}
> config commit
> config diff
{}
> config show Init/components/bundy-auth
Init/components/bundy-auth/special	"auth"	string	
Init/components/bundy-auth/process	null	string	
Init/components/bundy-auth/kind	"needed"	string	
Init/components/bundy-auth/address	null	string	
Init/components/bundy-auth/params	[]	list	(default)
Init/components/bundy-auth/priority	null	integer	
`,
		"7.4 and 7.5 help": `
> Init shutdown help
Command  shutdown 	(Shut down Bundy)
		help (Get help for command)
This command has no parameters
> Init help
Module  Init 	Master process
Available commands:
    help        Get help for module.
    shutdown    Shut down Bundy
    ping        Ping the Init process
    show_processes
            List the running Bundy processes
> Auth loadzone help
Command  loadzone 	((Re)load a specified zone)
		help (Get help for command)
Parameters:
    class (string, optional)
    origin (string, mandatory)
`,
		"7.6 arguments": `
> Auth loadzone IN example.com.
> Auth loadzone example.com.
> Auth loadzone origin="example.com." class="IN"
> Init ping
"pong"
`,
		"7.8 configuration commands": `
> config set Auth/tcp_recv_timeout 3000
> config show Auth/tcp_recv_timeout
Auth/tcp_recv_timeout	3000	integer	(modified)
> config show Auth/listen_on[1]/port
Auth/listen_on[1]/port	53	integer	(default)
> config set Logging { "loggers": [] }
> config show Logging
Logging/loggers	[]	list	(modified)
> config revert
> config add Init/components example_module
> config show Init/components/example_module
Init/components/example_module/special	null	string	
Init/components/example_module/process	null	string	
Init/components/example_module/kind	"dispensable"	string	(default)
Init/components/example_module/address	null	string	
Init/components/example_module/params	[]	list	(default)
Init/components/example_module/priority	null	integer	
> config remove Init/components example_module
`,
		"8.1 keys": `
> config add tsig_keys/keys "example.key.:c2VjcmV0"
> config show tsig_keys/keys
tsig_keys/keys[0]	"example.key.:c2VjcmV0"	string	(modified)
> config commit
> config show tsig_keys/keys
tsig_keys/keys[0]	"example.key.:c2VjcmV0"	string	
`,
		"8.2 access lists": `
> config add Resolver/query_acl
> config set Resolver/query_acl[0] { "from": [ "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7" ], "action": "ACCEPT" }
> config show_json Resolver/query_acl[0]
{"action": "ACCEPT", "from": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]}
> config set Resolver/query_acl[0]/action REJECT
> config add Resolver/query_acl[0]/from 192.0.2.0/24
> config remove Resolver/query_acl[0]/from[0]
> config show Resolver/query_acl[0]/from[3]
Resolver/query_acl[0]/from[3]	"192.0.2.0/24"	any	(modified)
> config show Resolver/query_acl[0]
Resolver/query_acl[0]	{"action": "REJECT", "from": ["172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "192.0.2.0/24"]}	any	(modified)
`,
		"10.2 data sources": `
> config remove data_sources/classes CH
> config commit
> config set data_sources/classes/IN[0]/cache-enable true
> config add data_sources/classes/IN[0]/cache-zones example.org.
> config add data_sources/classes/IN[0]/cache-zones example.net.
> config commit
> config add data_sources/classes/IN
> config set data_sources/classes/IN[1]/type MasterFiles
> config set data_sources/classes/IN[1]/cache-enable true
> config set data_sources/classes/IN[1]/params { "example.org": "/path/to/example.org", "example.com": "/path/to/example.com" }
> config commit
> config set data_sources/classes/IN[1]/params {}
> config add data_sources/classes/IN[1]/params another.example.org /path/to/another.example.org
> config add data_sources/classes/IN[1]/params another.example.com /path/to/another.example.com
> config remove data_sources/classes/IN[1]/params another.example.org
> config commit
> config add data_sources/classes CH
> config commit
> config add data_sources/classes/CH
> config set data_sources/classes/CH[0]/type MasterFiles
> config set data_sources/classes/CH[0]/cache-enable true
> config set data_sources/classes/CH[0]/params {"Bundy": "/usr/local/bundy/share/bundy/static.zone"}
> config commit
> config show_json data_sources/classes
{"CH": [{"cache-enable": true, "params": {"Bundy": "/usr/local/bundy/share/bundy/static.zone"}, "type": "MasterFiles"}], "IN": [{"cache-enable": true, "cache-zones": ["example.org.", "example.net."], "params": {"database_file": "/tmp/zone.sqlite3"}, "type": "sqlite3"}, {"cache-enable": true, "params": {"another.example.com": "/path/to/another.example.com"}, "type": "MasterFiles"}]}
`,
		"11.5 transfers": `
> config add Xfrin/zones
> config set Xfrin/zones[0]/name "example.com"
> config set Xfrin/zones[0]/master_addr "2001:db8::53"
> config commit
> Xfrin retransfer zone_name="foo.example.org" master=192.0.2.99
`,
		"13 dynamic update": `
> config add Init/components bundy-ddns
> config set Init/components/bundy-ddns/address DDNS
> config set Init/components/bundy-ddns/kind dispensable
> config add DDNS/zones
> config set DDNS/zones[0]/origin example.org
> config add DDNS/zones[0]/update_acl {"action": "ACCEPT", "key": "key.example.org"}
> config commit
> config show all DDNS
DDNS/zones[0]/origin	"example.org"	string	
DDNS/zones[0]/class	"IN"	string	
DDNS/zones[0]/update_acl[0]	{"action": "ACCEPT", "key": "key.example.org"}	any	
`,
		"14 resolver": `
> config add Resolver/listen_on
> config set Resolver/listen_on[2]/address "192.168.1.1"
> config set Resolver/listen_on[2]/port 53
> config commit
> config show Resolver/query_acl
Resolver/query_acl[0]	{"action": "ACCEPT", "from": "127.0.0.1"}	any	(default)
Resolver/query_acl[1]	{"action": "ACCEPT", "from": "::1"}	any	(default)
> config add Resolver/query_acl
> config set Resolver/query_acl[2] {"action": "ACCEPT", "from": "192.0.2.0/24"}
> config add Resolver/query_acl
> config show Resolver/query_acl
Resolver/query_acl[0]	{"action": "ACCEPT", "from": "127.0.0.1"}	any	(modified)
Resolver/query_acl[1]	{"action": "ACCEPT", "from": "::1"}	any	(modified)
Resolver/query_acl[2]	{"action": "ACCEPT", "from": "192.0.2.0/24"}	any	(modified)
Resolver/query_acl[3]	{"action": "REJECT"}	any	(modified)
> config commit
> config set Resolver/forward_addresses [{ "address": "192.168.1.1", "port": 53 }]
> config commit
> config set Resolver/forward_addresses []
> config commit
`,
		"16.2 DHCPv4": `
> config set Dhcp4/valid-lifetime 7200
> config commit
> config show Dhcp4/valid-lifetime
Dhcp4/valid-lifetime	7200	integer	
> config set Dhcp4/lease-database/type "memfile"
> config set Dhcp4/lease-database/persist true
> config set Dhcp4/lease-database/name "/tmp/kea-leases4.csv"
> config diff
{'Dhcp4': {'lease-database': {'name': '/tmp/kea-leases4.csv', 'persist': True, 'type': 'memfile'}}}
> config commit
> config show Dhcp4/interfaces
Dhcp4/interfaces[0]	"*"	string	(default)
> config set Dhcp4/interfaces[0] eth1
> config commit
> config add Dhcp4/interfaces eth2
> config commit
> config add Dhcp4/interfaces *
> config commit
> config show Dhcp4/interfaces
Dhcp4/interfaces[0]	"eth1"	string	
Dhcp4/interfaces[1]	"eth2"	string	
Dhcp4/interfaces[2]	"*"	string	
> config remove Dhcp4/interfaces[2]
> config commit
> config add Dhcp4/subnet4
> config set Dhcp4/subnet4[0]/subnet "192.0.2.0/24"
> config set Dhcp4/subnet4[0]/id 1024
> config set Dhcp4/subnet4[0]/pool [ "192.0.2.10 - 192.0.2.20" ]
> config commit
> config set Dhcp4/subnet4[0]/pool [ "192.0.2.10-192.0.2.20", "192.0.2.64/26" ]
> config add Dhcp4/subnet4
> config set Dhcp4/subnet4[1]/subnet "192.0.3.0/24"
> config set Dhcp4/subnet4[1]/relay/ip-address "10.0.0.1"
> config add Dhcp4/subnet4[0]/option-data
> config set Dhcp4/subnet4[0]/option-data[0]/name "domain-name-servers"
> config set Dhcp4/subnet4[0]/option-data[0]/code 6
> config set Dhcp4/subnet4[0]/option-data[0]/csv-format true
> config set Dhcp4/subnet4[0]/option-data[0]/data "192.0.2.3, 192.0.2.4"
> config commit
> config show_json Dhcp4/subnet4
[{"id": 1024, "option-data": [{"code": 6, "csv-format": true, "data": "192.0.2.3, 192.0.2.4", "name": "domain-name-servers"}], "pool": ["192.0.2.10-192.0.2.20", "192.0.2.64/26"], "subnet": "192.0.2.0/24"}, {"relay": {"ip-address": "10.0.0.1"}, "subnet": "192.0.3.0/24"}]
> config show Dhcp4/subnet4[1]
Dhcp4/subnet4[1]/subnet	"192.0.3.0/24"	string	
Dhcp4/subnet4[1]/id	0	integer	(default)
Dhcp4/subnet4[1]/next-server	"0.0.0.0"	string	(default)
Dhcp4/subnet4[1]/pool	[]	list	(default)
Dhcp4/subnet4[1]/client-class	""	string	(default)
Dhcp4/subnet4[1]/relay/ip-address	"10.0.0.1"	string	
Dhcp4/subnet4[1]/option-data	[]	list	(default)
> config set Dhcp4/dhcp-ddns/enable-updates true
> config commit
> config set Dhcp4/dhcp-ddns/server-ip "198.162.1.10"
> config set Dhcp4/dhcp-ddns/server-port 900
> config show Dhcp4/dhcp-ddns
Dhcp4/dhcp-ddns/enable-updates	true	boolean	
Dhcp4/dhcp-ddns/server-ip	"198.162.1.10"	string	(modified)
Dhcp4/dhcp-ddns/server-port	900	integer	(modified)
Dhcp4/dhcp-ddns/ncr-protocol	"UDP"	string	(default)
...
> config commit
> config set Dhcp4/next-server "192.0.2.123"
> config commit
> Dhcp4 shutdown
> add Dhcp4/option-def
> set Dhcp4/option-def[0]/name "container"
> set Dhcp4/option-def[0]/code 222
> set Dhcp4/option-def[0]/record-types ""
> commit
> config show Dhcp4
Dhcp4/interfaces/	list	
Dhcp4/renew-timer	1000	integer	(default)
Dhcp4/valid-lifetime	7200	integer	
Dhcp4/next-server	"192.0.2.123"	string	
Dhcp4/echo-client-id	true	boolean	(default)
Dhcp4/option-def/	list	
Dhcp4/option-data	[]	list	(default)
Dhcp4/lease-database/type	"memfile"	string	
Dhcp4/lease-database/name	"/tmp/kea-leases4.csv"	string	
Dhcp4/lease-database/persist	true	boolean	
Dhcp4/subnet4/	list	
...
`,
		"16.4 and 16.5: mistakes of the guide": `
> config add Dhcp4/next-server
Error: Dhcp4/next-server is not a list or a named set
> config add Dhcp4/subnet[0]/next-server
Error: Dhcp4/subnet not found
> config set Dhcp4/echo-client-id False
Error!  False is not a boolean (string was passed)
> config set Dhcp4/echo-client-id false
`,
		"18.2 DHCP-DDNS": `
> config set DhcpDdns/ip_address "192.168.1.10"
> config set DhcpDdns/port 900
> config commit
> config show DhcpDdns/tsig_keys
DhcpDdns/tsig_keys	[]	list	(default)
> config add DhcpDdns/tsig_keys
> config show DhcpDdns/tsig_keys[0]
DhcpDdns/tsig_keys[0]/name	""	string	(default)
DhcpDdns/tsig_keys[0]/algorithm	"hmac_md5"	string	(modified)
DhcpDdns/tsig_keys[0]/secret	""	string	(default)
> config set DhcpDdns/tsig_keys[0]/name "key1.example.com"
> config set DhcpDdns/tsig_keys[0]/secret "123456789"
> config show DhcpDdns/tsig_keys[0]/secret
DhcpDdns/tsig_keys[0]/secret	"123456789"	string	(modified)
> config show DhcpDdns/forward_ddns/
DhcpDdns/forward_ddns/ddns_domains	[]	list	(default)
> config add DhcpDdns/forward_ddns/ddns_domains
> config set DhcpDdns/forward_ddns/ddns_domains[0]/name "four.example.com."
> config add DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers
> config show DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[0]
DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[0]/hostname	""	string	(default)
DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[0]/ip_address	""	string	(default)
DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[0]/port	53	integer	(default)
> config set DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[0]/ip_address "172.16.1.5"
> config add DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers
> config set DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[1]/ip_address "172.16.2.5"
> config add DhcpDdns/forward_ddns/ddns_domains
> config set DhcpDdns/forward_ddns/ddns_domains[1]/name "six.example.com."
> config commit
> config show_json DhcpDdns/forward_ddns
{"ddns_domains": [{"dns_servers": [{"ip_address": "172.16.1.5"}, {"ip_address": "172.16.2.5"}], "name": "four.example.com."}, {"name": "six.example.com."}]}
`,
		"20.1 logging": `
> config show Logging
Logging/loggers	[]	list	(default)
> config add Logging/loggers
> config show Logging
Logging/loggers/	list	(modified)
> config show Logging/loggers
Logging/loggers[0]/name	""	string	(default)
Logging/loggers[0]/severity	"INFO"	string	(default)
Logging/loggers[0]/debuglevel	0	integer	(default)
Logging/loggers[0]/additive	false	boolean	(default)
Logging/loggers[0]/output_options	[]	list	(default)
> config set Logging/loggers[0]/name *
> config set Logging/loggers[0]/severity WARN
>  config add Logging/loggers[0]/output_options
>  config set Logging/loggers[0]/output_options[0]/destination file
>  config set Logging/loggers[0]/output_options[0]/output /var/log/bundy.log
>  config set Logging/loggers[0]/output_options[0]/maxsize 204800
>  config set Logging/loggers[0]/output_options[0]/maxver 8
>  config show all Logging/loggers
Logging/loggers[0]/name	"*"	string	(modified)
Logging/loggers[0]/severity	"WARN"	string	(modified)
Logging/loggers[0]/debuglevel	0	integer	(default)
Logging/loggers[0]/additive	false	boolean	(default)
Logging/loggers[0]/output_options[0]/destination	"file"	string	(modified)
Logging/loggers[0]/output_options[0]/output	"/var/log/bundy.log"	string	(modified)
Logging/loggers[0]/output_options[0]/flush	true	boolean	(default)
Logging/loggers[0]/output_options[0]/maxsize	204800	integer	(modified)
Logging/loggers[0]/output_options[0]/maxver	8	integer	(modified)
>  config commit
>  config add Logging/loggers
>  config set Logging/loggers[1]/name Auth
>  config remove Logging/loggers[1]
>  config commit
> config show_json Logging/loggers
[{"name": "*", "output_options": [{"destination": "file", "maxsize": 204800, "maxver": 8, "output": "/var/log/bundy.log"}], "severity": "WARN"}]
`,
	} {
		t.Run(chapter, func(t *testing.T) {
			s, _, out := newShell(t)
			transcript(t, s, out, text)
		})
	}
}

func TestCommandsAreSent(t *testing.T) {
	s, f, out := newShell(t)
	transcript(t, s, out, `
> Auth loadzone IN example.com.
> Auth loadzone "example.com."
> Auth shutdown 12
> Xfrin retransfer zone_name=x. port=53 force=no
> config set Auth/tcp_recv_timeout 1
> config set Init/components/bundy-stats/priority 5
> config commit
`)
	want := []string{
		`/Auth/loadzone {"class":"IN","origin":"example.com."}`,
		`/Auth/loadzone {"origin":"example.com."}`,
		`/Auth/shutdown {"pid":12}`,
		`/Xfrin/retransfer {"force":true,"port":53,"zone_name":"x."}`,
		`/ConfigManager/set_config [{"Auth":{"tcp_recv_timeout":1},"Init":{"components":{"bundy-cmdctl":{"kind":"needed","special":"cmdctl"},"bundy-stats":{"address":"Stats","kind":"dispensable","priority":5}}}}]`,
	}
	if diff := cmp.Diff(want, f.posted); diff != "" {
		t.Error(diff)
	}
}
