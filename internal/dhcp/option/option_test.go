package option

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

func catalog(t testing.TB, custom ...Definition) *Catalog {
	c, wrong := NewCatalog(Family4, custom)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	return c
}

func TestEncode(t *testing.T) {
	c := catalog(t,
		Definition{Space: SpaceDHCP4, Code: 222, Name: "foo", Type: Uint32},
		Definition{Space: SpaceDHCP4, Code: 223, Name: "bar", Type: Record, Fields: []Type{IPv4, Uint16, Boolean, String}},
		Definition{Space: SpaceDHCP4, Code: 224, Name: "six", Type: IPv6, Array: true},
		Definition{Space: SpaceDHCP4, Code: 225, Name: "small", Type: Int8},
		Definition{Space: SpaceDHCP4, Code: 226, Name: "names", Type: FQDN, Array: true},
		Definition{Space: SpaceVendor, Code: 1, Name: "v", Type: Uint8},
	)
	for _, s := range []struct {
		setting Setting
		want    string // hexadecimal, or "!" and a part of the error
	}{
		{Setting{Name: "routers", Code: 3, Data: "192.0.2.1,192.0.2.2", CSV: true}, "c0000201c0000202"},
		{Setting{Name: "routers", Data: "192.0.2.1", CSV: true, Space: "dhcp4"}, "c0000201"},
		{Setting{Code: 3, Data: "192.0.2.1", CSV: true}, "c0000201"},
		{Setting{Code: 6, Data: "C0 00 03 01 C0 00 03 02"}, "c0000301c0000302"},
		{Setting{Code: 6, Data: "C0 00 03"}, "!data ends inside a value"},
		{Setting{Code: 6, Data: "xyz"}, "!not hexadecimal"},
		{Setting{Code: 61, Data: "abc"}, "0abc"},
		{Setting{Code: 200, Data: "0102"}, "0102"},
		{Setting{Code: 200, Data: "1", CSV: true}, "!no definition"},
		{Setting{Name: "none", Data: "1", CSV: true}, "!no option of that name"},
		{Setting{Data: "1"}, "!code must be in 1 to 254"},
		{Setting{Code: 255, Data: "1"}, "!end mark"},
		{Setting{Code: 256, Data: "1"}, "!code must be in 1 to 254"},
		{Setting{Name: "routers", Code: 6, Data: "192.0.2.1", CSV: true}, "!code 6 is the option"},
		{Setting{Code: 3, Data: "192.0.2", CSV: true}, "!\"192.0.2\" is not a value of type ipv4-address"},
		{Setting{Code: 3, Data: "2001:db8::1", CSV: true}, "!not a value"},
		{Setting{Code: 1, Data: "255.0.0.0,255.0.0.0", CSV: true}, "!holds 2 values instead of 1"},
		{Setting{Code: 3, Data: "", CSV: true}, "!not a value"},
		{Setting{Code: 2, Data: "-3600", CSV: true}, "fffff1f0"},
		{Setting{Code: 225, Data: "-129", CSV: true}, "!not a value"},
		{Setting{Code: 23, Data: "256", CSV: true}, "!not a value"},
		{Setting{Code: 23, Data: "0x40", CSV: true}, "40"},
		{Setting{Code: 19, Data: "true", CSV: true}, "01"},
		{Setting{Code: 19, Data: "0", CSV: true}, "00"},
		{Setting{Code: 19, Data: "2", CSV: true}, "!not a value"},
		{Setting{Code: 15, Data: "example.com", CSV: true}, hex.EncodeToString([]byte("example.com"))},
		{Setting{Code: 17, Data: `/a, b\, c`, CSV: true}, hex.EncodeToString([]byte("/a, b, c"))},
		{Setting{Code: 15, Data: " ", CSV: true}, "!must not be empty"},
		{Setting{Code: 43, Data: "", CSV: true}, ""},
		{Setting{Code: 43, Data: "x", CSV: true}, "!carries no data"},
		{Setting{Code: 81, Data: "1, 0, 0, a.example", CSV: true}, "010000" + "0161076578616d706c6500"},
		{Setting{Code: 119, Data: "03616263 00"}, "0361626300"},
		{Setting{Code: 119, Data: "c000"}, "!does not go back"},
		{Setting{Code: 119, Data: "eng.apple.com, marketing.apple.com., apple.com", CSV: true}, "03656e67056170706c6503636f6d00" + "096d61726b6574696e67c004" + "c004"},
		{Setting{Code: 121, Data: "10.0.0.0/8 - 192.0.2.1, 0.0.0.0/0 - 192.0.2.2", CSV: true}, "080ac0000201" + "00c0000202"},
		{Setting{Code: 121, Data: "10.1.0.0/8 - 192.0.2.1", CSV: true}, "!bits behind the prefix"},
		{Setting{Name: "v4-captive-portal", Data: "https://p.example/api?a=1,2", CSV: true}, "68747470733a2f2f702e6578616d706c652f6170693f613d312c32"},
		{Setting{Code: 114, Data: "urn:ietf:params:capport:unrestricted", CSV: true}, "75726e3a696574663a706172616d733a636170706f72743a756e72657374726963746564"},
		{Setting{Code: 114, Data: "portal.example/api", CSV: true}, "!is not a whole URI"},
		{Setting{Code: 114, Data: "https://p.example/a b", CSV: true}, "!stand in no URI"},
		{Setting{Code: 114, Data: "68747470733a2f2f7000"}, "!invalid control character"}, // a zero octet behind it
		{Setting{Code: 114, Data: "https://p.example/" + strings.Repeat("x", 240), CSV: true}, "!longer than 255"},
		{Setting{Code: 121, Data: "10.0.0.0/8", CSV: true}, "!is not a route"},
		{Setting{Code: 121, Data: "20 0a000000"}, "!data ends inside"},
		{Setting{Code: 121, Data: "28 0a000000 c0000201"}, "!prefix of 40 bits"},
		{Setting{Code: 162, Data: "1, d.nl | 2, e.nl, 192.0.2.1, port=853 alpn=dot", CSV: true},
			"0009" + "0001" + "06" + "0164026e6c00" + "001c" + "0002" + "06" + "0165026e6c00" + "04c0000201" + "0001000403646f74" + "000300020355"},
		{Setting{Code: 162, Data: "1, d.nl, 192.0.2.1, port=853", CSV: true}, "!alpn is missing"},
		{Setting{Code: 162, Data: "1, d.nl, 192.0.2.1", CSV: true}, "!neither two nor four"},
		{Setting{Code: 159, Data: "1, 3, 4", CSV: true}, "01030004"},
		{Setting{Code: 124, Data: "4491, 010203", CSV: true}, "0000118b010203"},
		{Setting{Name: "foo", Code: 222, Data: "12345", CSV: true}, "00003039"},
		{Setting{Name: "bar", Code: 223, Data: "192.0.2.100, 123, true, Hello World", CSV: true}, "c0000264007b01" + hex.EncodeToString([]byte("Hello World"))},
		{Setting{Name: "bar", Code: 223, Data: `192.0.2.100, 123, true, Hello\, World`, CSV: true}, "c0000264007b01" + hex.EncodeToString([]byte("Hello, World"))},
		{Setting{Name: "bar", Code: 223, Data: "192.0.2.100, 123, true, Hello, World", CSV: true}, "!holds 5 values instead of 4"},
		{Setting{Code: 224, Data: "2001:db8::1", CSV: true}, "20010db8000000000000000000000001"},
		{Setting{Code: 226, Data: "a, b.c.", CSV: true}, "0161000162016300"},
		{Setting{Code: 226, Data: "a..b", CSV: true}, "!bad domain name"},
		{Setting{Code: 1, Data: "7", CSV: true, Space: SpaceVendor}, "07"},
		{Setting{Code: 2, Data: "192.0.2.1", CSV: true, Space: "vendor-4491"}, "c0000201"},
		{Setting{Code: 9, Data: "ff", Space: "vendor-1234"}, "ff"},
		{Setting{Code: 9, Data: "ff", Space: "nowhere"}, "!no such option space"},
		{Setting{Code: 9, Data: "ff", Space: "a b"}, "!may hold only"},
		{Setting{Code: 61, Data: strings.Repeat("00", MaxData+1)}, "!longer than"},
	} {
		v, err := c.Encode(s.setting)
		if part, fails := strings.CutPrefix(s.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%+v: error %v", s.setting, err)
			}
			continue
		}
		if err != nil || hex.EncodeToString(v.Data) != s.want {
			t.Errorf("%+v: %x %v", s.setting, v.Data, err)
		}
		if d := c.Lookup(v.Space, v.Code); s.setting.CSV && d != nil {
			text, err := d.Format(v.Data)
			if err != nil {
				t.Errorf("%+v: %v", s.setting, err)
			}
			again, err := d.parse(text)
			if err != nil || !bytes.Equal(again, v.Data) {
				t.Errorf("%+v: written as %q, read as %x %v", s.setting, text, again, err)
			}
		}
	}
}

func TestDefinitions(t *testing.T) {
	for want, d := range map[string]Definition{
		"":                               {Name: "x", Code: 121, Type: IPv4, Array: true}, // newer ones may be replaced
		"already defined as \"routers\"": {Name: "routers", Code: 3, Type: IPv4},
		"already has code 3":             {Name: "routers", Code: 230, Type: IPv4},
		"must not be empty":              {Code: 230, Type: IPv4},
		"nor hold blanks":                {Name: "a b", Code: 230, Type: IPv4},
		"not in 1 to 254":                {Name: "x", Code: 255, Type: IPv4},
		"unknown option type":            {Name: "x", Code: 230, Type: "ip"},
		"needs record-types":             {Name: "x", Code: 230, Type: Record},
		"has record-types but":           {Name: "x", Code: 230, Type: IPv4, Fields: []Type{IPv4}},
		"be an array and encapsulate":    {Name: "x", Code: 230, Type: IPv4, Array: true, Encapsulates: "y"},
		"its own space":                  {Name: "x", Code: 230, Type: Empty, Encapsulates: SpaceDHCP4},
		"array of \"string\"":            {Name: "x", Code: 230, Type: String, Array: true},
		"record field of type \"empty\"": {Name: "x", Code: 230, Type: Record, Fields: []Type{Empty}},
		"must be the last":               {Name: "x", Code: 230, Type: Record, Fields: []Type{String, IPv4}},
		"carry sub-options":              {Name: "x", Code: 230, Type: String, Encapsulates: "y"},
		"lies inside":                    {Space: SpaceVendor, Name: "x", Code: 1, Type: Empty, Encapsulates: SpaceDHCP4},
	} {
		if d.Space == "" {
			d.Space = SpaceDHCP4
		}
		_, wrong := NewCatalog(Family4, []Definition{d})
		if got := ""; wrong[0] != nil {
			got = wrong[0].Error()
			if want == "" || !strings.Contains(got, want) {
				t.Errorf("%+v: %s", d, got)
			}
		} else if want != "" {
			t.Errorf("%+v is accepted; %s", d, want)
		}
	}
}

func TestWire(t *testing.T) {
	c := catalog(t,
		Definition{Space: "isc", Code: 1, Name: "one", Type: IPv4},
		Definition{Space: "isc", Code: 2, Name: "two", Type: String},
		Definition{Space: SpaceDHCP4, Code: 222, Name: "container", Type: Uint16, Encapsulates: "isc"},
		Definition{Space: SpaceVendor, Code: 5, Name: "five", Type: Uint8},
	)
	value := func(space string, code uint16, data string) Value {
		return Value{Space: space, Code: code, Data: []byte(data)}
	}
	global := NewSet(value("isc", 2, "hi"), value("isc", 1, "\xc0\x00\x02\x01"), value(SpaceDHCP4, 222, "\x00\x07"),
		value(SpaceDHCP4, 3, "\x01\x01\x01\x01"), value(SpaceVendor, 5, "\x09"), value("vendor-4491", 2, "abcd"))
	w, err := c.Wire(global.Override(NewSet(value(SpaceDHCP4, 3, "\x02\x02\x02\x02"))))
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[uint16]string{
		222: "\x00\x07\x01\x04\xc0\x00\x02\x01\x02\x02hi", 3: "\x02\x02\x02\x02", 43: "\x05\x01\x09",
	} {
		if string(w.Options[code]) != want {
			t.Errorf("option %d: %x", code, w.Options[code])
		}
	}
	if string(w.Vendor[4491][2]) != "abcd" || len(w.Options) != 3 {
		t.Errorf("wire %+v", w)
	}
	if _, err := c.Wire(NewSet(value("isc", 2, strings.Repeat("x", 256)), value(SpaceDHCP4, 222, ""))); err == nil {
		t.Error("a sub-option of 256 octets is accepted")
	}
}

// TestStandardTable compares with the manual's table, which lies outside of the project.
func TestStandardTable(t *testing.T) {
	text, err := os.ReadFile("../../../../shared/spec/dhcp-options.json")
	if err != nil {
		t.Skip("the table of the manual is not there:", err)
	}
	var table struct {
		DHCP4 [][]any `json:"dhcp4"`
		DHCP6 [][]any `json:"dhcp6"`
	}
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	c := catalog(t)
	for _, row := range table.DHCP4 {
		d := c.Lookup(SpaceDHCP4, uint16(row[0].(float64)))
		if d != nil && d.Code == 119 {
			continue // the manual calls it binary; it is written as names
		}
		if d == nil || d.Name != row[1] || string(d.Type) != row[2] || d.Array != row[3] {
			t.Errorf("%v: defined as %+v", row, d)
		}
	}
	c, _ = NewCatalog(Family6, nil)
	for _, row := range table.DHCP6 {
		d := c.Lookup(SpaceDHCP6, uint16(row[0].(float64)))
		if d == nil || d.Name != row[1] || string(d.Type) != row[2] || d.Array != row[3] {
			t.Errorf("%v: defined as %+v", row, d)
		}
	}
	if len(table.DHCP4) == 0 || len(table.DHCP6) == 0 {
		t.Error("the table is empty")
	}
}

func TestStandardDefinitionsAreSound(t *testing.T) {
	for _, defs := range [][]Definition{standard4(), standard6()} {
		sound(t, defs)
	}
}

func sound(t *testing.T, defs []Definition) {
	for i, d := range defs {
		if d.Name == "" || !d.Type.valid() && d.Type != routes && d.Type != dnr4 && d.Type != dnr6 && d.Type != uri || d.Type == Record && len(d.Fields) == 0 {
			t.Errorf("%+v", d)
		}
		if slices.ContainsFunc(defs[:i], func(o Definition) bool { return o.Space == d.Space && (o.Code == d.Code || o.Name == d.Name) }) {
			t.Errorf("%+v stands there twice", d)
		}
	}
}

// FuzzEncode: no text panics, and what is accepted as text is written and read alike.
func FuzzEncode(f *testing.F) {
	c := catalog(f, Definition{Space: SpaceDHCP4, Code: 223, Name: "bar", Type: Record, Fields: []Type{IPv4, FQDN, Boolean, Uint16}, Array: true})
	f.Add(3, "192.0.2.1, 192.0.2.2", true)
	f.Add(223, `192.0.2.1, a\,b.c, true, 7, 8`, true)
	f.Add(81, "010000ff", false)
	f.Fuzz(func(t *testing.T, code int, data string, csv bool) {
		v, err := c.Encode(Setting{Code: code, Data: data, CSV: csv})
		if err != nil {
			return
		}
		d := c.Lookup(v.Space, v.Code)
		if d == nil {
			return
		}
		text, err := d.Format(v.Data)
		if err != nil {
			t.Fatalf("%d %q became %x: %v", code, data, v.Data, err)
		}
		if strings.TrimSpace(text) != text || d.Type == String || slices.Contains(d.Fields, String) || d.Encapsulates != "" {
			return // blanks at the ends of text are not kept
		}
		again, err := d.parse(text)
		if err != nil || !bytes.Equal(again, v.Data) {
			t.Fatalf("%d %q became %x, written %q, read %x %v", code, data, v.Data, text, again, err)
		}
	})
}

func TestEncode6(t *testing.T) {
	c, wrong := NewCatalog(Family6, []Definition{
		{Space: SpaceDHCP6, Code: 100, Name: "foo", Type: Uint32},
		{Space: SpaceDHCP6, Code: 101, Name: "bar", Type: Record, Fields: []Type{IPv6, Uint16, Boolean, String}},
		{Space: SpaceDHCP6, Code: 102, Name: "container", Type: Empty, Encapsulates: "isc"},
		{Space: "isc", Code: 1, Name: "subopt1", Type: IPv6},
		{Space: "isc", Code: 300, Name: "subopt2", Type: String},
	})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for _, s := range []struct {
		setting Setting
		want    string
	}{
		{Setting{Name: "dns-servers", Data: "2001:db8::cafe, 2001:db8::babe", CSV: true}, "20010db800000000000000000000cafe20010db800000000000000000000babe"},
		{Setting{Code: 24, Data: "a.nl, b.nl", CSV: true}, "0161026e6c00" + "0162026e6c00"},
		{Setting{Code: 100, Data: "12345", CSV: true}, "00003039"},
		{Setting{Code: 101, Data: "::1, 1, false, Hello World", CSV: true}, "00000000000000000000000000000001" + "0001" + "00" + hex.EncodeToString([]byte("Hello World"))},
		{Setting{Code: 60, Data: `root=/dev/nfs, a\,b`, CSV: true}, "000d" + hex.EncodeToString([]byte("root=/dev/nfs")) + "0003612c62"},
		{Setting{Code: 60, Data: "0003612c"}, "!data ends inside"},
		{Setting{Code: 144, Data: `100, d.nl, 2001:db8::1, alpn=h2\,h3 dohpath=/q{?dns} key9=`, CSV: true},
			"0064" + "0006" + "0164026e6c00" + "0010" + "20010db8000000000000000000000001" + "000100060268320268330007000871" + "!"},
		{Setting{Code: 89, Space: "s46-cont-mape-options", Data: "0, 16, 24, 192.0.2.0, 2001:db8::/33", CSV: true}, "001018c0000200" + "2120010db800"},
		{Setting{Code: 93, Space: "s46-rule-options", Data: "4, 3/4", CSV: true}, "04043000"},
		{Setting{Code: 93, Space: "s46-rule-options", Data: "4, 16/4", CSV: true}, "!is not a value of type psid"},
		{Setting{Code: 65535, Data: "00"}, "00"},
		{Setting{Code: 65536, Data: "00"}, "!end mark"},
		{Setting{Code: 32, Space: "vendor-4491", Data: "2001:db8::1", CSV: true}, "20010db8000000000000000000000001"},
	} {
		v, err := c.Encode(s.setting)
		if part, fails := strings.CutPrefix(s.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%+v: error %v", s.setting, err)
			}
			continue
		}
		if want, begins := strings.CutSuffix(s.want, "!"); err != nil || hex.EncodeToString(v.Data) != s.want && !(begins && len(want) > 0) {
			t.Errorf("%+v: %x %v", s.setting, v.Data, err)
			continue
		}
		if d := c.Lookup(v.Space, v.Code); s.setting.CSV && d != nil {
			text, err := d.Format(v.Data)
			again, aerr := d.parse(text)
			if err != nil || aerr != nil || !bytes.Equal(again, v.Data) {
				t.Errorf("%+v: written as %q, read as %x %v %v", s.setting, text, again, err, aerr)
			}
		}
	}
	value := func(s Setting) Value {
		v, err := c.Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	w, err := c.Wire(NewSet(
		value(Setting{Space: "isc", Code: 300, Data: "hi", CSV: true}), value(Setting{Space: "isc", Code: 1, Data: "::1", CSV: true, Use: Always}),
		value(Setting{Code: 23, Data: "::1", CSV: true, Use: Always}), value(Setting{Code: 7, Data: "1", CSV: true, Use: Never}),
		value(Setting{Space: "vendor-4491", Code: 34, Data: "::2", CSV: true, Use: Always}),
		value(Setting{Code: 17, Data: "12345", CSV: true}), value(Setting{Space: SpaceVendor6, Code: 1, Data: "ff"}),
	))
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(w.Options[102]); got != "00010010"+"00000000000000000000000000000001"+"012c00026869" {
		t.Errorf("container %s", got)
	}
	if got := hex.EncodeToString(w.Options[17]); got != "00003039"+"0001"+"0001"+"ff" {
		t.Errorf("vendor-opts %s", got)
	}
	if !slices.Equal(w.Always, []uint16{23, 102}) || !w.Never[7] || w.Options[7] != nil || !slices.Equal(w.VendorAlways[4491], []uint16{34}) {
		t.Errorf("%+v", w)
	}
}

// FuzzFormat: no data panics a definition, and what it reads it writes alike, unless other data says the same.
func FuzzFormat(f *testing.F) {
	four, six := catalog(f), catalog6(f)
	f.Add(uint16(119), []byte("\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04"), false)
	f.Add(uint16(121), []byte("\x08\x0a\xc0\x00\x02\x01"), false)
	f.Add(uint16(162), []byte("\x00\x09\x00\x01\x06\x01d\x02nl\x00"), false)
	f.Add(uint16(144), []byte("\x00\x01\x00\x06\x01d\x02nl\x00"), true)
	f.Add(uint16(60), []byte("\x00\x01a\x00\x00"), true)
	f.Fuzz(func(t *testing.T, code uint16, data []byte, wide bool) {
		c, space := four, SpaceDHCP4
		if wide {
			c, space = six, SpaceDHCP6
		}
		d := c.Lookup(space, code)
		if d == nil {
			return
		}
		text, err := d.Format(data)
		if err != nil {
			return
		}
		if d.Type == String || slices.Contains(d.Fields, String) || d.Type == Tuple || d.Encapsulates != "" || d.Array && len(data) == 0 {
			return // blanks at the ends of text are not kept, and no text stands for no value
		}
		once, err := d.parse(text)
		if err != nil {
			t.Fatalf("%d: %x is written %q: %v", code, data, text, err)
		}
		if again, err := d.Format(once); err != nil || again != text {
			t.Fatalf("%d: %x is written %q, then %q: %v", code, data, text, again, err)
		}
	})
}

func catalog6(t testing.TB) *Catalog {
	c, wrong := NewCatalog(Family6, nil)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	return c
}
