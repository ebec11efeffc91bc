package packet6

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func octets(t testing.TB, text string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	clientID = "0001 000a 00030001 02aabbccddee "
	iana     = "0003 0028 00000007 00000000 00000000 0005 0018 20010db8000000000000000000000001 00000bb8 00000fa0 "
	iapd     = "0019 0029 00000008 00000000 00000000 001a 0019 00000bb8 00000fa0 38 20010db8000100000000000000000000 "
	solicit  = "01 123456 " + clientID + "0008 0002 0000 0006 0004 0017 0018 000e 0000 " + iana + iapd
)

func TestParse(t *testing.T) {
	p, err := Parse(octets(t, solicit))
	if err != nil {
		t.Fatal(err)
	}
	m := &p.Message
	if m.Type != Solicit || m.ID != 0x123456 || !m.Options.Has(OptRapidCommit) || !m.Options.Asks(24) || m.Options.Asks(25) || p.Link().IsValid() {
		t.Errorf("%+v", p)
	}
	want := []IA{
		{Code: OptIANA, IAID: 7, Leases: []Lease{{Prefix: netip.MustParsePrefix("2001:db8::1/128"), Preferred: 3000, Valid: 4000}}},
		{Code: OptIAPD, IAID: 8, Leases: []Lease{{Prefix: netip.MustParsePrefix("2001:db8:1::/56"), Preferred: 3000, Valid: 4000}}},
	}
	if got := m.IAs(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if again := m.Append(nil); !bytes.Equal(again, octets(t, solicit)) {
		t.Errorf("written as %x", again)
	}
	var built []byte
	for i := range want {
		built = want[i].Append(built)
	}
	if !bytes.Equal(built, octets(t, iana+iapd)) {
		t.Errorf("associations are written as %x", built)
	}
}

func wrap(inner []byte, link string, options ...Option) []byte {
	peer := netip.MustParseAddr("fe80::7").As16()
	a := netip.MustParseAddr(link).As16()
	out := append(append([]byte{byte(RelayForward), 0}, a[:]...), peer[:]...)
	for _, o := range options {
		out = AppendOption(out, o.Code, o.Data)
	}
	return AppendOption(out, OptRelayMessage, inner)
}

func TestRelays(t *testing.T) {
	inner := wrap(octets(t, solicit), "::", Option{OptInterfaceID, []byte("port 1")}, Option{OptSubscriberID, []byte("anna")}, Option{OptERO, []byte{0, OptSubscriberID}})
	data := wrap(inner, "2001:db8:9::1", Option{OptInterfaceID, []byte("vlan 2")}, Option{OptRelayPort, []byte{0, 0}}, Option{OptRemoteID, []byte("no echo")})
	p, err := Parse(data)
	if err != nil || len(p.Relays) != 2 {
		t.Fatal(p, err)
	}
	if id, _ := p.Nearest().Options.Get(OptInterfaceID); string(id) != "port 1" || p.Link() != netip.MustParseAddr("2001:db8:9::1") {
		t.Errorf("nearest %+v link %s", p.Nearest(), p.Link())
	}
	if id, _ := p.RelayOption(OptRemoteID); string(id) != "no echo" {
		t.Errorf("remote id %q", id)
	}
	out := p.AppendReply(nil, func(dst []byte) []byte { return AppendHeader(dst, Reply, p.Message.ID) })
	for i, want := range []Options{
		{{OptInterfaceID, []byte("vlan 2")}, {OptRelayPort, []byte{0, 0}}},
		{{OptInterfaceID, []byte("port 1")}, {OptSubscriberID, []byte("anna")}},
	} {
		r, next, err := parseRelay(out)
		if err != nil || out[0] != byte(RelayReply) || !reflect.DeepEqual(r.Options, want) || r.Link != p.Relays[i].Link || r.Peer != p.Relays[i].Peer {
			t.Errorf("relay %d: %+v %v", i, r, err)
		}
		out = next
	}
	if !bytes.Equal(out, []byte{7, 0x12, 0x34, 0x56}) {
		t.Errorf("inside %x", out)
	}
}

func TestMalformed(t *testing.T) {
	deep := octets(t, solicit)
	for range MaxRelays + 1 {
		deep = wrap(deep, "::")
	}
	for name, data := range map[string][]byte{
		"nothing":                              {},
		"three octets":                         {1, 2, 3},
		"half an option header":                octets(t, "01 000000 0001 00"),
		"option over the end":                  octets(t, "01 000000 0001 000a 0003"),
		"client identifier without value":      octets(t, "01 000000 0001 0002 0003"),
		"client identifier too long":           AppendOption([]byte{1, 0, 0, 0}, OptClientID, make([]byte, MaxDUID+1)),
		"odd option request":                   octets(t, "01 000000 0006 0003 001700"),
		"elapsed time of one octet":            octets(t, "01 000000 0008 0001 00"),
		"rapid commit with data":               octets(t, "01 000000 000e 0001 00"),
		"preference of two octets":             octets(t, "01 000000 0007 0002 0000"),
		"short association":                    octets(t, "01 000000 0003 000b 0000000000000000000000"),
		"short temporary association":          octets(t, "01 000000 0004 0003 000000"),
		"short address":                        octets(t, "01 000000 0003 0011 000000000000000000000000 0005 0001 00"),
		"prefix longer than 128 bits":          octets(t, "01 000000 0019 0029 00000008 00000000 00000000 001a 0019 00000bb8 00000fa0 81 20010db8000100000000000000000000"),
		"short status":                         octets(t, "01 000000 000d 0001 00"),
		"short status in an association":       octets(t, "01 000000 0003 0011 000000000000000000000000 000d 0001 00"),
		"address outside of an association":    octets(t, "01 000000 0005 0018 20010db8000000000000000000000001 00000bb8 00000fa0"),
		"relayed message in one that is not":   octets(t, "01 000000 0009 0004 01000000"),
		"short relay":                          octets(t, "0c 00 2001"),
		"relay without message":                octets(t, "0c 00 20010db8000200000000000000000001 fe800000000000000000000000000001"),
		"relay with two messages":              octets(t, "0c 00 20010db8000200000000000000000001 fe800000000000000000000000000001 0009 0004 01000000 0009 0004 01000000"),
		"relay reply":                          octets(t, "0d 00 20010db8000200000000000000000001 fe800000000000000000000000000001 0009 0004 01000000"),
		"too many relays":                      deep,
		"too many options":                     append([]byte{1, 0, 0, 0}, bytes.Repeat([]byte{0, 200, 0, 0}, MaxOptions+1)...),
		"too many associations":                append([]byte{1, 0, 0, 0}, bytes.Repeat(octets(t, "0004 0004 00000001"), MaxIAs+1)...),
		"too many addresses in an association": AppendOption([]byte{1, 0, 0, 0}, OptIATA, append(make([]byte, 4), bytes.Repeat(AppendOption(nil, OptIAAddr, make([]byte, 24)), MaxLeases+1)...)),
		"vendor options without enterprise":    octets(t, "01 000000 0011 0003 000000"),
		"short authentication":                 octets(t, "01 000000 000b 0003 030100"),
	} {
		if p, err := Parse(data); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestExclude(t *testing.T) {
	for _, c := range []struct{ outer, inner, want string }{
		{"2001:db8:0:f00::/56", "2001:db8:0:f0f::/64", "400f"},
		{"2001:db8::/48", "2001:db8:0:8000::/49", "3180"},
		{"2001:db8::/61", "2001:db8:0:5::/64", "40a0"},
		{"2001:db8::/64", "2001:db8::/64", ""},
		{"2001:db8::/64", "2001:db9::/72", ""},
	} {
		if got := Exclude(netip.MustParsePrefix(c.outer), netip.MustParsePrefix(c.inner)); hex.EncodeToString(got) != c.want {
			t.Errorf("%s in %s: %x", c.inner, c.outer, got)
		}
	}
}

// FuzzParse: no octets panic, and what is read is written the same.
func FuzzParse(f *testing.F) {
	f.Add(octets(f, solicit))
	f.Add(wrap(octets(f, solicit), "2001:db8::1", Option{OptInterfaceID, []byte("vlan 2")}))
	f.Add(octets(f, "08 000001 0002 0004 00020000 0003 0010 00000001 00000000 00000000 000d 0000"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		inner := p.Message.Append(nil)
		if !bytes.HasSuffix(data, inner) && len(p.Relays) == 0 {
			t.Fatalf("%x is written %x", data, inner)
		}
		for _, ia := range p.Message.IAs() {
			again, err := parseIA(Option{ia.Code, ia.Append(nil)[optionHeader:]})
			if err != nil || !reflect.DeepEqual(again, ia) {
				t.Fatalf("%+v is read again as %+v, %v", ia, again, err)
			}
		}
		if got := Peek(data); got != p.Message.Type {
			t.Fatalf("%x is of type %s, not %s", data, p.Message.Type, got)
		}
		p.Link()
		p.AppendReply(nil, func(dst []byte) []byte { return append(dst, inner...) })
	})
}
