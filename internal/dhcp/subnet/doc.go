// Package subnet is the network that a DHCPv4 server serves: subnets with their pools and parameters, their numbering,
// and which of them a client belongs to.
package subnet
