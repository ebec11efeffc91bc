// Package servertest is a small primary name server on loopback for tests: it takes signed or unsigned dynamic updates
// into zones in memory by the rules of RFC 2136, and can be told to go silent.
// It also starts other implementations.
package servertest
