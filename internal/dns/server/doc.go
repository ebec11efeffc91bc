// Package server is the sockets and loops around a handler of DNS messages: datagrams in batches, one goroutine for
// each socket, without allocation or lock; streams with pipelining, deadlines and caps (RFC 7766). It knows nothing
// of what is answered.
package server
