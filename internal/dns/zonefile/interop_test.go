package zonefile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bundy/internal/dns/wire"
)

// peerZone uses what master files can hold; BIND 9 must read the same records in it.
const peerZone = `$TTL 1h30m
@ IN SOA ns1 host\.master.example.org. ( 2026112301 ; serial
	3h 15m
	1w 1d )
	NS ns1
	5400 IN NS ns2.example.net.
	600 IN MX 10 mail
ns1 A 192.0.2.1
	AAAA 2001:db8:0:0::0:1
Mail A ( 192.0.2.2 )
"quoted owner" TXT "with ; and (parentheses)" plain\ word \"x\" ""
a\.b\032c\000 CNAME @
* TXT "wildcard"
$ORIGIN sub
@ NS ns.sub
ns.sub A 192.0.2.3
$ORIGIN example.org.
$GENERATE 1-20/3 h$ A 10.0.0.$
$GENERATE 5-6 g${-2,3,d} 300 CNAME h${1,0,x}
$GENERATE 1-2 ${0,3,n} PTR h$.example.net.
$GENERATE 1-2 t$ TXT "n=${0,2,X}"
$GENERATE 1-2 mx${-3} MX "10 mail$"
$GENERATE 1-2 tt$ 300 TXT "a$ \"b c $$\" d\032e"
$GENERATE 15-17/2 ${0,3,N}.${0,0,o}.${0,4,x} 300 IN HTTPS "$ . alpn=h2"
$GENERATE 4095-4096 n${0,5,n}.\$.${-4000,3} IN 300 PTR a
_sip._tcp SRV 0 5 5060 sip.example.net.
caa CAA 0 issue "ca.example.net; policy=ev"
ds DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
key DNSKEY 256 3 8 AwEAAcmi Ag==
loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
naptr NAPTR 100 10 "u" "sip+E2U" "!^.*$!sip:a@b!" .
svc SVCB 1 target alpn="h2,h3" port=443
svc2 SVCB 1 . key3=\001\187 key1="\002h2" mandatory=alpn,port key65000=a\032b
svc3 HTTPS 1 . alpn="f\\\\oo\\,bar,h2" ipv6hint=2001:db8::1,::2 no-default-alpn ech=AQID key7="/q{?dns}"
x25 X25 311061700956
gpos GPOS -22.6882 116.8652 250.0
nsap NSAP 0x47000580005a0000000001e133ffffff000161.00
sink SINK 8 0 2 AQID
doa DOA 1234567890 1234567890 1 "image/gif" R0lGODlhKAA=
tlsa TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b9d2abde240d7cd3ee6b4b28c54df034b9
unknown TYPE65280 \# 4 c0 a8 00 01
dhcid DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=
rp RP who.example.net. txt
hinfo HINFO "PC x" Linux
uri URI 10 1 "ftp://x/"
dname DNAME other.example.
generic A \# 4 c0000209
$INCLUDE included inner
back A 192.0.2.8
`

func TestBIND9ReadsTheSame(t *testing.T) {
	tool, err := exec.LookPath("named-compilezone")
	if err != nil {
		t.Skip("named-compilezone is not installed")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"zone": peerZone, "included": "@ A 192.0.2.7\nx 5 TXT y\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(tool, "-i", "none", "-k", "ignore", "-n", "ignore", "-s", "full", "-o", "out", "example.org", "zone")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	readAll := func(file string) []string {
		var all []string
		for rr, err := range Read(filepath.Join(dir, file), origin, Options{}) {
			if err != nil {
				t.Error(err)
				continue
			}
			rr.Name = rr.Name.Lower()
			all = append(all, FormatRR(rr))
		}
		slices.Sort(all)
		return all
	}
	theirs, ours := readAll("out"), readAll("zone")
	if len(ours) < 40 {
		t.Errorf("only %d records", len(ours))
	}
	if diff := cmp.Diff(theirs, ours); diff != "" {
		t.Errorf("BIND 9 (-) and we (+) differ:\n%s", diff)
	}
}

// TestBIND9AgreesOnEveryType: BIND 9 reads testdata/types.zone, which has every type that it knows a text of, then what we
// write of it as text, and then what we write of it as octets. All three are the same zone to it.
func TestBIND9AgreesOnEveryType(t *testing.T) {
	tool, err := exec.LookPath("named-compilezone")
	if err != nil {
		t.Skip("named-compilezone is not installed")
	}
	dir := t.TempDir()
	source, err := filepath.Abs("testdata/types.zone")
	if err != nil {
		t.Fatal(err)
	}
	compile := func(file string) string {
		cmd := exec.Command(tool, "-i", "none", "-k", "ignore", "-n", "ignore", "-s", "full", "-o", "out", "example.org", file)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", file, err, out)
		}
		text, err := os.ReadFile(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var text, octets []byte
	types := map[wire.Type]bool{}
	for rr, err := range Read(source, origin, Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		types[rr.Type] = true
		text = append(AppendRR(text, rr), '\n')
		octets = fmt.Appendf(octets, "%s %d %s TYPE%d ", rr.Name, rr.TTL, rr.Class, rr.Type)
		octets = append(appendGeneric(octets, rr.Data), '\n')
	}
	if len(types) < 70 {
		t.Errorf("only %d types", len(types))
	}
	want := compile(source)
	for name, written := range map[string][]byte{"text": text, "octets": octets} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, written, 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, compile(file)); diff != "" {
			t.Errorf("what BIND 9 reads in the zone (-) and in our %s (+):\n%s", name, diff)
		}
	}
}
