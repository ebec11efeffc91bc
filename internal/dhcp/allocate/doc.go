// Package allocate decides which addresses and prefixes a DHCP client gets, keeps or loses (RFC 2131 section 4.3, RFC
// 9915 section 18.3), from what is known about leases, reservations, outstanding offers and free addresses. It does no
// input or output of its own; time is an argument.
package allocate
