package test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

// packet is a named message as a hostile or broken client sends it, and what it must be answered with.
type packet struct {
	name  string
	msg   []byte
	want  wire.Rcode // over both transports
	mute  bool       // it must not be answered
	large bool       // more than a datagram holds: over TCP only
}

// header makes a message header: flags and the counts of the four sections.
func header(flags uint16, counts ...uint16) []byte {
	h := []byte{0x12, 0x34, byte(flags >> 8), byte(flags)}
	for i := range 4 {
		n := uint16(0)
		if i < len(counts) {
			n = counts[i]
		}
		h = binary.BigEndian.AppendUint16(h, n)
	}
	return h
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// record is a record with a name in wire form, which need not be right.
func record(name string, typ, class uint16, ttl uint32, data string) []byte {
	r := []byte(name)
	r = binary.BigEndian.AppendUint16(r, typ)
	r = binary.BigEndian.AppendUint16(r, class)
	r = binary.BigEndian.AppendUint32(r, ttl)
	return append(binary.BigEndian.AppendUint16(r, uint16(len(data))), data...)
}

const (
	opcodeNotify = 4 << 11
	opcodeUpdate = 5 << 11
)

// packets are the classes of messages that have hurt name servers, each under a name.
func packets() []packet {
	host := []byte("\x02ns\x03lab\x07example\x00\x00\x01\x00\x01")
	zone := []byte("\x03lab\x07example\x00\x00\x06\x00\x01")
	opt := func(ttl uint32, data string) []byte { return record("\x00", 41, 1232, ttl, data) }
	mac := strings.Repeat("\x00", 32)
	tsig := func(class uint16, algorithm, mac, tail string) []byte {
		data := algorithm + "\x00\x00\x00\x00\x00\x01\x01\x2c" + string(binary.BigEndian.AppendUint16(nil, uint16(len(mac)))) + mac + tail
		return record("\x03lab\x03key\x00", 250, class, 0, data)
	}
	const sha256, tail = "\x0bhmac-sha256\x00", "\x12\x34\x00\x00\x00\x00"
	long := strings.Repeat("\x3f"+strings.Repeat("x", 63), 4) + "\x00"
	question := func(name string) []byte { return []byte(name + "\x00\x01\x00\x01") }
	update := func(updates uint16, records ...[]byte) []byte {
		return join(append([][]byte{header(opcodeUpdate, 1, 0, updates), zone}, records...)...)
	}
	chain := []byte{} // each name is a pointer to the one before
	at := len(header(0)) + len(zone)
	for i, to := 0, 12; i < 4000; i++ {
		chain = append(chain, record(string([]byte{1, 'x', 0xc0 | byte(to>>8), byte(to)}), 1, 1, 0, "\x7f\x00\x00\x01")...)
		if next := at + i*18; next < 0x4000 {
			to = next
		}
	}
	return []packet{
		{name: "response", msg: join(header(0x8000, 1), host), mute: true},
		{name: "FORMERR response", msg: join(header(0x8001, 1), host), mute: true},
		{name: "response to an UPDATE", msg: join(header(0x8000|opcodeUpdate, 1), zone), mute: true},
		{name: "half a header", msg: header(0)[:6], mute: true},
		{name: "empty", msg: nil, mute: true},
		{name: "error code in a query", msg: join(header(5, 1), host)},
		{name: "TC in a query", msg: join(header(0x200, 1), host)},
		{name: "no question", msg: header(0), want: wire.RcodeFormErr},
		{name: "two questions", msg: join(header(0, 2), host, host), want: wire.RcodeFormErr},
		{name: "65535 questions", msg: join(header(0, 65535), host), want: wire.RcodeFormErr},
		{name: "65535 records", msg: join(header(0, 1, 65535, 65535, 65535), host), want: wire.RcodeFormErr},
		{name: "header only", msg: header(0, 1), want: wire.RcodeFormErr},
		{name: "trailing octet", msg: join(header(0, 1), host, []byte{0}), want: wire.RcodeFormErr},
		{name: "question cut in its name", msg: join(header(0, 1), host[:5]), want: wire.RcodeFormErr},
		{name: "question cut in its type", msg: join(header(0, 1), host[:len(host)-3]), want: wire.RcodeFormErr},
		{name: "pointer to itself", msg: join(header(0, 1), question("\xc0\x0c")), want: wire.RcodeFormErr},
		{name: "pointer into the header", msg: join(header(0, 1), question("\xc0\x00")), want: wire.RcodeFormErr},
		{name: "pointer forward", msg: join(header(0, 1), question("\xc0\x12"), []byte("\x01a\x00")), want: wire.RcodeFormErr},
		{name: "extended label", msg: join(header(0, 1), question("\x41aa\x00")), want: wire.RcodeFormErr},
		{name: "reserved label", msg: join(header(0, 1), question("\x80aa\x00")), want: wire.RcodeFormErr},
		{name: "name of 257 octets", msg: join(header(0, 1), question(long)), want: wire.RcodeFormErr},
		{name: "name of 255 octets", msg: join(header(0, 1), question(strings.Repeat("\x01a", 127)+"\x00")), want: wire.RcodeRefused},
		{name: "opcode IQUERY", msg: join(header(1<<11, 1), host), want: wire.RcodeNotImp},
		{name: "opcode 15 and garbage", msg: join(header(15<<11, 9), []byte("\xff\xff\xff")), want: wire.RcodeNotImp},
		{name: "class ANY", msg: join(header(0, 1), host[:len(host)-1], []byte{255}), want: wire.RcodeRefused},
		{name: "class 0", msg: join(header(0, 1), host[:len(host)-1], []byte{0}), want: wire.RcodeRefused},
		{name: "question for OPT", msg: join(header(0, 1), host[:len(host)-3], []byte{41, 0, 1}), want: wire.RcodeFormErr},
		{name: "question for TSIG", msg: join(header(0, 1), host[:len(host)-3], []byte{250, 0, 1}), want: wire.RcodeFormErr},
		{name: "question for TKEY", msg: join(header(0, 1), host[:len(host)-3], []byte{249, 0, 1}), want: wire.RcodeNotImp},
		{name: "two OPT", msg: join(header(0, 1, 0, 0, 2), host, opt(0, ""), opt(0, "")), want: wire.RcodeFormErr},
		{name: "OPT with a name", msg: join(header(0, 1, 0, 0, 1), host, []byte("\x01a"), opt(0, "")), want: wire.RcodeFormErr},
		{name: "OPT in the answer section", msg: join(header(0, 1, 1), host, opt(0, "")), want: wire.RcodeFormErr},
		{name: "option overruns OPT", msg: join(header(0, 1, 0, 0, 1), host, opt(0, "\x00\x03\x00\x09a")), want: wire.RcodeFormErr},
		{name: "half an option", msg: join(header(0, 1, 0, 0, 1), host, opt(0, "\x00\x03\x00")), want: wire.RcodeFormErr},
		{name: "EDNS version 255", msg: join(header(0, 1, 0, 0, 1), host, opt(255<<16, "")), want: wire.RcodeBadVers},
		{name: "900 options", msg: join(header(0, 1, 0, 0, 1), host, opt(0, strings.Repeat("\x00\x03\x00\x00", 900)))},
		{name: "repeated cookies", msg: join(header(0, 1, 0, 0, 1), host, opt(0, strings.Repeat("\x00\x0a\x00\x08aaaaaaaa", 100)))},
		{name: "16000 options", msg: join(header(0, 1, 0, 0, 1), host, opt(0, strings.Repeat("\x00\x03\x00\x00", 16000))), large: true},
		{name: "longest message", msg: join(header(0, 1, 0, 0, 1), host, opt(0, "\xff\xf0"+string(binary.BigEndian.AppendUint16(nil, 65535-12-20-11-4))+strings.Repeat("x", 65535-12-20-11-4))), large: true},
		{name: "TSIG with garbage", msg: join(header(0, 1, 0, 0, 1), host, record("\x03lab\x03key\x00", 250, 255, 0, "abc")), want: wire.RcodeFormErr},
		{name: "TSIG of class IN", msg: join(header(0, 1, 0, 0, 1), host, tsig(1, sha256, mac, tail)), want: wire.RcodeFormErr},
		{name: "TSIG twice", msg: join(header(0, 1, 0, 0, 2), host, tsig(255, sha256, mac, tail), tsig(255, sha256, mac, tail)), want: wire.RcodeFormErr},
		{name: "TSIG before OPT", msg: join(header(0, 1, 0, 0, 2), host, tsig(255, sha256, mac, tail), opt(0, "")), want: wire.RcodeFormErr},
		{name: "TSIG in the answer section", msg: join(header(0, 1, 1), host, tsig(255, sha256, mac, tail)), want: wire.RcodeFormErr},
		{name: "TSIG with an unknown algorithm", msg: join(header(0, 1, 0, 0, 1), host, tsig(255, "\x04none\x00", mac, tail)), want: wire.RcodeNotAuth},
		{name: "TSIG with an empty MAC", msg: join(header(0, 1, 0, 0, 1), host, tsig(255, sha256, "", tail)), want: wire.RcodeFormErr},
		{name: "TSIG with a MAC of one octet", msg: join(header(0, 1, 0, 0, 1), host, tsig(255, sha256, "x", tail)), want: wire.RcodeFormErr},
		{name: "TSIG that reports an error", msg: join(header(0, 1, 0, 0, 1), host, tsig(255, sha256, "", "\x12\x34\x00\x11\x00\x00")), want: wire.RcodeFormErr},
		{name: "TSIG with a compressed algorithm", msg: join(header(0, 1, 0, 0, 1), host, tsig(255, "\xc0\x0c", mac, tail)), want: wire.RcodeFormErr},
		{name: "SIG(0)", msg: join(header(0, 1, 0, 0, 1), host, record("\x00", 24, 255, 0, strings.Repeat("\x00", 18)+"\x00sig"))},
		{name: "NOTIFY without question", msg: header(opcodeNotify), want: wire.RcodeFormErr},
		{name: "NOTIFY for a host", msg: join(header(opcodeNotify, 1), host), want: wire.RcodeFormErr},
		{name: "NOTIFY of class NONE", msg: join(header(opcodeNotify, 1), zone[:len(zone)-1], []byte{254}), want: wire.RcodeNotAuth},
		{name: "UPDATE without zone", msg: header(opcodeUpdate), want: wire.RcodeFormErr},
		{name: "UPDATE of two zones", msg: join(header(opcodeUpdate, 2), zone, zone), want: wire.RcodeFormErr},
		{name: "UPDATE of type A", msg: join(header(opcodeUpdate, 1), host), want: wire.RcodeFormErr},
		{name: "UPDATE of class ANY", msg: join(header(opcodeUpdate, 1), zone[:len(zone)-1], []byte{255}), want: wire.RcodeFormErr},
		{name: "UPDATE of class CH", msg: join(header(opcodeUpdate, 1), zone[:len(zone)-1], []byte{3}), want: wire.RcodeNotAuth},
		{name: "UPDATE with an empty address", msg: update(1, record("\xc0\x0c", 1, 1, 0, "")), want: wire.RcodeFormErr},
		{name: "UPDATE with a pointer loop in RDATA", msg: update(1, record("\xc0\x0c", 5, 1, 0, "\xc0\x29")), want: wire.RcodeFormErr},
		{name: "UPDATE without signature", msg: update(1, record("\xc0\x0c", 1, 1, 0, "\x7f\x00\x00\x01")), want: wire.RcodeRefused},
		{name: "UPDATE of 3000 names", msg: update(3000, chain[:3000*18]), want: wire.RcodeFormErr, large: true},
	}
}

// TestHostilePackets sends each named packet to a suite over both transports: it gets its answer or none, and the next
// question of somebody else is answered.
func TestHostilePackets(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "grouped")
	s.loadZones()
	s.start()
	s.script(s.dnsScript() + "config commit\n")
	eventually(t, 5*time.Second, "the zone is served", func() bool { return s.lookup("ns.lab.example") != "" })
	pid := s.process("bundy-dns")
	good := join(header(0, 1), []byte("\x02ns\x03lab\x07example\x00\x00\x01\x00\x01"))
	for _, p := range packets() {
		for _, network := range []string{"udp", "tcp"} {
			if p.large && network == "udp" {
				continue
			}
			first, second, err := s.sendTwo(network, p.msg, good, p.mute)
			what := fmt.Sprintf("%s over %s", p.name, network)
			switch {
			case err != nil:
				t.Errorf("%s: %v", what, err)
			case p.mute && first != nil:
				t.Errorf("%s is answered: %x", what, first)
			case !p.mute && rcodeOf(first) != p.want:
				t.Errorf("%s: %s, want %s: %x", what, rcodeOf(first), p.want, first)
			case rcodeOf(second) != wire.RcodeNoError:
				t.Errorf("after %s: %x", what, second)
			}
		}
	}
	if again := s.process("bundy-dns"); again != pid {
		t.Error("bundy-dns ended and was started again")
	}
}

// rcodeOf gives the whole response code of a reply; one that cannot be read has none that is wanted.
func rcodeOf(reply []byte) wire.Rcode {
	m, err := wire.ParseMessage(reply)
	if err != nil || m.Header.ID != 0x1234 || m.Header.Flags&wire.FlagQR == 0 {
		return 0xfff
	}
	rcode := m.Header.Flags.Rcode()
	for _, rr := range m.Additional {
		if rr.Type == wire.TypeOPT {
			rcode |= wire.Rcode(rr.TTL>>24) << 4
		}
	}
	return rcode
}

// sendTwo sends two messages, the second of which must be answered, and gives their replies; the first is nil if it was
// not answered. Over TCP each has a connection of its own. For a reply to the first that should be mute it does not wait
// long.
func (s *suite) sendTwo(network string, msg, good []byte, mute bool) (first, second []byte, err error) {
	dial := func() (net.Conn, error) {
		conn, err := net.Dial(network, netip.AddrPortFrom(s.address, s.dns).String())
		if err == nil {
			conn.SetDeadline(time.Now().Add(busy * 5 * time.Second))
		}
		return conn, err
	}
	conn, err := dial()
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	if network == "tcp" {
		conn.Write(join(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg))
		if first, err = readStream(conn); err == io.EOF {
			err = nil
		}
		if err != nil {
			return nil, nil, err
		}
		other, err := dial()
		if err != nil {
			return nil, nil, err
		}
		defer other.Close()
		other.Write(join(binary.BigEndian.AppendUint16(nil, uint16(len(good))), good))
		second, err = readStream(other)
		return first, second, err
	}
	conn.Write(msg)
	good = bytes.Clone(good)
	good[1] ^= 1 // to know the replies apart
	conn.Write(good)
	buf := make([]byte, 65536)
	for first == nil || second == nil {
		n, err := conn.Read(buf)
		if err != nil && second == nil {
			return first, nil, err
		}
		if err != nil {
			break
		}
		if reply := bytes.Clone(buf[:n]); n > 1 && reply[1] == good[1] {
			reply[1] ^= 1
			second = reply
			if mute { // if it is answered all the same, that comes soon
				conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
			}
		} else {
			first = reply
		}
	}
	return first, second, nil
}

func readStream(conn net.Conn) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	msg := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(conn, msg)
	return msg, err
}
