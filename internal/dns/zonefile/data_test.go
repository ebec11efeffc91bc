package zonefile

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"bundy/internal/dns/wire"
)

var origin = wire.MustParseName("example.org")

// forms holds one line of RDATA or more of many types, relative names included.
var forms = []string{
	"A 192.0.2.1", "AAAA 2001:db8::1", "AAAA ::ffff:192.0.2.1", "NS ns1", "NS ns1.example.net.", "CNAME @", "PTR a\\.b.c",
	"DNAME x", "MX 10 mail", "AFSDB 1 afs", "KX 5 kx", "RT 3 rt", "PX 10 a b", "SRV 0 5 5060 sip.example.net.",
	"SOA ns1 hostmaster 2026112301 3h 900 1w 1d", "SOA . . 1 2 3 4 5", "RP who text", "MINFO a b",
	`TXT "v=spf1 -all"`, `TXT plain "two words" "quo\"te" "\195\164" ""`, `SPF "x"`, `HINFO "PC" Linux`,
	"DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
	"DS 60485 5 1 2BB183AF5F22588179A53B0A 98631FAD1A292118", "CDS 0 0 0 00", "DNSKEY 256 3 8 AwEAAcmi", "CDNSKEY 257 3 13 AAAA",
	"NSEC b A MX RRSIG NSEC TYPE1234", "NSEC3 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG", "NSEC3PARAM 1 0 0 -",
	"RRSIG A 8 2 3600 20260101000000 20250101000000 12345 @ AwEAAcmi", `CAA 0 issue "ca.example.net"`,
	`NAPTR 100 10 "u" "sip+E2U" "!^.*$!sip:a@b!" .`, "SSHFP 1 1 123456789abcdef67890123456789abcdef67890",
	"TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b9", "LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m",
	`SVCB 1 svc alpn="h2,h3" port="443"`, `SVCB 1 . mandatory=alpn alpn=h2 key65000=x`, "HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1", `URI 10 1 "ftp://x/"`, "EUI48 00-00-5e-00-53-2a",
	"OPENPGPKEY AwEAAcmi", "CSYNC 66 3 A NS AAAA", "ZONEMD 1 1 1 " + strings.Repeat("ab", 48),
	`TYPE65280 \# 4 c0a80001`, `TYPE65281 \# 0`, `A \# 4 c0000201`, `TXT \# 3 02 6162`, "DLV 1 5 1 " + strings.Repeat("2b", 20),
}

// TestFormsAgreeWithLibrary compares every form with what the library reads, and reads back what is written.
func TestFormsAgreeWithLibrary(t *testing.T) {
	for _, form := range forms {
		name, text, _ := strings.Cut(form, " ")
		typ, err := wire.ParseType(name)
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		data, err := ParseData(typ, text, origin)
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		p := dns.NewZoneParser(strings.NewReader("x 0 IN "+form+"\n"), "example.org.", "")
		rr, _ := p.Next()
		if p.Err() != nil {
			t.Errorf("%s: the library: %v", form, p.Err())
			continue
		}
		buf := make([]byte, 70000)
		end, err := dns.PackRR(rr, buf, 0, nil, false)
		if err != nil {
			t.Fatalf("%s: the library: %v", form, err)
		}
		header := len("x.example.org.") + 1 + 10
		if want := buf[header:end]; !bytes.Equal(data, want) {
			t.Errorf("%s:\n got %x\nwant %x", form, data, want)
		}
		out := FormatData(typ, data)
		back, err := ParseData(typ, out, wire.Root)
		if err != nil || !bytes.Equal(back, data) {
			t.Errorf("%s: written as %q, read back as %x, %v", form, out, back, err)
		}
		if len(data) > 0 && name != "TYPE65280" && strings.HasPrefix(out, `\#`) {
			t.Errorf("%s: written in the generic form", form)
		}
	}
}

func TestParseDataRefuses(t *testing.T) {
	for _, form := range []string{
		"A 192.0.2", "A 192.0.2.1.", "A 192.0.2.01", "A ::1", "A", "A 192.0.2.1 x", "AAAA 192.0.2.1", "AAAA fe80::1%eth0", "NS", "NS a..b",
		"NS " + strings.Repeat("a", 64), "NS " + strings.Repeat("a.", 125) + "a", "MX mail", "MX 65536 mail", "MX 1 mail more",
		"SOA a b 1 2 3 4", "SOA a b 4294967296 1 1 1 1", "SOA a b 1 1 1 1 1x", `TXT "` + strings.Repeat("a", 256) + `"`, `TXT "\256"`,
		`TXT \12`, "TXT", "HINFO one", "DHCID !", "DS 1 2 3 xyz", "NSEC b A BOGUS", `A \# 3 c00002`, `A \# 4 c00002`, `A \# 4 c000020g`,
		`A \#`, `TXT \# 2 0561`, "TYPE65280 text", "CAA 0 issue", "SVCB x", `RRSIG \# 2 0001`, `TXT "open`, "A (192.0.2.1", "A 192.0.2.1\nA 192.0.2.2", `TXT a"b c"`, `NS a"b"`, `TXT a"b`,
	} {
		name, text, _ := strings.Cut(form, " ")
		typ, err := wire.ParseType(name)
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		if data, err := ParseData(typ, text, origin); err == nil {
			t.Errorf("%s was read as %x", form, data)
		}
	}
}

func TestFormatRR(t *testing.T) {
	rr, err := ParseRR(`a\.b\200 300 IN TXT "x;y" ( "a\010" )`, origin)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := FormatRR(rr), `a\.b\200.example.org. 300 IN TXT "x\;y" "a\010"`; got != strings.ReplaceAll(want, `\;`, ";") {
		t.Errorf("got %s", got)
	}
	again, err := ParseRR(FormatRR(rr), wire.Root)
	if err != nil || again.Name != rr.Name || !bytes.Equal(again.Data, rr.Data) || again.TTL != 300 {
		t.Errorf("read back %+v, %v", again, err)
	}
	for _, malformed := range []wire.RR{
		{Name: origin, Type: wire.TypeA, Class: wire.ClassIN, Data: []byte{1, 2, 3}},
		{Name: origin, Type: wire.TypeMX, Class: wire.ClassIN, Data: []byte{0, 1, 3, 'a'}},
		{Name: origin, Type: wire.TypeRRSIG, Class: wire.ClassIN, Data: []byte{0, 1}},
		{Name: origin, Type: wire.TypeTXT, Class: wire.ClassIN, Data: []byte{9, 'a'}},
	} {
		if s := FormatRR(malformed); !strings.Contains(s, `\# `) {
			t.Errorf("malformed RDATA written as %s", s)
		}
	}
}

// FuzzFormatData checks that RDATA of any type from the network is written on one printable line that reads back.
func FuzzFormatData(f *testing.F) {
	for _, form := range forms {
		name, text, _ := strings.Cut(form, " ")
		typ, _ := wire.ParseType(name)
		data, _ := ParseData(typ, text, origin)
		f.Add(uint16(typ), data)
	}
	f.Fuzz(func(t *testing.T, typ uint16, data []byte) {
		if len(data) > maxData {
			return
		}
		text := FormatData(wire.Type(typ), data)
		if !isPrintable(text) {
			t.Fatalf("%q is not printable", text)
		}
		back, err := ParseData(wire.Type(typ), text, wire.Root)
		if err != nil {
			if fits(wire.Type(typ), data) && len(data) > 0 {
				t.Fatalf("type %d, %x is written as %q, which is refused: %v", typ, data, text, err)
			}
			return
		}
		if !bytes.Equal(back, data) {
			t.Fatalf("type %d: %x written as %q reads back as %x", typ, data, text, back)
		}
	})
}

// FuzzParseRR checks that what can be read can be written and read again.
func FuzzParseRR(f *testing.F) {
	for _, form := range forms {
		f.Add("x 300 IN " + form)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rr, err := ParseRR(text, origin)
		if err != nil {
			return
		}
		back, err := ParseRR(FormatRR(rr), wire.Root)
		if err != nil {
			t.Fatalf("%q is written as %q, which is refused: %v", text, FormatRR(rr), err)
		}
		if back.Name != rr.Name || back.Type != rr.Type || back.Class != rr.Class || back.TTL != rr.TTL || !bytes.Equal(back.Data, rr.Data) {
			t.Fatalf("%q: %+v became %+v", text, rr, back)
		}
	})
}
