// Package dhcp6 is the DHCPv6 server, the module Dhcp6 (guide, "The DHCPv6 Server"; RFC 9915): it gives out addresses and
// prefixes, keeps the leases, and tells the DHCP-DDNS server about their names. A REPLY leaves only when its leases are
// on disk.
package dhcp6
