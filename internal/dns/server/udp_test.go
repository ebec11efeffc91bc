package server

import (
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

type mirror struct{}

func (mirror) Handle(r *Request, out []byte) []byte {
	reply := append(out, r.Message...)
	reply[2] |= 0x80
	return reply
}

// loopDatagrams makes the loop of a socket, to be run by hand, and a client of it.
func loopDatagrams(t *testing.T, h Handler) (*datagrams, *net.UDPConn) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "udp")
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1); err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: at.(*unix.SockaddrInet4).Port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	d, err := newDatagrams(f, h, &Counters{}, new(atomic.Bool))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.socket.stop()
		d.socket.close()
	})
	return d, client
}

// TestDatagramsAllocateNothing runs the loop's steps by hand, a batch at a time.
func TestDatagramsAllocateNothing(t *testing.T) {
	d, client := loopDatagrams(t, mirror{})
	msg, buf := make([]byte, 40), make([]byte, 100)
	round := func() {
		for range 8 {
			if _, err := client.Write(msg); err != nil {
				t.Fatal(err)
			}
		}
		for got := 0; got < 8; {
			if d.turn() {
				t.Fatal(d.err)
			}
			got += d.received
			d.received = 0
		}
		for range 8 {
			if n, err := client.Read(buf); n != 40 || err != nil {
				t.Fatal(n, err)
			}
		}
	}
	if n := testing.AllocsPerRun(50, round); n != 0 {
		t.Errorf("%v allocations for 8 queries", n)
	}
}

// asker sends another request whenever it handles one.
type asker struct {
	client  *net.UDPConn
	handled int
}

func (a *asker) Handle(r *Request, out []byte) []byte {
	a.handled++
	a.client.Write(r.Message)
	return nil
}

// TestBusySocketLetsOthersRun: a socket on which datagrams never end gives the processor back, and is told of the next one.
func TestBusySocketLetsOthersRun(t *testing.T) {
	a := &asker{}
	d, client := loopDatagrams(t, a)
	a.client = client
	for round := 1; round <= 3; round++ {
		if err := d.socket.unwatch(); err != nil { // as one that is busy
			t.Fatal(err)
		}
		if round == 1 {
			client.Write(make([]byte, 40))
		}
		if d.turn() {
			t.Fatal(d.err)
		}
		if a.handled != round*maxTurns || !d.socket.watched {
			t.Fatalf("%d turns in round %d, watched: %v", a.handled, round, d.socket.watched)
		}
	}
}

// TestPace: datagrams gather when many have come in a while, and no longer when that is over.
func TestPace(t *testing.T) {
	const us = time.Microsecond
	for _, c := range []struct {
		name  string
		every time.Duration
		n     int
		want  bool
	}{
		{"20,000 a second, one by one", 50 * us, 1, false},
		{"20,000 a second, eight at a time", 400 * us, 8, false},
		{"100,000 a second, one by one", 10 * us, 1, true},
		{"100,000 a second, eight at a time", 80 * us, 8, true},
		{"full batches", 100 * us, 32, true},
	} {
		var p pace
		now := time.Hour // since the loop began
		gather := p.gather(32, now)
		if gather {
			t.Errorf("%s: the first ones after long silence shall gather", c.name)
		}
		for end := now + 10*paceSpan; now < end; {
			now += c.every
			gather = p.gather(c.n, now)
		}
		if gather != c.want {
			t.Errorf("%s: %v", c.name, gather)
		}
		if p.gather(1, now+10*paceSpan) {
			t.Errorf("%s: the first one after silence shall gather", c.name)
		}
	}
}

// prophet checks that it handles what it foresaw.
type prophet struct {
	t        *testing.T
	foreseen [][]byte
	handled  int
}

func (p *prophet) Foresee(messages [][]byte) {
	if len(p.foreseen) > 0 {
		p.t.Errorf("%d requests foreseen were not handled", len(p.foreseen))
	}
	for _, m := range messages {
		p.foreseen = append(p.foreseen, append([]byte(nil), m...))
	}
}

func (p *prophet) Handle(r *Request, out []byte) []byte {
	if p.handled++; len(p.foreseen) > 0 {
		if string(p.foreseen[0]) != string(r.Message) {
			p.t.Errorf("request %x was foreseen as %x", r.Message, p.foreseen[0])
		}
		p.foreseen = p.foreseen[1:]
	}
	return nil
}

// TestForesee: a handler hears of the requests of a batch, in order and without what is none, before it gets them.
func TestForesee(t *testing.T) {
	p := &prophet{t: t}
	d := &datagrams{handler: p, foreseer: p, counters: &Counters{}, batch: newBatch()}
	for i := range 5 {
		b := d.batch
		b.from[i] = unix.RawSockaddrInet6{Family: unix.AF_INET, Port: 1}
		b.data[i][0], b.in[i].length = byte(i), 12
	}
	d.batch.data[1][2] = 0x80                   // a response
	d.batch.in[3].header.Flags = unix.MSG_TRUNC // longer than we take
	d.received = 5
	if d.answer(); p.handled != 3 || len(p.foreseen) != 0 {
		t.Errorf("%d handled, %d foreseen and not handled", p.handled, len(p.foreseen))
	}
	d.received = 1
	if d.answer(); p.handled != 4 {
		t.Errorf("%d handled", p.handled)
	}
}

func TestReturnInfo(t *testing.T) {
	message := func(level, typ int, data []byte) []byte {
		m := make([]byte, unix.CmsgSpace(len(data)))
		h := (*unix.Cmsghdr)(unsafe.Pointer(&m[0]))
		h.Level, h.Type = int32(level), int32(typ)
		h.SetLen(unix.CmsgLen(len(data)))
		copy(m[unix.CmsgLen(0):], data)
		return m
	}
	other := message(unix.SOL_SOCKET, unix.SO_TIMESTAMP, make([]byte, 16))
	v4 := message(unix.IPPROTO_IP, unix.IP_PKTINFO, []byte{7, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 255})
	v6 := func(first ...byte) []byte {
		data := make([]byte, unix.SizeofInet6Pktinfo)
		copy(data, first)
		data[16] = 7
		return message(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, data)
	}
	for _, c := range []struct {
		name  string
		in    []byte
		n     int
		index byte // of the interface in the result, at offset at
		at    int
	}{
		{"nothing", nil, 0, 0, 0},
		{"IPv4", v4, unix.CmsgSpace(12), 0, 16},
		{"behind another", append(append([]byte(nil), other...), v4...), unix.CmsgSpace(12), 0, 16},
		{"global IPv6", v6(0x20, 1), unix.CmsgSpace(20), 0, 32},
		{"link-local IPv6", v6(0xfe, 0x80), unix.CmsgSpace(20), 7, 32},
		{"multicast IPv6", v6(0xff, 2), 0, 0, 0},
		{"cut off", v4[:20], 0, 0, 0},
		{"no length", make([]byte, 32), 0, 0, 0},
	} {
		var out [controlSize]byte
		n := returnInfo(out[:], c.in)
		if n != c.n || n > 0 && out[c.at] != c.index {
			t.Errorf("%s: length %d, interface %d; want %d and %d", c.name, n, out[c.at], c.n, c.index)
		}
	}
}
