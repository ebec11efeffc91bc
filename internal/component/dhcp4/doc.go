// Package dhcp4 is the DHCPv4 server, the module Dhcp4 (guide, "The DHCPv4 Server"; RFC 2131): it gives out addresses,
// keeps the leases, and tells the DHCP-DDNS server about their names. An ACK leaves only when its lease is on disk.
package dhcp4
