package wire

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzParseMessage checks that what can be read can be written, and says the same then.
func FuzzParseMessage(f *testing.F) {
	f.Add(library(f, sample...))
	f.Add([]byte("\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01")) // a name that points to itself
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := ParseMessage(raw)
		if err != nil {
			return
		}
		again, err := m.Pack()
		if err != nil {
			return // it was compressed where we may not, and is too long without
		}
		back, err := ParseMessage(again)
		if err != nil {
			t.Fatalf("%x becomes %x: %v", raw, again, err)
		}
		if back.Header != m.Header || len(back.Question) != len(m.Question) {
			t.Fatalf("%+v becomes %+v", m.Header, back.Header)
		}
		for i, q := range m.Question {
			if o := back.Question[i]; !q.Name.Equal(o.Name) || q.Type != o.Type || q.Class != o.Class {
				t.Fatalf("question %v becomes %v", q, o)
			}
		}
		for s, records := range [][]RR{m.Answer, m.Authority, m.Additional} {
			for i, rr := range records {
				if o := [][]RR{back.Answer, back.Authority, back.Additional}[s][i]; !rr.Equal(o) || rr.TTL != o.TTL {
					t.Fatalf("record %v becomes %v", rr, o)
				}
			}
		}
		if third, err := back.Pack(); err != nil || !bytes.Equal(third, again) {
			t.Fatalf("%x is written once more as %x, %v", again, third, err)
		}
	})
}

func FuzzQuery(f *testing.F) {
	f.Add(library(f))
	f.Add(library(f, sample...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) < HeaderSize {
			return
		}
		var q Query
		rcode := q.Parse(raw)
		if q.End > len(raw) || rcode == RcodeNoError && NameLength([]byte(q.Name)) != len(q.Name) {
			t.Fatalf("%x: %+v", raw, q)
		}
		var room [MaxName]byte
		if ahead, ok := PeekQuestion(raw, &room); q.Name != "" && (!ok || ahead != Question{Name: q.Name, Type: q.Type, Class: q.Class}) {
			t.Fatalf("%x: %+v, ahead %+v", raw, q, ahead)
		}
		if _, err := ParseMessage(raw); err == nil && q.Header.Questions == 1 && q.Name != "" && rcode != RcodeNoError && rcode != RcodeBadVers && rcode != RcodeFormErr {
			t.Fatalf("%x: %s", raw, rcode)
		}
	})
}

// FuzzReadName checks that a name that was read from anywhere in a message is one, and that it comes back as text, and
// from a message where it stands twice.
func FuzzReadName(f *testing.F) {
	f.Add([]byte("\x03www\x07example\x00\xc0\x04"), 13)
	f.Add([]byte("\x01a\xc0\x00"), 2)
	f.Fuzz(func(t *testing.T, msg []byte, off int) {
		n, next, err := ReadName(msg, off)
		if err != nil {
			return
		}
		if next <= off || next > len(msg) || NameLength([]byte(n)) != len(n) || skipName(msg, off) != next {
			t.Fatalf("%x at %d: %q up to %d", msg, off, string(n), next)
		}
		if back, err := ParseName(n.String()); err != nil || back != n {
			t.Fatalf("%q is %s, which is %q, %v", string(n), n, string(back), err)
		}
		if n.Compare(n.Lower()) != 0 || !n.IsBelow(Root) || len(n) > 1 && !n.IsBelow(n.Parent()) {
			t.Fatalf("%s is not what it is", n)
		}
		m := Message{Question: []Question{{Name: n}, {Name: n.Lower()}, {Name: n}}}
		raw, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseMessage(raw)
		if err != nil || back.Question[0].Name != n || back.Question[1].Name != n || back.Question[2].Name != n {
			t.Fatalf("%s: %+v, %v", n, back, err)
		}
	})
}

// FuzzBuilder writes records of few names, takes some back, and reads what is left: each octet says what comes next.
func FuzzBuilder(f *testing.F) {
	f.Add([]byte{1, 2, 3, 0x80, 4, 0x40, 5, 6, 0x80, 0x40, 7}, uint16(512))
	f.Add(bytes.Repeat([]byte{7, 15, 23, 0x80, 31, 0x40}, 40), uint16(90))
	f.Fuzz(func(t *testing.T, code []byte, limit uint16) {
		names := []Name{Root, "\x01a\x00", "\x01b\x01a\x00", "\x01B\x01A\x00", "\x01c\x01b\x01a\x00", "\x3f" + Name(bytes.Repeat([]byte("l"), 63)) + "\x01a\x00", "\x01*\x01b\x01a\x00", "\x01a\x01a\x00"}
		var b Builder
		b.Reset(nil, max(int(limit), HeaderSize))
		var written []RR
		mark, kept := b.Mark(), 0
		for i, c := range code {
			switch {
			case c&0xc0 == 0x80:
				mark, kept = b.Mark(), len(written)
			case c&0xc0 == 0x40:
				b.Rewind(mark)
				written = written[:kept]
			default:
				rr := RR{Name: names[c&7], Class: ClassIN, TTL: uint32(i)}
				other := names[c>>3&7]
				switch c >> 6 {
				case 0:
					rr.Type, rr.Data = TypeMX, append([]byte{0, c}, other...)
				default:
					rr.Type, rr.Data = TypeSRV, append([]byte{0, 0, 0, 0, 0, c}, other...)
				}
				before := len(b.Bytes())
				if c&1 == 0 {
					if b.AddRR(Answer, rr) {
						written = append(written, rr)
					} else if len(b.Bytes()) != before {
						t.Fatal("something was written of what does not fit")
					}
					continue
				}
				set := binary.BigEndian.AppendUint16(nil, uint16(rr.Type))
				set = binary.BigEndian.AppendUint16(set, uint16(rr.Class))
				set = binary.BigEndian.AppendUint32(set, rr.TTL)
				set = append(binary.BigEndian.AppendUint16(set, uint16(len(rr.Data))), rr.Data...)
				if b.AddSet(Answer, rr.Name, rr.Type, append(set, set...), 2, 1<<31) {
					written = append(written, rr, rr)
				} else if len(b.Bytes()) != before {
					t.Fatal("something was written of what does not fit")
				}
			}
		}
		if len(b.Bytes()) > max(int(limit), HeaderSize) {
			t.Fatalf("%d octets, limit %d", len(b.Bytes()), limit)
		}
		m, err := ParseMessage(b.Bytes())
		if err != nil || len(m.Answer) != len(written) {
			t.Fatalf("%x: %+v, %v, want %d records", b.Bytes(), m, err, len(written))
		}
		for i, rr := range written {
			if !m.Answer[i].Equal(rr) || m.Answer[i].TTL != rr.TTL {
				t.Fatalf("%v was written and %v read", rr, m.Answer[i])
			}
		}
	})
}
