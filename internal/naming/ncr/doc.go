// Package ncr is the name change request: what a DHCP server tells a DHCP-DDNS server about a lease, in the JSON form
// of Bundy and Kea. Accepted requests are kept on disk by package owned, as wants.
package ncr
