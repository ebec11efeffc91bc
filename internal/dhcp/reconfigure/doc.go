// Package reconfigure is what a DHCPv6 server needs to call its clients (RECONFIGURE, RFC 9915 section 18.3.11): the keys
// by which they know that it is their server, where they can be reached, and when they are called again. It has no
// sockets and no clock.
package reconfigure
