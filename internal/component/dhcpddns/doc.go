// Package dhcpddns is the component bundy-dhcp-ddns (guide chapter "The DHCP-DDNS Server"): it keeps DNS saying what
// the leases say. It follows the lease file of our own DHCPv4 server, takes name change requests of other servers,
// writes down what it is about to do, and does it by dynamic update.
//
// For addresses of the configured subnets the lease file alone decides, and a request about one is only a hint to look.
// What another server asks for stands until it asks for the removal: DHCP servers do not repeat requests when a lease
// is renewed, so the end of the lease that a request names says nothing.
//
// One goroutine, the engine, owns all state: what the leases want, what we own, and what is due. A listener reads
// requests, a follower reads the lease file, and a bounded number of goroutines each carry out one transaction.
package dhcpddns
