package server

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

// reflector answers each message with itself and counts them.
type reflector struct{ count *int }

func (h reflector) Handle(r *Request, out []byte) []byte {
	*h.count++
	reply := append(out, r.Message...)
	reply[2] |= 0x80
	return reply
}

// tape is a connection to a client that has sent all that it ever will.
type tape struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (c *tape) Read(b []byte) (int, error)       { return c.in.Read(b) }
func (c *tape) Write(b []byte) (int, error)      { return c.out.Write(b) }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }

// FuzzStream sends octets on a stream that arrive in two pieces: each whole request before the first message that is none
// is answered in order, nothing else is, and the server lets go.
func FuzzStream(f *testing.F) {
	query := append(binary.BigEndian.AppendUint16(nil, 12), make([]byte, 12)...)
	f.Add(append(query, query...), 15)
	f.Add(append(query, 0, 3, 1, 2, 3), 1) // what follows is no request
	f.Add([]byte{0xff, 0xff, 1}, 2)
	f.Add(append(append(binary.BigEndian.AppendUint16(nil, 5000), make([]byte, 5000)...), query...), 4098)
	f.Fuzz(func(t *testing.T, sent []byte, cut int) {
		if cut = min(max(cut, 0), len(sent)); len(sent) > 1<<18 {
			return
		}
		var want []byte // replies
		requests := 0
		for rest := sent; len(rest) >= 2; requests++ {
			end := 2 + int(binary.BigEndian.Uint16(rest))
			if end > len(rest) || !isRequest(rest[2:end]) {
				break
			}
			at := len(want)
			want, rest = append(want, rest[:end]...), rest[end:]
			want[at+4] |= 0x80
		}
		var counters Counters
		answered := 0
		s := newStreams(func() Handler { return reflector{&answered} }, func() Limits { return Limits{Receive: time.Minute, Connections: 1} }, &counters, make(chan error, 1))
		conn := &tape{in: io.MultiReader(bytes.NewReader(sent[:cut]), bytes.NewReader(sent[cut:]))}
		s.serve(conn, netip.MustParseAddrPort("192.0.2.1:53"))
		if answered != requests || !bytes.Equal(conn.out.Bytes(), want) {
			t.Fatalf("%x: %d requests are answered %x, want %d, %x", sent, answered, conn.out.Bytes(), requests, want)
		}
	})
}
