// Package duid reads the identifiers by which DHCP clients are known, the client identifier of DHCPv4 (option 61) and the
// DUID of DHCPv6 that may stand inside it (RFC 4361, RFC 9915 section 11), and makes and keeps that of a server.
package duid
