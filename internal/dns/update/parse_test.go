package update

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"bundy/internal/dns/wire"
)

func TestPackAndParse(t *testing.T) {
	host := wire.MustParseName("Host.example.org")
	a := rr(t, "Host.example.org 300 IN A 192.0.2.10")
	r := Request{
		Zone: origin, Class: wire.ClassIN,
		Prerequisites: []wire.RR{NameInUse(host), NameNotInUse(host), RRsetExists(host, wire.TypeA), RRsetNotExists(host, wire.TypeTXT), RRsetIs(a)},
		Updates:       []wire.RR{Add(a), DeleteRR(a), DeleteRRset(host, wire.TypeTXT), DeleteName(host)},
	}
	msg, err := r.Pack(0x1234)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(msg)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r, got); d != "" {
		t.Errorf("packed and parsed (-want +got):\n%s", d)
	}

	var want dns.Msg
	want.SetUpdate("example.org.")
	want.Id = 0x1234
	oracle := func(text string) dns.RR {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		return rr
	}
	theirs := oracle("Host.example.org. 300 IN A 192.0.2.10")
	want.NameUsed([]dns.RR{theirs})
	want.NameNotUsed([]dns.RR{theirs})
	want.RRsetUsed([]dns.RR{theirs})
	want.RRsetNotUsed([]dns.RR{oracle("Host.example.org. TXT x")})
	want.Used([]dns.RR{oracle("Host.example.org. 0 IN A 192.0.2.10")})
	want.Insert([]dns.RR{theirs})
	want.Remove([]dns.RR{oracle("Host.example.org. 300 IN A 192.0.2.10")})
	want.RemoveRRset([]dns.RR{oracle("Host.example.org. TXT x")})
	want.RemoveName([]dns.RR{theirs})
	packed, err := want.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(msg, packed) {
		t.Errorf("packed\n%q, the oracle\n%q", msg, packed)
	}
}

func TestPackTooLong(t *testing.T) {
	r := Request{Zone: origin, Class: wire.ClassIN}
	for range 2 {
		r.Updates = append(r.Updates, wire.RR{Name: origin, Type: 1000, Class: wire.ClassIN, Data: make([]byte, 40000)})
	}
	if msg, err := r.Pack(1); err == nil {
		t.Errorf("packed %d octets", len(msg))
	}
}

func TestParseRefuses(t *testing.T) {
	good, err := Request{Zone: origin, Class: wire.ClassIN}.Pack(1)
	if err != nil {
		t.Fatal(err)
	}
	change := func(at int, value byte) []byte {
		out := bytes.Clone(good)
		out[at] = value
		return out
	}
	end := len(good)
	for name, msg := range map[string][]byte{
		"empty":          nil,
		"half a header":  good[:6],
		"a response":     change(2, 0x80|5<<3),
		"a query":        change(2, 0),
		"no zone":        good[:12],
		"zone count 0":   append(change(5, 0)[:12:12], []byte{}...),
		"zone count 2":   append(change(5, 2), good[12:]...),
		"type A":         change(end-3, 1),
		"class ANY":      change(end-1, 255),
		"class NONE":     change(end-1, 254),
		"count too high": change(9, 1),
		"trailing octet": append(bytes.Clone(good), 0),
		"address of two octets": append(change(9, 1),
			0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 2, 1, 1),
		"no address": append(change(9, 1), 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0),
	} {
		if r, err := Parse(msg); Rcode(err) != wire.RcodeFormErr {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}

func TestReply(t *testing.T) {
	r := Request{Zone: origin, Class: wire.ClassIN}
	msg, err := r.Pack(0xabcd)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Reply(msg, wire.RcodeRefused), "\xab\xcd\xa8\x05\x00\x00\x00\x00\x00\x00\x00\x00"; string(got) != want {
		t.Errorf("reply %q, want %q", got, want)
	}
	msg[11] = 1
	msg = append(msg, "\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"...)
	if r, err = Parse(msg); err != nil || !r.EDNS {
		t.Fatalf("with EDNS: %v, %v", r, err)
	}
	var reply dns.Msg
	if err := reply.Unpack(r.Reply(msg, wire.RcodeNoError)); err != nil {
		t.Fatal(err)
	}
	if reply.IsEdns0() == nil || reply.IsEdns0().UDPSize() != replySize || reply.Opcode != dns.OpcodeUpdate || !reply.Response {
		t.Errorf("reply with EDNS: %v", &reply)
	}
}

func FuzzParse(f *testing.F) {
	v := build(f, rrs(f, content))
	for _, r := range []Request{
		{Updates: rrs(f, "new.example.org 60 IN A 192.0.2.50\nalias.example.org 60 IN CNAME x")},
		{Prerequisites: rrs(f, "host.example.org 0 ANY ANY\nhost.example.org 0 IN TXT x"), Updates: rrs(f, "host.example.org 0 NONE TXT x\nhost.example.org 0 ANY A")},
		{Updates: rrs(f, "example.org 60 IN SOA 9\nexample.org 0 ANY ANY\nsub.example.org 60 IN DNAME x")},
	} {
		r.Zone, r.Class = origin, wire.ClassIN
		msg, err := r.Pack(1)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(msg)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		r, err := Parse(msg)
		if err != nil {
			if Rcode(err) != wire.RcodeFormErr {
				t.Fatalf("%q: %v", msg, err)
			}
			return
		}
		r.Zone, r.Class = origin, wire.ClassIN
		d, err := Evaluate(v, r)
		if err != nil || len(d.Added) == 0 {
			return
		}
		next, err := v.Apply(d)
		if err != nil {
			t.Fatalf("%q makes a difference that does not apply: %v", msg, err)
		}
		for _, finding := range next.Check() {
			if finding.Fatal {
				t.Fatalf("%q breaks the zone: %s", msg, finding.Text)
			}
		}
	})
}

// FuzzCall reads calls as they may come, and what can be read is the same after it was written again.
func FuzzCall(f *testing.F) {
	r := Request{Zone: "\x07example\x00", Class: wire.ClassIN, Updates: []wire.RR{DeleteName("\x07example\x00")}}
	call, err := Pack([]Transaction{{r, r}, {r}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(call.Transactions)
	f.Add([]byte{1, 0, 12})
	f.Fuzz(func(t *testing.T, octets []byte) {
		ts, err := Call{octets}.Unpack()
		if err != nil {
			return
		}
		again, err := Pack(ts)
		if err != nil {
			return // longer without compression
		}
		if back, err := again.Unpack(); err != nil || len(back) != len(ts) {
			t.Fatalf("%v, then %v %v", ts, back, err)
		}
	})
}
