package server

import (
	"net"
	"os"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

type mirror struct{}

func (mirror) Handle(r *Request, out []byte) []byte {
	reply := append(out, r.Message...)
	reply[2] |= 0x80
	return reply
}

// TestDatagramsAllocateNothing runs the loop's steps by hand, a batch at a time.
func TestDatagramsAllocateNothing(t *testing.T) {
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
	defer client.Close()
	var counters Counters
	d, err := newDatagrams(f, mirror{}, &counters, new(atomic.Bool))
	if err != nil {
		t.Fatal(err)
	}
	defer d.socket.close()
	defer d.socket.stop()
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
