// Package packet4 is the DHCPv4 message as a value: reading hostile octets, and building replies that old clients
// understand (RFC 951, RFC 2131, RFC 2132, RFC 3396).
package packet4
