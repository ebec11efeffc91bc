package class

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"bundy/internal/dhcp/option"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		option, limit string
		want          bool
	}{
		{"", "ALL", true},
		{"", "docsis3.0", false},
		{"docsis3.0:0502", "VENDOR_CLASS_docsis3.0", true},
		{"docsis3.0", "docsis3.0", true},
		{"x eRouter1.0 y", "VENDOR_CLASS_eRouter1.0", true},
		{"MSFT 5.0", "VENDOR_CLASS_MSFT 5.0", true},
		{"MSFT 5.0", "VENDOR_CLASS_MSFT", false},
	} {
		if got := Of([]byte(c.option)).Has(c.limit); got != c.want {
			t.Errorf("option 60 %q, class %q: %v", c.option, c.limit, got)
		}
	}
}

// sample is a packet for expressions.
type sample struct {
	options map[uint16]string
	relays  []map[uint16]string
	fields  map[string]string
}

func (s sample) Option(code uint16) ([]byte, bool) { v, ok := s.options[code]; return []byte(v), ok }

func (s sample) RelayOption(nest int, code uint16) ([]byte, bool) {
	if nest < 0 {
		nest += len(s.relays)
	}
	if nest < 0 || nest >= len(s.relays) {
		return nil, false
	}
	v, ok := s.relays[nest][code]
	return []byte(v), ok
}

func (s sample) Field(name string, _ int) string { return s.fields[name] }

func packet4() sample {
	return sample{
		options: map[uint16]string{
			12: "pc1", 60: "PXEClient:Arch:00007", 61: "", 77: "foo.bar..end", 93: "\x00\x07",
			82:  "\x01\x04port\x02\x03\xff\x00\x01",
			124: "\x00\x00\x11\x8b\x0c\x05hello\x05world",
			125: "\x00\x00\x00\x01\x02\x09\x00\x00\x00\x11\x8b\x06\x01\x01\x07\x02\x01\x08",
		},
		fields: map[string]string{
			"pkt4.mac": "\x02\x00\x00\xff\x00\x01", "pkt4.hlen": "\x00\x00\x00\x06", "pkt4.giaddr": "\x0a\x00\x00\x01",
			"pkt.iface": "eth0", "pkt4.msgtype": "\x00\x00\x00\x01", "pkt4.transid": "\x00\x00\x30\x39",
		},
	}
}

func packet6() sample {
	return sample{
		options: map[uint16]string{
			1: "\x00\x03\x00\x01duid", 15: "\x00\x03abc", 16: "\x00\x00\x11\x8b\x00\x05hello\x00\x05world",
			17: "\x00\x00\x11\x8b\x00\x01\x00\x02ab\x00\x02\x00\x00",
		},
		relays: []map[uint16]string{{18: "uplink"}, {18: "vlan7", 37: "remote"}},
		fields: map[string]string{"pkt6.msgtype": "\x00\x00\x00\x01", "relay6.linkaddr": string(append([]byte{0x20, 1, 0xd, 0xb8}, make([]byte, 12)...))},
	}
}

// TestExpressions takes the examples of Kea's manual and some more.
func TestExpressions(t *testing.T) {
	four, wrong := option.NewCatalog(option.Family4, nil)
	six, wrong6 := option.NewCatalog(option.Family6, nil)
	if len(wrong)+len(wrong6) > 0 {
		t.Fatal(wrong, wrong6)
	}
	set := Set{"voip", Known, prefix + "docsis3.0"}
	for _, c := range []struct {
		text string
		want bool
	}{
		{"option[60].hex == 'PXEClient:Arch:00007'", true},
		{"substring(option[60].hex,0,9) == 'PXEClient'", true},
		{"option[93].hex == 0x0007 and option[60].exists", true},
		{"option[93].hex == 0x7", false},
		{"option[61].exists and option[61].hex == ''", true},
		{"option[99].exists or option[99].hex == 'x'", false},
		{"option[host-name].text == 'pc1'", true},
		{"option[vendor-class-identifier].exists", true},
		{"option[82].option[1].hex == 'port'", true},
		{"option[82].option[9].exists", false},
		{"relay4[2].hex == 0xff0001", true},
		{"relay4[1].exists and not relay4[3].exists", true},
		{"not option[60].hex == 'x'", true},
		{"not option[60].hex == 'x' and option[12].hex == 'pc1'", true},
		{"not (option[12].hex == 'pc1')", false},
		{"not not option[12].exists", true},
		{"'a' == 'b' or 'a' == 'a' and 'c' == 'd'", false},
		{"('a' == 'a' or 'a' == 'b') and 'c' == 'c'", true},
		{"'a' != 'b'", true},
		{"member('voip') and member('VENDOR_CLASS_docsis3.0') and member('ALL')", true},
		{"known", true},
		{"unknown", false},
		{"not member('KNOWN')", false},
		{"pkt4.mac == 0x020000ff0001", true},
		{"pkt4.hlen == 6", true},
		{"pkt4.giaddr == 10.0.0.1", true},
		{"pkt.iface == 'eth0'", true},
		{"pkt4.transid == 12345", true},
		{"pkt4.msgtype == 0x00000001", true},
		{"hexstring(pkt4.mac, ':') == '02:00:00:ff:00:01'", true},
		{"hexstring(substring(pkt4.mac, 3, all), '') == 'ff0001'", true},
		{"concat('foo', 'bar') == 'foobar'", true},
		{"'abc' + 'def' + 'ghi' == 'abcdefghi'", true},
		{"ifelse(option[230].exists, option[230].hex, 'none') == 'none'", true},
		{"ifelse(not option[12].hex == 'pc1' or known, 'us', 'them') == 'us'", true},
		{"lcase('LoWeR') == 'lower' and ucase('uPpEr') == 'UPPER'", true},
		{"substring('foobar', 0, 6) == 'foobar'", true},
		{"substring('foobar', 3, 3) == 'bar'", true},
		{"substring('foobar', 3, all) == 'bar'", true},
		{"substring('foobar', 1, 4) == 'ooba'", true},
		{"substring('foobar', -5, 4) == 'ooba'", true},
		{"substring('foobar', -1, -3) == 'oba'", true},
		{"substring('foobar', 4, -2) == 'ob'", true},
		{"substring('foobar', 10, 2) == ''", true},
		{"split ('one.two..four', '.', 1) == 'one'", true},
		{"split ('one.two..four', '.', 2) == 'two'", true},
		{"split ('one.two..four', '.', 3) == ''", true},
		{"split ('one.two..four', '.', 4) == 'four'", true},
		{"split ('one.two..four', '.', 5) == ''", true},
		{"split(option[77].text, 0x2e, 4) == 'end'", true},
		{"match('foo.*', 'foobar')", true},
		{"match('foo', 'foobar')", false},
		{"match('^.*foo.*$', 'is it foo or bar') and not match('x', lcase('X') + 'x')", true},
		{"addrtotext (192.10.0.1) == '192.10.0.1'", true},
		{"addrtotext (2003:db8::) == '2003:db8::'", true},
		{"int8totext (-1) == '-1' and int16totext(-2) == '-2' and int32totext(-3) == '-3'", true},
		{"uint8totext (255) == '255' and uint16totext (65535) == '65535' and uint32totext (4294967295) == '4294967295'", true},
		{"uint32totext('abc') == ''", true},
		{"vendor[*].exists and vendor[4491].exists and not vendor[9].exists", true},
		{"vendor[4491].option[2].hex == 0x08 and not vendor[4491].option[3].exists", true},
		{"vendor.enterprise == 1", true},
		{"vendor-class[4491].exists and vendor-class.enterprise == 4491", true},
		{"vendor-class[4491].data == 'hello' and vendor-class[*].data[1] == 'world' and vendor-class[0].data[2] == ''", true},

		{"6: pkt6.msgtype == 1", true},
		{"6: relay6[0].option[18].hex == 'uplink' and relay6[-1].option[interface-id].hex == 'vlan7'", true},
		{"6: relay6[1].option[37].exists and not relay6[2].option[37].exists", true},
		{"6: relay6[0].linkaddr == 2001:db8:: and relay6[0].peeraddr == ''", true},
		{"6: option[1].hex == 0x00030001 + 'duid'", true},
		{"6: vendor[4491].option[1].hex == 'ab' and vendor[4491].option[2].exists and vendor.enterprise == 4491", true},
		{"6: vendor-class[4491].data[1] == 'world' and not vendor-class[9].exists", true},
		{"6: substring(option[15].hex, 2, 3) == 'abc'", true},
	} {
		family, catalog, p := option.Family4, four, packet4()
		text, isSix := strings.CutPrefix(c.text, "6: ")
		if isSix {
			family, catalog, p = option.Family6, six, packet6()
		}
		x, err := Compile(family, catalog, text)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := NewEvaluator(family).Test(x, p, set); got != c.want {
			t.Errorf("%s: %v", c.text, got)
		}
	}
	for _, text := range []string{
		"", "option[60].hex", "option[60]", "option[60].foo", "option[70000].hex == ''", "option[no-such].hex == ''", "foo == 'x'",
		"'a' == 'b' == 'c'", "member(x)", "match(option[60].hex, 'x')", "match('(', 'x')", "('a' == 'a'", "'a' == 'a')", "'a' = 'a'",
		"'open", "relay6[0].peeraddr == ''", "pkt6.msgtype == 1", "pkt4.foo == ''", "substring('a', 'b', 1) == ''", "concat('a') == ''",
		"not 'a'", "'a' and 'b'", "1 + 1", "all == ''", "0x == ''", "0xzz == ''", "let x = 1", "[1, 2]", "{}", `"x" == "x"`, "map('a', 'b')",
		"vendor[4491].hex == ''", "vendor-class[*].option[1].hex == ''", "99999999999 == ''", "'a', 'b'", strings.Repeat("(", 5000), "P == P",
		"not", "option[60].exists not", strings.Repeat("'a' + ", 2000) + "'a' == 'a'",
	} {
		if _, err := Compile(option.Family4, four, text); err == nil {
			t.Errorf("%.60q is accepted", text)
		} else if !strings.HasPrefix(err.Error(), "expression ") {
			t.Error(err)
		}
	}
	x, err := CompileText(option.Family4, four, "concat(relay4[1].hex, pkt4.mac)")
	if err != nil {
		t.Fatal(err)
	}
	if got := NewEvaluator(option.Family4).Text(x, packet4(), nil); got != "port\x02\x00\x00\xff\x00\x01" {
		t.Errorf("%x", got)
	}
}

func TestClasses(t *testing.T) {
	catalog, _ := option.NewCatalog(option.Family4, nil)
	c, wrong := NewClasses(option.Family4, catalog, []Definition{
		{Name: "pxe", Test: "substring(option[60].hex, 0, 9) == 'PXEClient'"},
		{Name: "guest", Test: "unknown"},
		{Name: "staff"}, // by reservation
		{Name: "boss", Test: "member('staff') and member('pxe')"},
		{Name: "extra", Test: "member('pxe')", Required: true},
		{Name: "always", Required: true},
	})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	e, p := NewEvaluator(option.Family4), packet4()
	early := c.Early(e, p, Set{"VENDOR_CLASS_x"})
	if !slices.Equal(early, Set{"VENDOR_CLASS_x", "pxe"}) {
		t.Errorf("early %v", early)
	}
	if got := c.Late(e, p, early.With(Unknown)); !slices.Equal(got, Set{"VENDOR_CLASS_x", "pxe", Unknown, "guest"}) {
		t.Errorf("unknown %v", got)
	}
	late := c.Late(e, p, early.With(Known).With("staff"))
	if !slices.Equal(late, Set{"VENDOR_CLASS_x", "pxe", Known, "staff", "boss"}) {
		t.Errorf("known %v", late)
	}
	if got := c.Additional(e, p, late, []string{"always", "extra", "nobody", "pxe"}); !slices.Equal(got[5:], Set{"always", "extra"}) {
		t.Errorf("additional %v", got)
	}
	if !slices.Equal(early, Set{"VENDOR_CLASS_x", "pxe"}) {
		t.Errorf("a set was changed: %v", early)
	}
	if !c.Has("staff") || !c.Has("KNOWN") || !c.Has("VENDOR_CLASS_y") || c.Has("nobody") || len(c.Names()) != 6 {
		t.Error("names")
	}
	_, wrong = NewClasses(option.Family4, catalog, []Definition{{Name: "a", Test: "member('b')"}, {Name: "b"}, {Name: "b"}, {}, {Name: "c", Test: "x"}})
	if len(wrong) != 4 || wrong[0] == nil || wrong[2] == nil || wrong[3] == nil || wrong[4] == nil {
		t.Errorf("errors %v", wrong)
	}
}

// FuzzExpression: no text and no packet ends the program.
func FuzzExpression(f *testing.F) {
	f.Add("substring(option[60].hex,0,9) == 'PXEClient' and not known", []byte("PXEClient"), false)
	f.Add("split(vendor-class[*].data[1], '.', 2) == concat(hexstring(pkt4.mac, ':'), 0xff)", []byte("\x00\x00\x11\x8b\x05\x04abcd"), false)
	f.Add("match('a*', option[61].hex) or vendor[4491].option[1].exists", []byte("\x00\x00\x11\x8b\x05\x01\x03abc"), true)
	four, _ := option.NewCatalog(option.Family4, nil)
	six, _ := option.NewCatalog(option.Family6, nil)
	f.Fuzz(func(t *testing.T, text string, data []byte, isSix bool) {
		family, catalog := option.Family4, four
		if isSix {
			family, catalog = option.Family6, six
		}
		p := sample{options: map[uint16]string{}, fields: map[string]string{"pkt4.mac": string(data)}}
		for _, code := range []uint16{1, 16, 17, 60, 61, 82, 124, 125} {
			p.options[code] = string(data)
		}
		p.relays = []map[uint16]string{p.options}
		e := NewEvaluator(family)
		if x, err := Compile(family, catalog, text); err == nil {
			e.Test(x, p, Set{string(data)})
		}
		if x, err := CompileText(family, catalog, text); err == nil {
			if v := e.Text(x, p, nil); len(v) > max(2*maxValue, len(data), len(text)) {
				t.Errorf("%d octets of %q", len(v), text)
			}
		}
	})
}

// BenchmarkClasses measures the tests of a packet as operators write them.
func BenchmarkClasses(b *testing.B) {
	catalog, _ := option.NewCatalog(option.Family4, nil)
	c, wrong := NewClasses(option.Family4, catalog, []Definition{
		{Name: "bios", Test: "substring(option[60].hex, 0, 20) == 'PXEClient:Arch:00000'"},
		{Name: "uefi", Test: "option[93].hex == 0x0007"},
		{Name: "phones", Test: "substring(pkt4.mac, 0, 3) == 0x001122"},
	})
	if len(wrong) > 0 {
		b.Fatal(wrong)
	}
	e, p := NewEvaluator(option.Family4), packet4()
	p.options[0] = string(binary.BigEndian.AppendUint16(nil, 1))
	b.ReportAllocs()
	for b.Loop() {
		c.Early(e, p, nil)
	}
}
