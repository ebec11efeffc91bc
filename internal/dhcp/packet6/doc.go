// Package packet6 reads and writes DHCPv6 messages (RFC 9915): messages of clients and servers, the relay agents that
// they came through, and the options that servers work with. What is read points into the octets it was read from.
package packet6
