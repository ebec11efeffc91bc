package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// library makes a message with a library from record texts: what others send, compressed as they do it.
func library(t testing.TB, texts ...string) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion("example.org.", dns.TypeMX)
	m.Compress = true
	for _, text := range texts {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		m.Answer = append(m.Answer, rr)
	}
	raw, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

var sample = []string{
	"example.org. 60 IN SOA ns.example.org. host.example.org. 1 2 3 4 5",
	"example.org. 60 IN NS ns.example.org.",
	"example.org. 60 IN MX 10 Mail.example.org.",
	"a.example.org. 60 IN CNAME example.org.",
	"1.example.org. 60 IN PTR a.example.org.",
	"_x._tcp.example.org. 60 IN SRV 1 2 3 a.example.org.",
	"d.example.org. 60 IN DNAME e.example.org.",
	"r.example.org. 60 IN RP a.example.org. b.example.org.",
	"f.example.org. 60 IN AFSDB 1 a.example.org.",
	`n.example.org. 60 IN NAPTR 1 2 "u" "sip" "!x!y!" a.example.org.`,
	"k.example.org. 60 IN KX 1 a.example.org.",
	"p.example.org. 60 IN PX 1 a.example.org. b.example.org.",
	"m.example.org. 60 IN MINFO a.example.org. b.example.org.",
	`t.example.org. 60 IN TXT "x" ""`,
	"a.example.org. 60 IN A 192.0.2.1",
	"a.example.org. 60 IN AAAA 2001:db8::1",
	"a.example.org. 60 IN NSEC b.example.org. A AAAA",
	"a.example.org. 60 IN RRSIG A 8 3 60 20300101000000 20250101000000 1 example.org. AAAA",
	"a.example.org. 60 IN TYPE65500 \\# 3 010203",
	"a.example.org. 60 IN HTTPS 1 b.example.org. alpn=h2",
}

// TestMessageAgainstLibrary reads what a library wrote, writes it again, and lets the library read that.
func TestMessageAgainstLibrary(t *testing.T) {
	raw := library(t, sample...)
	m, err := ParseMessage(raw)
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	var want, got dns.Msg
	if err := errors.Join(want.Unpack(raw), got.Unpack(again)); err != nil {
		t.Fatal(err)
	}
	for i := range want.Answer {
		if a, b := want.Answer[i].String(), got.Answer[i].String(); a != b {
			t.Errorf("%s became %s", a, b)
		}
	}
	if len(again) > len(raw)+100 {
		t.Errorf("%d octets, the library needs %d", len(again), len(raw))
	}
	m2, err := ParseMessage(again)
	if err != nil || !reflect.DeepEqual(m, m2) {
		t.Errorf("read again: %v", err)
	}
	for cut := range raw {
		if _, err := ParseMessage(raw[:cut]); !errors.Is(err, ErrMessage) {
			t.Fatalf("cut off at %d: %v", cut, err)
		}
	}
}

func TestReadNameRefuses(t *testing.T) {
	long := strings.Repeat("\x3f"+strings.Repeat("x", 63), 4)
	for name, msg := range map[string]string{
		"empty":             "",
		"no end":            "\x01a",
		"label cut off":     "\x05ab",
		"pointer to itself": "\xc0\x00",
		"pointer forward":   "\xc0\x02\x00",
		"pointer cut off":   "\xc0",
		"loop":              "\x01a\xc0\x00",
		"extended label":    "\x41\x00\x00",
		"too long":          long + "\x00",
	} {
		if n, _, err := ReadName([]byte(msg), 0); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %q, %v", name, n, err)
		}
	}
	// A chain of pointers that each lead back is legal, up to the bound.
	msg := []byte{0}
	for len(msg) < 4*maxPointers {
		to := max(0, len(msg)-2)
		if len(msg) == 1 {
			to = 0
		}
		msg = append(msg, 0xc0|byte(to>>8), byte(to))
	}
	if _, _, err := ReadName(msg, 2*maxPointers-1); err != nil {
		t.Errorf("%d pointers: %v", maxPointers, err)
	}
	if _, _, err := ReadName(msg, 2*maxPointers+1); err == nil {
		t.Errorf("%d pointers are followed", maxPointers+1)
	}
}

func TestTypes(t *testing.T) {
	for typ := range Type(1 << 15) {
		got, err := ParseType(strings.ToLower(typ.String()))
		if err != nil || got != typ {
			t.Fatalf("%d is %s is %d, %v", typ, typ, got, err)
		}
		if name, ok := dns.TypeToString[uint16(typ)]; ok && name != typ.String() && !strings.HasPrefix(typ.String(), "TYPE") &&
			!strings.EqualFold(name, typ.String()) {
			t.Errorf("%d is %s, the library says %s", typ, typ, name)
		}
	}
	for _, bad := range []string{"", "X", "TYPE", "TYPE65536", "TYPE-1"} {
		if got, err := ParseType(bad); err == nil {
			t.Errorf("%q is type %d", bad, got)
		}
	}
	for _, c := range []string{"IN", "ch", "HS", "NONE", "ANY", "CLASS77"} {
		got, err := ParseClass(c)
		if err != nil || !strings.EqualFold(got.String(), c) {
			t.Errorf("class %s is %s, %v", c, got, err)
		}
	}
}

func TestCompareData(t *testing.T) {
	name := func(s string) []byte { return []byte(MustParseName(s)) }
	for _, c := range []struct {
		typ  Type
		a, b []byte
		want int
	}{
		{TypeNS, name("A.example"), name("a.EXAMPLE"), 0},
		{TypeNS, name("a.example"), name("B.example"), -1},
		{TypeTXT, []byte("\x01A"), []byte("\x01a"), -1},
		{TypeNSEC, append(name("A."), 0), append(name("a."), 0), -1}, // RFC 6840 section 5.1
		{TypeMX, append([]byte{0, 'A'}, name("x")...), append([]byte{0, 'a'}, name("x")...), -1},
		{TypeMX, append([]byte{0, 1}, name("X")...), append([]byte{0, 1}, name("x")...), 0},
		{TypeA, []byte{1, 2}, []byte{1, 2, 0}, -1},
		{TypeSOA, []byte("bad"), []byte("BAD"), 1},
	} {
		if got, back := CompareData(c.typ, c.a, c.b), CompareData(c.typ, c.b, c.a); got != c.want || back != -c.want {
			t.Errorf("%s %q %q: %d and %d, want %d", c.typ, c.a, c.b, got, back, c.want)
		}
	}
}

// TestBuilderLimit fills messages of all sizes up to the largest: what is written is never longer than the limit, can
// be read, and holds exactly what the Builder said it took (CVE-2020-1350).
func TestBuilderLimit(t *testing.T) {
	label := rapid.StringMatching("[a-cA-C]{1,63}")
	name := rapid.Custom(func(t *rapid.T) Name {
		n := Root
		for _, l := range rapid.SliceOfN(label, 0, 5).Draw(t, "labels") {
			if c, err := n.Child(l); err == nil {
				n = c
			}
		}
		return n
	})
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{HeaderSize, 100, 512, 1232, 16384, 16500, 65500, 65534, MaxMessage, MaxMessage + 9}).Draw(t, "limit")
		var b Builder
		b.Reset(nil, 64)
		b.AddQuestion(Question{Name: name.Draw(t, "other"), Type: TypeA, Class: ClassIN}) // what Reset must forget
		b.Reset(b.Bytes(), limit)
		var want []RR
		filler := bytes.Repeat([]byte("\xffabcdefgh"), 7000)
		for range rapid.IntRange(1, 40).Draw(t, "sets") {
			owner := name.Draw(t, "owner")
			var set []byte
			var rrs []RR
			typ := rapid.SampledFrom([]Type{TypeNS, TypeMX, TypeTXT, TypeSRV}).Draw(t, "type")
			for range rapid.IntRange(1, 4).Draw(t, "count") {
				target := name.Draw(t, "target")
				data := []byte(target)
				switch typ {
				case TypeMX:
					data = append([]byte{0, 1}, data...)
				case TypeSRV:
					data = append([]byte{0, 1, 0, 2, 0, 3}, data...)
				case TypeTXT:
					size := rapid.SampledFrom([]int{1, 200, 9000, 30000, 65000, 65500}).Draw(t, "size")
					data = nil
					for size > 0 {
						n := min(size, 256)
						data = append(append(data, byte(n-1)), filler[:n-1]...)
						size -= n
					}
				}
				rrs = append(rrs, RR{Name: owner, Type: typ, Class: ClassIN, TTL: 60, Data: data})
				set = binary.BigEndian.AppendUint16(set, uint16(typ))
				set = append(set, 0, 1, 0, 0, 0, 99)
				set = binary.BigEndian.AppendUint16(set, uint16(len(data)))
				set = append(set, data...)
			}
			before := len(b.buf)
			if b.AddSet(Answer, owner, typ, set, len(rrs), 60) {
				want = append(want, rrs...)
			} else if len(b.buf) != before {
				t.Fatal("an RRset that does not fit was written in part")
			}
		}
		got := b.Bytes()
		if len(got) > limit || len(got) > MaxMessage {
			t.Fatalf("%d octets, limit %d", len(got), limit)
		}
		m, err := ParseMessage(got)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Answer) != len(want) {
			t.Fatalf("%d records, want %d", len(m.Answer), len(want))
		}
		for i := range want {
			if !m.Answer[i].Equal(want[i]) || m.Answer[i].TTL != 60 {
				t.Fatalf("record %d is %v, want %v", i, m.Answer[i], want[i])
			}
		}
	})
}

// TestCompressionIsLinear writes names made to collide; the time of each may not grow with the number of names.
func TestCompressionIsLinear(t *testing.T) {
	var b Builder
	b.Reset(nil, MaxMessage)
	probes := 0
	for i := range 2000 {
		if !b.AddRR(Answer, RR{Name: MustParseName(fmt.Sprintf("n%d.x", i)), Type: TypeA, Class: ClassIN, Data: []byte{1, 2, 3, 4}}) {
			break
		}
	}
	for _, head := range b.heads {
		chain := 0
		for i := head; i != unknownNode; i = b.nodes[i-firstNode].next {
			chain++
		}
		probes = max(probes, chain)
	}
	if n := b.used - firstNode; n != maxKnown {
		t.Errorf("%d names are remembered, want %d", n, maxKnown)
	}
	if probes > 4*maxProbe {
		t.Errorf("a bucket has %d names", probes)
	}
}

func TestQuery(t *testing.T) {
	raw := library(t)
	raw = append(raw, 0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 6, 0, 3, 0, 2, 1, 1)
	raw[11], raw[13] = 1, 'E'
	var q Query
	if rcode := q.Parse(raw); rcode != RcodeNoError || q.Name != MustParseName("example.org.") || q.Type != TypeMX || q.Class != ClassIN {
		t.Errorf("%s: %+v", rcode, q)
	}
	if e := q.EDNS; !e.Present || e.Size != 1232 || !e.DO || e.Version != 0 {
		t.Errorf("EDNS %+v", e)
	}
	if n := testing.AllocsPerRun(100, func() { q.Parse(raw) }); n != 0 {
		t.Errorf("Parse makes %v allocations", n)
	}
}

// TestQueryWithoutOneQuestion: EDNS is read of messages that have no question or several, so that the reply has it too.
func TestQueryWithoutOneQuestion(t *testing.T) {
	opt := []byte{0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0}
	question := []byte{1, 'a', 0, 0, 1, 0, 1}
	again := []byte{0xc0, 12, 0, 1, 0, 1}
	for _, c := range []struct {
		questions, additionals byte
		body                   [][]byte
		edns                   bool
	}{
		{0, 0, nil, false}, {0, 1, [][]byte{opt}, true}, {2, 0, [][]byte{question, question}, false}, {2, 1, [][]byte{question, question, opt}, true},
		{2, 1, [][]byte{question, again, opt}, true}, {3, 1, [][]byte{question, question, opt}, false}, {255, 1, [][]byte{question}, false},
	} {
		msg := []byte{0, 1, 0, 0, 0, c.questions, 0, 0, 0, 0, 0, c.additionals}
		for _, b := range c.body {
			msg = append(msg, b...)
		}
		var q Query
		if rcode := q.Parse(msg); rcode != RcodeFormErr || q.Name != "" || q.EDNS.Present != c.edns || q.End != HeaderSize {
			t.Errorf("%x: %s, %+v", msg, rcode, q.EDNS)
		}
	}
}

func BenchmarkQuery(b *testing.B) {
	raw := library(b)
	var q Query
	b.ReportAllocs()
	for b.Loop() {
		q.Parse(raw)
	}
}
