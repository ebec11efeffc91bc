# A key, the zones that accept updates signed with it, and who serves them.
config add tsig_keys/keys "lab.key:c2VjcmV0LWZvci10aGUtZGVtbw==:hmac-sha256"
config set Auth/listen_on [{"address": "10.53.0.1", "port": 53}]
config add DDNS/zones
config set DDNS/zones[0]/origin lab.example
config add DDNS/zones[0]/update_acl {"action": "ACCEPT", "key": "lab.key"}
config add DDNS/zones
config set DDNS/zones[1]/origin 0.53.10.in-addr.arpa
config add DDNS/zones[1]/update_acl {"action": "ACCEPT", "key": "lab.key"}
# Addresses.
config add Dhcp4/subnet4
config set Dhcp4/subnet4[0]/subnet "10.53.0.0/24"
config set Dhcp4/subnet4[0]/pool ["10.53.0.100 - 10.53.0.199"]
config set Dhcp4/valid-lifetime 600
config set Dhcp4/renew-timer 300
config set Dhcp4/rebind-timer 525
config add Dhcp4/option-data
config set Dhcp4/option-data[0]/name "routers"
config set Dhcp4/option-data[0]/code 3
config set Dhcp4/option-data[0]/csv-format true
config set Dhcp4/option-data[0]/data "10.53.0.1"
config add Dhcp4/option-data
config set Dhcp4/option-data[1]/name "domain-name-servers"
config set Dhcp4/option-data[1]/code 6
config set Dhcp4/option-data[1]/csv-format true
config set Dhcp4/option-data[1]/data "10.53.0.1"
config set Dhcp4/dhcp-ddns/enable-updates true
config set Dhcp4/dhcp-ddns/qualifying-suffix "lab.example"
# From leases to names.
config add DhcpDdns/forward_ddns/ddns_domains
config set DhcpDdns/forward_ddns/ddns_domains[0]/name "lab.example."
config set DhcpDdns/forward_ddns/ddns_domains[0]/key_name "lab.key"
config add DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers
config set DhcpDdns/forward_ddns/ddns_domains[0]/dns_servers[0]/ip_address "10.53.0.1"
config add DhcpDdns/reverse_ddns/ddns_domains
config set DhcpDdns/reverse_ddns/ddns_domains[0]/name "0.53.10.in-addr.arpa."
config set DhcpDdns/reverse_ddns/ddns_domains[0]/key_name "lab.key"
config add DhcpDdns/reverse_ddns/ddns_domains[0]/dns_servers
config set DhcpDdns/reverse_ddns/ddns_domains[0]/dns_servers[0]/ip_address "10.53.0.1"
config add Init/components bundy-dhcp4
config set Init/components/bundy-dhcp4/kind dispensable
config add Init/components bundy-dhcp-ddns
config set Init/components/bundy-dhcp-ddns/kind dispensable
