// Package subnet is the network that a DHCP server serves, of either family: subnets with their pools, reservations and
// parameters, the shared networks that they form, their numbering, and which of them a client belongs to. All of it is
// immutable once it is in use.
package subnet
