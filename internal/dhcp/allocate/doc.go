// Package allocate decides which address a DHCPv4 client gets, keeps or loses (RFC 2131 section 4.3), from what is
// known about leases, outstanding offers and free addresses. It does no input or output; time is an argument.
package allocate
