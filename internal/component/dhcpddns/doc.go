// Package dhcpddns is the component bundy-dhcp-ddns (guide chapter "The DHCP-DDNS Server"): it keeps DNS saying what
// the leases say. It follows lease files, those of our own DHCP servers and of others, takes name change requests,
// writes down what it is about to do, and does it by dynamic update.
//
// For addresses of the networks that a lease file is for, that file alone decides, and a request about one is only a hint to look.
// What another server asks for stands until it asks for the removal: DHCP servers do not repeat requests when a lease
// is renewed, so the end of the lease that a request names says nothing.
//
// One goroutine, the engine, owns all state: what the leases want, what we own, and what is due. A listener reads
// requests, a follower reads each lease file, and a bounded number of goroutines each carry out one transaction.
package dhcpddns
