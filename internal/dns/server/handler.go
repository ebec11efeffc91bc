package server

import (
	"net/netip"
	"time"
)

// MaxUDP is the largest datagram received and sent: what the suite says in EDNS that it takes.
const MaxUDP = 4096

// Handler answers messages. A Handler is used by one goroutine at a time, so it can own the memory that it works in.
type Handler interface {
	// Handle returns the reply to req, or nil for none. The reply may be made in out[:0], which has room for MaxUDP
	// octets, for TCP for any message. Neither req nor out may be kept.
	Handle(req *Request, out []byte) []byte
}

// Foreseer is a Handler that gains by knowing requests before it gets them.
type Foreseer interface {
	Handler
	// Foresee tells of requests that came together. Each of them will be handled, unless the server ends, in this order.
	// The messages are valid until it returns.
	Foresee(messages [][]byte)
}

// Request is one message as it came. Messages shorter than a header and those that are responses never arrive here:
// answering them could make two servers answer one another for ever (CVE-2024-2169).
type Request struct {
	Message []byte // valid until Handle returns
	Client  netip.AddrPort
	TCP     bool

	// Idle is how long the stream may stay without use if the client asks for it; 0 when there are so many streams
	// that clients shall rather go, and over UDP (RFC 7828 section 3.3).
	Idle time.Duration
	// Stay is set by Handle when the client asks for it.
	Stay bool

	later func() func(reply []byte)
}

// Later lets the reply be sent after Handle returned nil. The result sends it, from any goroutine, and does nothing
// when called again or when the client is gone. A stream reads its next message after the reply, or gives up after
// laterTime; so whoever has no reply to send simply does not call it.
func (r *Request) Later() func(reply []byte) { return r.later() }

// NewRequest makes a request outside of a server, for tests and for handlers that stand behind another; reply takes
// what is sent later.
func NewRequest(msg []byte, client netip.AddrPort, tcp bool, reply func([]byte)) *Request {
	return &Request{Message: msg, Client: client, TCP: tcp, later: func() func([]byte) { return reply }}
}

// isRequest tells whether msg has a header whose QR bit is clear.
func isRequest(msg []byte) bool { return len(msg) >= 12 && msg[2]&0x80 == 0 }
