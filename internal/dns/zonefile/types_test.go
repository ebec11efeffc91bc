package zonefile

import (
	"bytes"
	"encoding/hex"
	"testing"

	"bundy/internal/dns/wire"
)

// TestTypes: the text form of every type that zones of today have, to the wire and back. wire is checked where the
// library is not the reader.
func TestTypes(t *testing.T) {
	const digest = "d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971"
	for _, c := range []struct{ typ, text, back, wire string }{
		{typ: "A", text: "192.0.2.1"}, {typ: "AAAA", text: "2001:db8::1"}, {typ: "NS", text: "a."}, {typ: "CNAME", text: "a."},
		{typ: "SOA", text: "a. b. 1 2 3 4 5"}, {typ: "PTR", text: "a."}, {typ: "MX", text: "10 a."}, {typ: "TXT", text: `"a" "b c"`},
		{typ: "SRV", text: "1 2 3 a."}, {typ: "DNAME", text: "a."}, {typ: "HINFO", text: `"a" "b"`}, {typ: "RP", text: "a. b."},
		{typ: "AFSDB", text: "1 a."}, {typ: "X25", text: "311061700956", back: `"311061700956"`}, {typ: "RT", text: "1 a."}, {typ: "PX", text: "10 a. b."},
		{typ: "KX", text: "1 a."}, {typ: "SPF", text: `"v=spf1"`}, {typ: "AVC", text: `"a"`}, {typ: "NINFO", text: `"a"`},
		{typ: "LOC", text: "51 30 12.748 N 00 07 39.611 W 0m 0.00m 0.00m 0.00m"},
		{typ: "NAPTR", text: `100 10 "u" "E2U+sip" "!^.*$!sip:x@example.com!" .`},
		{typ: "CERT", text: "1 0 0 AQID", back: "PKIX 0 0 AQID"}, {typ: "OPENPGPKEY", text: "AQID"}, {typ: "KEY", text: "256 3 8 AQID"},
		{typ: "APL", text: "1:192.168.32.0/21 !1:192.168.38.0/28"},
		{typ: "SSHFP", text: "1 1 DD465C09CFA51FB45020CC83316FFF21B9EC74AC"},
		{typ: "IPSECKEY", text: "10 1 2 192.0.2.38 AQNR"}, {typ: "IPSECKEY", text: "10 3 2 gw.example. AQNR"},
		{typ: "HIP", text: "2 200100107b1a74df365639cc39f1d578 AwEAAbdx rvs.example."},
		{typ: "DNSKEY", text: "256 3 8 AQID"}, {typ: "CDNSKEY", text: "0 3 0 AA=="}, {typ: "CDS", text: "0 0 0 00"},
		{typ: "DS", text: "1 8 2 " + digest, back: "1 8 2 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971"},
		{typ: "RRSIG", text: "A 8 2 3600 20300101000000 20200101000000 1 example. AQID"},
		{typ: "NSEC", text: "host.example. A MX RRSIG NSEC TYPE1234"}, {typ: "NSEC3PARAM", text: "1 0 0 -"},
		{typ: "NSEC3", text: "1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A RRSIG"},
		{typ: "TLSA", text: "3 1 1 " + digest}, {typ: "SMIMEA", text: "3 1 1 " + digest},
		{typ: "CAA", text: `0 issue "letsencrypt.org"`}, {typ: "CAA", text: `128 tbs "x;y=1"`},
		{typ: "DHCID", text: "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="},
		{typ: "ZONEMD", text: "2018031500 1 1 " + digest + digest[:32]}, {typ: "CSYNC", text: "66 3 A NS AAAA"},
		{typ: "URI", text: `10 1 "ftp://ftp1.example.com/public"`},
		{typ: "EUI48", text: "00-00-5e-00-53-2a"}, {typ: "EUI64", text: "00-00-5e-ef-10-00-00-2a"},
		{typ: "NID", text: "10 0014:4fff:ff20:ee64"}, {typ: "L32", text: "10 10.1.2.0"}, {typ: "LP", text: "10 l64.example."},
		{typ: "SVCB", text: `1 foo.example. alpn="h2,h3" port="8443" ipv4hint="192.0.2.1,192.0.2.2"`},
		{typ: "HTTPS", text: "0 svc.example."}, {typ: "HTTPS", text: `1 . alpn="h2" ech="AEn+DQ==" ipv6hint="2001:db8::1" dohpath="/dns-query{?dns}" key65333="ex"`},
		{typ: "DSYNC", text: "CDS NOTIFY 5300 scanner.example.", wire: "003b0114b4077363616e6e6572076578616d706c6500"},
		{typ: "dsync", text: "type59 1 5300 scanner", back: "CDS NOTIFY 5300 scanner.", wire: "003b0114b4077363616e6e657200"},
		{typ: "DSYNC", text: "TYPE65280 128 53 .", wire: "ff0080003500"},
		{typ: "AMTRELAY", text: "10 0 1 203.0.113.15", wire: "0a01cb00710f"}, {typ: "AMTRELAY", text: "10 1 3 relay.example.", wire: "0a830572656c6179076578616d706c6500"},
		{typ: "AMTRELAY", text: "10 1 2 2001:db8::15", wire: "0a8220010db8000000000000000000000015"}, {typ: "AMTRELAY", text: "10 1 0 .", wire: "0a80"},
		{typ: "RESINFO", text: "qnamemin exterr=15-17", back: `"qnamemin" "exterr=15-17"`}, {typ: "WALLET", text: `"ETH" "0x1"`, wire: "0345544803307831"},
		{typ: "CLA", text: `"x"`, wire: "0178"}, {typ: "IPN", text: "18446744073709551615", wire: "ffffffffffffffff"}, {typ: "HHIT", text: "AQID", wire: "010203"}, {typ: "BRID", text: "AQID", wire: "010203"},
		{typ: "SVCB", text: `1 . key1=\002h2`, back: `1 . alpn="h2"`, wire: "000100000100030268" + "32"},
		{typ: "SVCB", text: `1 . alpn=h2 key0=\000\001`, back: `1 . mandatory="alpn" alpn="h2"`}, {typ: "SVCB", text: `1 . key3=\000\080`, back: `1 . port="80"`},
		{typ: "SVCB", text: `1 . ipv6hint=2001:db8::1 key4=\001\002\003\004`, back: `1 . ipv4hint="1.2.3.4" ipv6hint="2001:db8::1"`},
		{typ: "SVCB", text: `1 . tls-supported-groups=29,23`, back: `1 . tls-supported-groups="29,23"`, wire: "00010000090004001d0017"},
		{typ: "SVCB", text: `1 . ohttp alpn="h2" no-default-alpn`, back: `1 . alpn="h2" no-default-alpn ohttp`}, {typ: "SVCB", text: `1 . alpn=h2 no-default-alpn="" ohttp=`, back: `1 . alpn="h2" no-default-alpn ohttp`}, {typ: "SVCB", text: `0 a.`}, {typ: "SVCB", text: `1 . key65000`},
		{typ: "HTTPS", text: `1 . alpn="f\\\\oo\\,bar,h2"`, wire: "0001000001000c08665c6f6f2c626172026832"}, {typ: "HTTPS", text: `1 . mandatory=port,alpn alpn=h2 port=1`, back: `1 . mandatory="alpn,port" alpn="h2" port="1"`},
		{typ: "X25", text: `"311061700956"`}, {typ: "GPOS", text: `"-22.6882" "116.8652" "250.0"`}, {typ: "SINK", text: "8 0 2 AQID", wire: "080002010203"},
		{typ: "NSAP", text: "0x47000580005a0000000001e133ffffff000161.00", back: "0x47000580005a0000000001e133ffffff00016100"},
		{typ: "DOA", text: `1234567890 1234567890 1 "image/gif" R0lGODlhKAA=`},
		{typ: "WKS", text: "192.0.2.1 TCP telnet smtp Domain 8080", back: "192.0.2.1 6 23 25 53 8080"}, {typ: "WKS", text: "192.0.2.1 17 69", wire: "c000020111" + "000000000000000004"},
		{typ: "WKS", text: "192.0.2.1 udp", back: "192.0.2.1 17", wire: "c000020111"},
		{typ: "A6", text: "0 2001:db8::1", wire: "0020010db8000000000000000000000001"}, {typ: "A6", text: "64 ::1234:5678:9abc:def0 p.", wire: "40123456789abcdef0017000"},
		{typ: "A6", text: "128 p.", wire: "80017000"}, {typ: "A6", text: "127 ::ff p.", back: "127 ::1 p.", wire: "7f01017000"},
		{typ: "NXT", text: "b. A MX SIG NXT", wire: "016200" + "40010082"},
		{typ: "ATMA", text: "+61.200000000", back: "+61200000000", wire: "013631323030303030303030"}, {typ: "ATMA", text: "39.246f.00", back: "39246f00", wire: "0039246f00"},
		{typ: "LOC", text: "60 9 N 24 39 E 10", back: "60 09 0.000 N 24 39 0.000 E 10m 1m 10000m 10m"}, {typ: "LOC", text: "1 S 180 W -100000m 0.05 90000000m 2m", back: "01 00 0.000 S 180 00 0.000 W -100000m 0.05m 90000000m 2m"},
		{typ: "ISDN", text: `"150862028003217"`}, {typ: "ISDN", text: `150862028003217 004`, back: `"150862028003217" "004"`}, {typ: "KEY", text: "49152 3 8"},
		{typ: "UID", text: `\# 4 00000001`}, {typ: "UINFO", text: `\# 2 0161`},
		{typ: "TYPE65280", text: `\# 2 0102`, wire: "0102"},
	} {
		typ, err := wire.ParseType(c.typ)
		if err != nil {
			t.Error(err)
			continue
		}
		data, err := ParseData(typ, c.text, wire.Root)
		if err != nil {
			t.Error(err)
			continue
		}
		want := c.text
		if c.back != "" {
			want = c.back
		}
		got := FormatData(typ, data)
		if got != want {
			t.Errorf("%s %s comes back as %s", c.typ, c.text, got)
		}
		if back, err := ParseData(typ, got, wire.Root); err != nil || !bytes.Equal(back, data) {
			t.Errorf("%s %s: %x, and then %x, %v", c.typ, c.text, data, back, err)
		}
		if c.wire != "" && hex.EncodeToString(data) != c.wire {
			t.Errorf("%s %s is %x, want %s", c.typ, c.text, data, c.wire)
		}
	}
}

func TestBadTypes(t *testing.T) {
	for _, c := range []struct{ typ, text string }{
		{"DSYNC", "CDS 256 1 a."}, {"DSYNC", "WHAT NOTIFY 1 a."}, {"DSYNC", "CDS NOTIFY 1"}, {"DSYNC", "CDS NOTIFY 1 a. b."},
		{"AMTRELAY", "10 1 3"}, {"AMTRELAY", "10 2 3 a."}, {"AMTRELAY", "10 1 4 a."}, {"AMTRELAY", "10 1 0 a."}, {"AMTRELAY", "10 1 1 a."},
		{"AMTRELAY", "256 1 0 ."}, {"AMTRELAY", "1 1 0 . ."}, {"IPN", "18446744073709551616"}, {"IPN", "-1"}, {"IPN", "x"}, {"WALLET", ""},
		{"SVCB", "1 . alpn="}, {"SVCB", "1 . port=65536"}, {"SVCB", "1 . port=1 port=2"}, {"SVCB", "1 . key3=\\001"}, {"SVCB", "1 . key65535=x"}, {"SVCB", "1 . key03=ab"},
		{"SVCB", "1 . mandatory=alpn"}, {"SVCB", "1 . mandatory=mandatory"}, {"SVCB", "1 . mandatory=port,port port=1"}, {"SVCB", "1 . ipv4hint=::1"}, {"SVCB", "1 . ipv6hint=1.2.3.4"},
		{"SVCB", "1 . alpn=a,,b"}, {"SVCB", "1 . ohttp=x"}, {"SVCB", "1 . what=x"}, {"SVCB", `1 . "port=1"`}, {"SVCB", "1 . ech=!"}, {"SVCB", "1 . PORT=1"}, {"SVCB", "1"},
		{"SVCB", `1 a"b". alpn=h2`}, {"SVCB", `1"" . alpn=h2`}, {"SVCB", `1 . key667=a"b"`}, {"SVCB", `1 . key667="a"b"c"`},
		{"NSAP", "47"}, {"NXT", "b. CAA"}, {"NXT", "b. TYPE128"}, {"NXT", "b. TYPE0"}, {"NXT", "b."}, {"WKS", "192.0.2.1"}, {"WKS", "192.0.2.1 tcp nosuch"}, {"WKS", "192.0.2.1 tcp 65536"}, {"WKS", "192.0.2.1 nosuch 1"}, {"WKS", "x tcp 1"},
		{"A6", "129 a."}, {"A6", "0 ::1 a."}, {"A6", "64 ::1"}, {"A6", "128 ::1 a."}, {"A6", "64"}, {"A6", "0 1.2.3.4"}, {"ATMA", "+"}, {"ATMA", "+1x"}, {"ATMA", "0g"}, {"ATMA", "1 2"}, {"ATMA", "."},
		{"LOC", "91 N 1 E 1m"}, {"LOC", "90 1 N 1 E 1m"}, {"LOC", "1 60 N 1 E 1m"}, {"LOC", "1 1 60 N 1 E 1m"}, {"LOC", "1 1 1 1 N 1 E 1m"}, {"LOC", "1 N 1 E"}, {"LOC", "1 N"}, {"LOC", "1 E 1 N 1m"},
		{"LOC", "N 1 E 1m"}, {"LOC", "1 N 1 E -100000.01m"}, {"LOC", "1 N 1 E 1.234m"}, {"LOC", "1 N 1 E 1m 1m 1m 1m 1m"}, {"LOC", "1 N 1 E 1m 90000000.01m"}, {"LOC", "1 N 1 E x"}, {"LOC", "1 N 1 E 42849672.96"}, {"ISDN", "1 2 3"}, {"NSAP", "0x4"}, {"NSAP", "0x"}, {"GPOS", "1 2"}, {"SINK", "1 2"}, {"DOA", "1 2 3 a !"},
	} {
		typ, err := wire.ParseType(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := ParseData(typ, c.text, wire.Root); err == nil {
			t.Errorf("%s %s was taken: %x", c.typ, c.text, data)
		}
	}
	for _, c := range []struct{ typ, data string }{{"AMTRELAY", "0a"}, {"AMTRELAY", "0a8000"}, {"AMTRELAY", "0a04"}, {"AMTRELAY", "0a0101"}, {"DSYNC", "003b01"}, {"IPN", "00"}} {
		typ, err := wire.ParseType(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		data, err := hex.DecodeString(c.data)
		if err != nil {
			t.Fatal(err)
		}
		if got := FormatData(typ, data); got[:2] != `\#` {
			t.Errorf("%s %s has the text %s", c.typ, c.data, got)
		}
	}
}
