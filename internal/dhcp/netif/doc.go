// Package netif is the network as a DHCP server of either family sees it: which interfaces there are, datagrams with the interface
// they came in by, frames to clients that have no address yet, and where a reply goes (RFC 2131 section 4.1). Sockets
// are made by the caller (Opener), so that the server needs no privileges.
package netif
