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
				s := newStreams(func() Handler { return big{} }, func() Limits { return Limits{Receive: timeout, Connections: 1} }, &counters, make(chan error, 1))
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

// staying answers and says that the client asked to stay.
type staying struct{ granted *time.Duration }

func (h staying) Handle(r *Request, out []byte) []byte {
	r.Stay, *h.granted = true, r.Idle
	return append(out, r.Message...)
}

// TestClientThatStays: who asked for it (RFC 7828) may be idle for longer, but not slow; when most of the streams are in
// use nobody may, and is told so.
func TestClientThatStays(t *testing.T) {
	query := append(binary.BigEndian.AppendUint16(nil, 12), make([]byte, 12)...)
	for _, c := range []struct {
		name          string
		more          []byte // sent a minute later
		connections   int
		granted, want time.Duration
	}{
		{"idle", nil, 4, 5 * time.Minute, 5 * time.Minute},
		{"another message", query, 4, 5 * time.Minute, time.Minute + 5*time.Minute},
		{"half a message", query[:3], 4, 5 * time.Minute, time.Minute + 3*time.Second},
		{"crowded", nil, 0, 0, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var counters Counters
				var granted time.Duration
				limits := Limits{Receive: 3 * time.Second, Idle: 5 * time.Minute, Connections: c.connections}
				s := newStreams(func() Handler { return staying{&granted} }, func() Limits { return limits }, &counters, make(chan error, 1))
				ours, theirs := net.Pipe()
				s.open[ours] = netip.Addr{}
				began := time.Now()
				var client sync.WaitGroup
				client.Go(func() {
					reply := make([]byte, 100)
					theirs.Write(query)
					theirs.Read(reply)
					if len(c.more) > 0 {
						time.Sleep(time.Minute)
						theirs.Write(c.more)
						theirs.Read(reply)
					}
				})
				s.serve(ours, netip.MustParseAddrPort("192.0.2.1:53"))
				if got := time.Since(began); got != c.want {
					t.Errorf("served for %v, want %v", got, c.want)
				}
				if granted != c.granted {
					t.Errorf("granted %v, want %v", granted, c.granted)
				}
				theirs.Close()
				ours.Close()
				client.Wait()
			})
		})
	}
}
