package test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

// reply is what a server says to one question over UDP and over TCP.
type reply struct {
	datagram, whole *wire.Message
	length          int // in octets, over TCP
}

// both asks a question over UDP and over TCP.
func (n *nameServer) both(t *testing.T, q probe) (r reply) {
	t.Helper()
	msg, err := n.exchange(q.message(), busy*time.Second)
	if err != nil || msg == nil {
		t.Fatalf("%s asked of %s: %v", q, n.name, err)
	}
	if r.datagram, err = wire.ParseMessage(msg); err != nil {
		t.Fatalf("%s asked of %s: %v", q, n.name, err)
	}
	if len(msg) > q.limit() {
		t.Errorf("%s: %s sends %d octets", q, n.name, len(msg))
	}
	if err = n.send(q); err == nil {
		msg, err = n.receiveMessage()
	}
	if err != nil {
		t.Fatalf("%s asked of %s: %v", q, n.name, err)
	}
	if r.whole, err = wire.ParseMessage(msg); err != nil {
		t.Fatalf("%s asked of %s: %v", q, n.name, err)
	}
	r.length = len(msg)
	return r
}

func (r reply) cut() bool { return r.datagram.Header.Flags&wire.FlagTC != 0 }

// border tells whether it is right that one of two servers cuts its reply and the other does not: names take more room in
// the one, or there is something that may be left out.
func (r reply) border(o reply, limit int) bool {
	optional := len(r.whole.Additional)+len(o.whole.Additional) > 2
	return (r.length > limit) != (o.length > limit) || optional && max(r.length, o.length) > limit
}

// check looks at what the datagram holds of the reply over TCP: all of the answer and of the authority, and the addresses
// below a delegation, or TC and whole RRsets.
func (r reply) check(t *testing.T, q probe) {
	t.Helper()
	part, all := wholeAnswer(r.datagram), wholeAnswer(r.whole)
	part.flags &^= wire.FlagTC
	wholeSets(t, q, part, all)
	if part.rcode != all.rcode || part.flags != all.flags {
		t.Errorf("%s: %s %04x over UDP, %s %04x over TCP", q, part.rcode, uint16(part.flags), all.rcode, uint16(all.flags))
	}
	if r.cut() {
		if r.length <= q.limit() {
			t.Errorf("%s: the reply is cut, but it has only %d octets", q, r.length)
		}
		return
	}
	if !slices.Equal(part.answer, all.answer) || !slices.Equal(part.authority, all.authority) {
		t.Errorf("%s: some is missing without TC\n%s\nof\n%s", q, part, all)
	}
	if len(all.answer) == 0 && len(all.authority) > 0 {
		cut, _, _ := strings.Cut(all.authority[0], " ")
		for _, s := range all.additional {
			if strings.HasSuffix("."+strings.Fields(s)[0], "."+cut) && !slices.Contains(part.additional, s) {
				t.Errorf("%s: %s is missing without TC", q, s)
			}
		}
	}
}

// wholeSets tells whether a reply that is cut holds whole RRsets of the reply over TCP, and nothing else.
func wholeSets(t *testing.T, q probe, part, all answer) {
	t.Helper()
	for _, s := range [][2][]string{{part.answer, all.answer}, {part.authority, all.authority}, {part.additional, all.additional}} {
		if !within(s[0], s[1]) {
			t.Errorf("%s: cut short it holds\n%s\nof\n%s", q, strings.Join(s[0], "\n"), strings.Join(s[1], "\n"))
		}
		set := func(record string) string { return strings.Join(strings.Fields(record)[:3], " ") }
		for _, record := range s[0] {
			has := func(o string) bool { return set(o) == set(record) }
			if n, of := count(s[0], has), count(s[1], has); n != of {
				t.Errorf("%s: %d of %d records of %s", q, n, of, set(record))
			}
		}
	}
}

func count(all []string, is func(string) bool) (n int) {
	for _, s := range all {
		if is(s) {
			n++
		}
	}
	return n
}

// limit is the length in octets that a datagram may have.
func (q probe) limit() int {
	switch {
	case !q.edns:
		return 512
	case q.size == 0:
		return 1232
	}
	return min(int(q.size), 1232)
}
