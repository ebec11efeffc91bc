package packet4

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func zeroAddressed() Message {
	z := netip.IPv4Unspecified()
	return Message{Op: BootRequest, HType: 1, XID: 7, CIAddr: z, YIAddr: z, SIAddr: z, GIAddr: z, CHAddr: []byte{2, 0, 0, 0, 0, 1}}
}

// raw builds a packet with the given option octets, and file and sname fields.
func raw(options, file, sname string) []byte {
	m := zeroAddressed()
	b, _ := m.Append(nil, 1472)
	b = append(b[:headerSize+4], options...)
	copy(b[fileAt:headerSize], file)
	copy(b[snameAt:fileAt], sname)
	return b
}

func TestParse(t *testing.T) {
	big := bytes.Repeat([]byte{9}, 255)
	for _, c := range []struct {
		name, options, file, sname string
		code                       uint8
		want                       string // "-" absent, "!" malformed
	}{
		{"plain", "\x35\x01\x01\x0c\x02pc\xff", "", "", 12, "pc"},
		{"no end mark", "\x0c\x02pc", "", "", 12, "pc"},
		{"pads", "\x00\x00\x0c\x02pc\x00\xff", "", "", 12, "pc"},
		{"behind the end", "\xff\x0c\x02pc", "", "", 12, "-"},
		{"empty", "", "", "", 12, "-"},
		{"length missing", "\x0c", "", "", 12, "!"},
		{"too long", "\x0c\x03pc", "", "", 12, "!"},
		{"zero length", "\x0c\x00\xff", "", "", 12, ""},
		{"pieces", "\x0c\x02ab\x35\x01\x01\x0c\x01c\x0c\x01d\xff", "", "", 12, "abcd"},
		{"long pieces", "\x0c\xff" + string(big) + "\x0c\x01c\xff", "", "", 12, string(big) + "c"},
		{"overload file", "\x34\x01\x01\xff", "\x0c\x02pc\xff", "x", 12, "pc"},
		{"overload sname", "\x34\x01\x02\xff", "x", "\x0c\x02pc\xff", 12, "pc"},
		{"overload order", "\x0c\x01a\x34\x01\x03\xff", "\x0c\x01b\xff", "\x0c\x01c\xff", 12, "abc"},
		{"overload malformed", "\x34\x01\x01\xff", "\x0c\xff", "", 12, "!"},
		{"overload in file is not followed", "\x34\x01\x01\xff", "\x34\x01\x02\xff", "\x0c\x01c\xff", 12, "-"},
		{"not overloaded", "\xff", "\x0c\x02pc\xff", "", 12, "-"},
	} {
		m, err := Parse(raw(c.options, c.file, c.sname))
		if c.want == "!" {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: error %v", c.name, err)
			}
			continue
		}
		got, ok := m.Get(c.code)
		if err != nil || ok == (c.want == "-") || ok && string(got) != c.want {
			t.Errorf("%s: %q %v %v", c.name, got, ok, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := raw("\x35\x01\x01\xff", "", "")
	for name, change := range map[string]func([]byte) []byte{
		"short":      func(b []byte) []byte { return b[:239] },
		"nothing":    func([]byte) []byte { return nil },
		"cookie":     func(b []byte) []byte { b[236] = 0; return b },
		"hlen":       func(b []byte) []byte { b[2] = 17; return b },
		"op":         func(b []byte) []byte { b[0] = 3; return b },
		"impossible": func([]byte) []byte { return make([]byte, MaxSize+1) },
	} {
		if _, err := Parse(change(slices.Clone(good))); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestAppend(t *testing.T) {
	m := zeroAddressed()
	m.Set(OptRelayAgent, []byte{1, 1, 1})
	m.SetAddr(OptServerID, netip.MustParseAddr("192.0.2.1"))
	m.Set(43, bytes.Repeat([]byte{7}, 300))
	m.SetType(ACK)
	b, omitted := m.Append(nil, PayloadLimit(1500))
	if len(omitted) > 0 || b[240] != OptMessageType || b[len(b)-1] != OptEnd {
		t.Fatalf("omitted %v, packet %x", omitted, b)
	}
	got, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if last := got.Options[len(got.Options)-1]; last.Code != OptRelayAgent {
		t.Errorf("last option is %d", last.Code)
	}
	if v, _ := got.Get(43); len(v) != 300 {
		t.Errorf("option 43 has %d octets", len(v))
	}

	small := zeroAddressed()
	small.SetType(Offer)
	if b, _ := small.Append(nil, PayloadLimit(0)); len(b) != 300 {
		t.Errorf("%d octets instead of 300", len(b))
	}
}

// TestLimit: what does not fit goes into file and sname, the rest is left out, never above the limit.
func TestLimit(t *testing.T) {
	for total := range 40 {
		m := zeroAddressed()
		m.SetType(ACK)
		m.Set(OptRelayAgent, make([]byte, 20))
		for i := range total {
			m.Set(uint8(100+i), bytes.Repeat([]byte{byte(i)}, 30))
		}
		limit := PayloadLimit(576)
		b, omitted := m.Append(nil, limit)
		if len(b) > limit {
			t.Fatalf("%d options: %d octets, more than %d", total, len(b), limit)
		}
		got, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range total {
			code := uint8(100 + i)
			v, ok := got.Get(code)
			if ok == slices.Contains(omitted, code) || ok && !bytes.Equal(v, bytes.Repeat([]byte{byte(i)}, 30)) {
				t.Errorf("%d options: option %d is %x, omitted %v", total, code, v, omitted)
			}
		}
		if total <= 12 && len(omitted) > 0 {
			t.Errorf("%d options: omitted %v although there is room", total, omitted)
		}
	}
}

// TestLongOptions: RFC 3396, both ways. Options above 255 octets are in pieces, which go on in the fields file and sname if
// they must, and come together again in that order.
func TestLongOptions(t *testing.T) {
	long := func(n int) []byte {
		out := make([]byte, n)
		for i := range out {
			out[i] = byte(i / 3)
		}
		return out
	}
	for n := 200; n <= 520; n++ {
		m := zeroAddressed()
		m.SetType(ACK)
		m.Set(OptRelayAgent, long(20))
		m.Set(OptDNSServers, long(16))
		m.Set(121, long(n))
		m.Set(OptDomainName, long(30))
		limit := PayloadLimit(576)
		b, omitted := m.Append(nil, limit)
		if len(b) > limit {
			t.Fatalf("%d: %d octets", n, len(b))
		}
		got, err := Parse(b)
		if err != nil {
			t.Fatalf("%d: %v", n, err)
		}
		for _, o := range m.Options {
			if data, ok := got.Get(o.Code); ok == slices.Contains(omitted, o.Code) || ok && !bytes.Equal(data, o.Data) {
				t.Errorf("%d: option %d of %d octets is read as %d, omitted %v", n, o.Code, len(o.Data), len(data), omitted)
			}
		}
		if fits := n <= 350; fits && len(omitted) > 0 {
			t.Errorf("%d: omitted %v although there is room", n, omitted)
		}
	}
	// What a client sends in pieces, here over all three fields and with another option between them, is one option.
	m := zeroAddressed()
	m.SetType(Request)
	b, _ := m.Append(nil, PayloadLimit(1500))
	b = append(b[:headerSize+4], OptMessageType, 1, byte(Request), OptOverload, 1, 3, 81, 2, 1, 0, 12, 1, 'x', 81, 1, 0, OptEnd)
	copy(b[fileAt:], []byte{81, 2, 'p', 'c', OptEnd})
	copy(b[snameAt:], []byte{81, 1, '.', OptEnd})
	got, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := got.Get(OptFQDN); string(data) != "\x01\x00\x00pc." || len(got.File) > 0 || len(got.SName) > 0 {
		t.Errorf("option 81 is %q, file %q, sname %q", data, got.File, got.SName)
	}
}

func TestPayloadLimit(t *testing.T) {
	for size, want := range map[uint16]int{0: 548, 300: 548, 576: 548, 1000: 972, 1500: 1472, 65535: 1472} {
		if got := PayloadLimit(size); got != want {
			t.Errorf("%d: %d instead of %d", size, got, want)
		}
	}
}

// TestOracle compares with another implementation, both ways.
func TestOracle(t *testing.T) {
	theirs, err := dhcpv4.New(
		dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest),
		dhcpv4.WithOption(dhcpv4.OptHostName("client")),
		dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(43), bytes.Repeat([]byte{5}, 600))),
		dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(61), []byte{1, 2, 3})),
		dhcpv4.WithHwAddr([]byte{2, 0, 0, 0, 0, 9}),
		dhcpv4.WithGatewayIP([]byte{192, 0, 2, 254}),
		dhcpv4.WithBroadcast(true),
	)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(theirs.ToBytes())
	if err != nil {
		t.Fatal(err)
	}
	host, _ := m.Get(OptHostName)
	vendor, _ := m.Get(43)
	if m.Type() != Request || string(host) != "client" || len(vendor) != 600 || m.Flags != FlagBroadcast ||
		m.GIAddr != netip.MustParseAddr("192.0.2.254") || !bytes.Equal(m.CHAddr, []byte{2, 0, 0, 0, 0, 9}) {
		t.Errorf("read %+v", m)
	}

	m.Op, m.YIAddr = BootReply, netip.MustParseAddr("192.0.2.10")
	m.SetType(ACK)
	b, _ := m.Append(nil, PayloadLimit(1500))
	back, err := dhcpv4.FromBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	if back.MessageType() != dhcpv4.MessageTypeAck || back.HostName() != "client" || back.YourIPAddr.String() != "192.0.2.10" ||
		len(back.Options.Get(dhcpv4.GenericOptionCode(43))) != 600 {
		t.Errorf("they read %s", back.Summary())
	}
}

// FuzzParse: no input panics; what was read and is written again reads the same.
func FuzzParse(f *testing.F) {
	f.Add(raw("\x35\x01\x01\x0c\x02pc\xff", "", ""))
	f.Add(raw("\x34\x01\x03\x0c\x01a\xff", "\x0c\x01b\xff", "\x0c\x01c\xff"))
	f.Add(raw("\x0c\x02ab\x35\x01\x01\x0c\x01c\x52\x03\x01\x01\x00\xff", "boot", "server"))
	f.Fuzz(func(t *testing.T, b []byte) {
		Peek(b)
		m, err := Parse(b)
		if err != nil {
			return
		}
		m.Type()
		m.Relayed()
		m.SubOption(1)
		out, omitted := m.Append(nil, MaxSize)
		if Peek(out) != m.Type() {
			t.Fatalf("%x is of type %v, not %v", out, m.Type(), Peek(out))
		}
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("%x written as %x: %v", b, out, err)
		}
		for _, o := range m.Options {
			if o.Code == OptOverload || slices.Contains(omitted, o.Code) {
				continue
			}
			if got, ok := again.Get(o.Code); !ok || !bytes.Equal(got, o.Data) {
				t.Fatalf("option %d: %x became %x", o.Code, o.Data, got)
			}
		}
		if theirs, err := dhcpv4.FromBytes(out); err != nil {
			t.Fatalf("they cannot read %x: %v", out, err)
		} else if fmt.Sprintf("%x", theirs.TransactionID[:]) != fmt.Sprintf("%08x", m.XID) {
			t.Fatalf("transaction %v instead of %08x", theirs.TransactionID, m.XID)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	data := raw("\x35\x01\x01\x3d\x07\x01\x02\x00\x00\x00\x00\x01\x0c\x02pc\x37\x04\x01\x03\x06\x0f\xff", "", "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
