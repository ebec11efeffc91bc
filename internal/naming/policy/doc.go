// Package policy decides which name a client gets, and which of the DNS updates for it the server does: the rules of
// RFC 4702 with the overrides of the guide (section "DDNS for DHCPv4"), or the Plan of DhcpDdns/dynamic_dns: an ordered list
// of sources of names, a suffix by network, and names that no client may have. It is pure: options and configuration in, a
// decision out. Whatever bytes a client sends, the name that comes out is a host name that DNS can carry.
package policy
