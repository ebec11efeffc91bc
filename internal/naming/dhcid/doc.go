// Package dhcid computes the DHCID record (RFC 4701): a digest that tells which client a name belongs to without
// telling who the client is.
package dhcid
