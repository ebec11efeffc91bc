package server

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// big answers each message with the longest there is.
type big struct{}

func (big) Handle(r *Request, out []byte) []byte { return append(out, make([]byte, maxMessage)...) }

// TestClientThatDoesNotRead: who asks and does not read the replies is not waited for longer than writeTime
// (CVE-2024-0760), however large tcp_recv_timeout is; who sends an octet now and then has the time of one message.
func TestClientThatDoesNotRead(t *testing.T) {
	query := binary.BigEndian.AppendUint16(nil, 12)
	query = append(query, make([]byte, 12)...)
	for _, c := range []struct {
		name   string
		client func(net.Conn)
		want   time.Duration
	}{
		{"does not read", func(conn net.Conn) { conn.Write(query) }, writeTime},
		{"sends slowly", func(conn net.Conn) {
			for _, b := range query[:5] {
				conn.Write([]byte{b})
				time.Sleep(time.Second)
			}
		}, 3 * time.Second},
		{"says nothing", func(net.Conn) {}, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var counters Counters
				timeout := 3 * time.Second
				if c.want == writeTime {
					timeout = 24 * time.Hour
				}
				s := newStreams(func() Handler { return big{} }, func() time.Duration { return timeout }, &counters, make(chan error, 1))
				ours, theirs := net.Pipe()
				began := time.Now()
				var client sync.WaitGroup
				client.Go(func() { c.client(theirs) })
				s.serve(ours, netip.MustParseAddrPort("192.0.2.1:53"))
				if got := time.Since(began); got != c.want {
					t.Errorf("served for %v, want %v", got, c.want)
				}
				if n := counters.TimedOut.Load(); n != 1 {
					t.Errorf("%d time-outs counted, want 1", n)
				}
				theirs.Close()
				ours.Close()
				client.Wait()
			})
		})
	}
}
