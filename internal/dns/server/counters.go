package server

import "sync/atomic"

// Counters say what the server gave up. They only grow.
type Counters struct {
	Oversize   atomic.Uint64 // datagrams longer than MaxUDP, not read
	NotRequest atomic.Uint64 // messages without a header, and responses
	Unsent     atomic.Uint64 // datagrams that the system would not send
	Refused    atomic.Uint64 // connections beyond a cap
	TimedOut   atomic.Uint64 // connections whose client was too slow
}
