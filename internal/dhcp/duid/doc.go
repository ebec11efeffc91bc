// Package duid reads the identifiers by which DHCP clients are known: the client identifier of DHCPv4 (option 61) and
// the DUID that may stand inside it (RFC 4361, RFC 8415 section 11).
package duid
