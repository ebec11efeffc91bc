// Package dhcpddns is the component bundy-dhcp-ddns (guide chapter "The DHCP-DDNS Server"): it keeps DNS saying what
// the leases say. It follows the lease files of our own DHCP servers, takes name change requests of other servers,
// writes down what it is about to do, and does it by dynamic update.
//
// For addresses of the configured subnets their lease file alone decides, and a request about one is only a hint to look.
// What another server asks for stands until it asks for the removal: DHCP servers do not repeat requests when a lease
// is renewed, so the end of the lease that a request names says nothing.
//
// One goroutine, the engine, owns all state: what the leases want, what we own, and what is due. A listener reads
// requests, two followers read the lease files, and a bounded number of goroutines each carry out one transaction.
package dhcpddns
