// Package ncr is the name change request: what a DHCP server tells a DHCP-DDNS server about a lease, in the JSON form
// of Bundy and Kea, and a durable queue of those that were accepted.
package ncr
