// Package announce tells a DHCP-DDNS server what changes about the names of leases, as soon as it changes. The DHCP
// servers use it; no client of theirs waits for it.
package announce
