package zonefile

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bundy/internal/dns/wire"
)

// files opens from a map.
func files(m map[string]string) func(string) (io.ReadCloser, error) {
	return func(path string) (io.ReadCloser, error) {
		text, ok := m[path]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		return io.NopCloser(strings.NewReader(text)), nil
	}
}

// read gives the records and the errors and warnings of a zone as text.
func read(m map[string]string, class wire.Class) (rrs, errs, warnings []string) {
	o := Options{Class: class, Open: files(m), Warn: func(e *Error) { warnings = append(warnings, e.Error()) }}
	for rr, err := range Read("dir/zone", origin, o) {
		if err != nil {
			errs = append(errs, err.Error())
			continue
		}
		rrs = append(rrs, FormatRR(rr))
	}
	return rrs, errs, warnings
}

func TestRead(t *testing.T) {
	const soa = "@ 60 IN SOA ns h 1 2 3 4 5\n"
	const soaOut = "example.org. 60 IN SOA ns.example.org. h.example.org. 1 2 3 4 5"
	long := "a 1 TXT \"" + strings.Repeat("x", 300) + "\"\n"
	tests := []struct {
		name                string
		files               map[string]string
		rrs, errs, warnings []string
	}{
		{name: "forms of a line", files: map[string]string{"dir/zone": "\xef\xbb\xbf$ORIGIN example.org.\n$TTL 1h\n" + soa +
			"\tNS ns ; comment\n  \n;only\nns in 5 A 192.0.2.1\r\n 5 IN A (192.0.2.2\n) ; tail\nWWW ( CNAME\n ns )\n\"quoted\" A 192.0.2.3\n"},
			rrs: []string{soaOut, "example.org. 3600 IN NS ns.example.org.", "ns.example.org. 5 IN A 192.0.2.1", "ns.example.org. 5 IN A 192.0.2.2",
				"WWW.example.org. 3600 IN CNAME ns.example.org.", "quoted.example.org. 3600 IN A 192.0.2.3"}},
		{name: "all errors", files: map[string]string{"dir/zone": soa + "a A 1.2.3\nb 1 CH A 192.0.2.1\n$BOGUS x\nother.net. A 192.0.2.1\nc 1 NOTYPE x\n" +
			"d 1 A 192.0.2.1 )\ne 1 TXT \"open\nf 1 A 192.0.2.4\ng 1 OPT x\nh 1\na..b 1 A 192.0.2.1\ni 1 (\nA 192.0.2.5"},
			rrs: []string{soaOut, "f.example.org. 1 IN A 192.0.2.4"},
			errs: []string{`dir/zone:2: A RDATA: not an IPv4 address: "1.2.3"`, "dir/zone:3: class CH in a zone of class IN",
				`dir/zone:4: unknown directive: "$BOGUS"`, "dir/zone:5: other.net. is not in the zone example.org.",
				`dir/zone:6: unknown RR type or class: "NOTYPE"`, "dir/zone:7: closing parenthesis without an opening one",
				"dir/zone:8: quote is not closed", "dir/zone:10: type OPT cannot stand in a zone", "dir/zone:11: no RR type",
				`dir/zone:12: bad domain name "a..b": empty label`, "dir/zone:13: parenthesis is not closed"},
			warnings: []string{"dir/zone:13: no line feed at the end of the file"}},
		{name: "no TTL", files: map[string]string{"dir/zone": "@ A 192.0.2.1\n@ SOA ns h 1 2 3 4 5\na A 192.0.2.2\n"},
			rrs:      []string{"example.org. 5 IN SOA ns.example.org. h.example.org. 1 2 3 4 5", "a.example.org. 5 IN A 192.0.2.2"},
			errs:     []string{"dir/zone:1: no TTL"},
			warnings: []string{"dir/zone:2: no TTL and no $TTL; using the MINIMUM of the SOA record"}},
		{name: "TTL of the record before", files: map[string]string{"dir/zone": soa + "a A 192.0.2.1\nb A 192.0.2.1\nc 2147483648 A 192.0.2.1"},
			rrs: []string{soaOut, "a.example.org. 60 IN A 192.0.2.1", "b.example.org. 60 IN A 192.0.2.1", "c.example.org. 0 IN A 192.0.2.1"},
			warnings: []string{"dir/zone:2: no TTL and no $TTL; using the TTL of the record before", "dir/zone:4: TTL above 2147483647 is taken as 0",
				"dir/zone:4: no line feed at the end of the file"}},
		{name: "include", files: map[string]string{"dir/zone": soa + "$include sub/a deep\n A 192.0.2.9\n$INCLUDE missing\n$INCLUDE ../dir/zone\n$INCLUDE /abs\n$INCLUDE\n$INCLUDE 0\n",
			"dir/sub/a": " 1 A 192.0.2.1\nx 1 A 192.0.2.2\n$ORIGIN y\nz 1 A bad\n", "/abs": "$INCLUDE /abs\n$INCLUDE /dir/zone2\n", "/dir/zone2": "$INCLUDE /./dir/../abs\n",
			"dir/0": "$INCLUDE 1\n", "dir/1": "$INCLUDE 2\n", "dir/2": "$INCLUDE 3\n", "dir/3": "$INCLUDE 4\n", "dir/4": "$INCLUDE 5\n", "dir/5": "$INCLUDE 6\n", "dir/6": "$INCLUDE 7\n",
			"dir/7": "$INCLUDE 8\n", "dir/8": "$INCLUDE 9\n", "dir/9": "$INCLUDE A\n", "dir/A": "$INCLUDE B\n", "dir/B": "$INCLUDE C\n", "dir/C": "$INCLUDE D\n", "dir/D": "$INCLUDE E\n",
			"dir/E": "$INCLUDE F\n", "dir/F": "$INCLUDE G\n", "dir/G": "x 1 A 192.0.2.1\n"},
			rrs: []string{soaOut, "example.org. 1 IN A 192.0.2.1", "x.deep.example.org. 1 IN A 192.0.2.2", "example.org. 1 IN A 192.0.2.9"},
			errs: []string{`dir/sub/a:4: A RDATA: not an IPv4 address: "bad"`, `dir/zone:4: cannot include: file does not exist: "dir/missing"`,
				`dir/zone:5: file includes itself: "dir/zone"`, `/abs:1: file includes itself: "/abs"`, `/dir/zone2:1: file includes itself: "/./dir/../abs"`,
				`dir/zone:7: directive needs an argument: "$INCLUDE"`, "dir/F:1: limit exceeded: 16 files include one another"},
			warnings: []string{"dir/zone:3: no TTL and no $TTL; using the TTL of the record before"}},
		{name: "generate", files: map[string]string{"dir/zone": soa + "$GENERATE 1-5/2 host-${0,3} 7 IN A 192.0.2.$\n$GENERATE 10-10 ${-2,2,x}.$$ 7 TXT \"n=${0,4,X}\" ${2,0,o}\n" +
			"$GENERATE 18-18 ${0,7,n} 7 PTR h$\n$GENERATE 2-1 a 1 A 192.0.2.1\n$GENERATE 0-4000000000 a 1 A 192.0.2.1\n$GENERATE 0-2000000 a 1 A 192.0.2.1\n" +
			"$GENERATE 1-2 a 1 A 300.$\n$GENERATE 1-2 a\n$GENERATE 1-1 ${0,300} 1 A 192.0.2.1\n$GENERATE 1-1 ${-2,1,x} 1 A 192.0.2.1\n" +
			"$GENERATE 1-1 ${-2} 7 MX \"10 mail$\"\n$GENERATE 1-1 q 7 TXT \"a$ \\\"b $\\\" c\\;\\032\"\n$GENERATE 1-1 r 7 TXT \"a$ b\" c\n$GENERATE 1-1 s 7 TXT \"\\\"open\"\n"},
			rrs: []string{soaOut, "host-001.example.org. 7 IN A 192.0.2.1", "host-003.example.org. 7 IN A 192.0.2.3", "host-005.example.org. 7 IN A 192.0.2.5",
				`08.\$.example.org. 7 IN TXT "n=000A" "14"`, "2.1.0.0.example.org. 7 IN PTR h18.example.org.",
				"-1.example.org. 7 IN MX 10 mail1.example.org.", `q.example.org. 7 IN TXT "a1" "b 1" "c; "`, `r.example.org. 7 IN TXT "a1 b" "c"`},
			errs: []string{`dir/zone:5: bad range of $GENERATE: "2-1"`, `dir/zone:6: bad range of $GENERATE: "0-4000000000"`,
				`dir/zone:7: $GENERATE of more than 1048576 records: "0-2000000"`, `dir/zone:8: A RDATA: not an IPv4 address: "300.1"`,
				"dir/zone:9: $GENERATE needs a range, an owner, a type and RDATA", `dir/zone:10: bad modifier of $GENERATE: "0,300"`,
				`dir/zone:11: bad modifier of $GENERATE: "-2,1,x"`, "dir/zone:15: quote is not closed"}},
		{name: "long text", files: map[string]string{"dir/zone": long + "b 1 TXT " + strings.Repeat("x ", MaxEntry) + "\nc 1 A 192.0.2.1\n"},
			rrs: []string{"c.example.org. 1 IN A 192.0.2.1"},
			errs: []string{`dir/zone:1: TXT RDATA: character string longer than 255 octets: "` + strings.Repeat("x", 80) + `"...`,
				"dir/zone:2: entry too long"}},
		{name: "first owner missing", files: map[string]string{"dir/zone": " 1 A 192.0.2.1\n"}, errs: []string{"dir/zone:1: the first record has no owner"}},
		{name: "no file", errs: []string{"dir/zone: file does not exist"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rrs, errs, warnings := read(test.files, wire.ClassIN)
			for _, c := range []struct {
				what      string
				got, want []string
			}{{"records", rrs, test.rrs}, {"errors", errs, test.errs}, {"warnings", warnings, test.warnings}} {
				if diff := cmp.Diff(c.want, c.got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.what, diff)
				}
			}
		})
	}
}

func TestReadEndsAfterManyErrors(t *testing.T) {
	_, errs, _ := read(map[string]string{"dir/zone": strings.Repeat("x\n", 10*MaxErrors)}, wire.ClassIN)
	if len(errs) != MaxErrors || !strings.Contains(errs[MaxErrors-1], "reading ended after") {
		t.Errorf("%d errors, the last %s", len(errs), errs[len(errs)-1])
	}
}

func TestReadChaos(t *testing.T) {
	rrs, errs, _ := read(map[string]string{"dir/zone": "@ 0 CH TXT x\n@ 0 CH A 192.0.2.1\n"}, wire.ClassCH)
	if len(rrs) != 2 || len(errs) != 0 {
		t.Errorf("records %q, errors %q", rrs, errs)
	}
}

func TestReadRefusesDevices(t *testing.T) {
	for _, err := range Read("/dev/zero", origin, Options{}) {
		if err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("got %v", err)
		}
	}
}

func TestWriteReadsBack(t *testing.T) {
	var want []wire.RR
	for i, form := range forms {
		rr, err := ParseRR(fmt.Sprintf("n%d 60 IN %s", i, form), origin)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, rr)
	}
	var out bytes.Buffer
	n, err := Write(&out, func(yield func(wire.RR) bool) {
		for _, rr := range want {
			if !yield(rr) {
				return
			}
		}
	})
	if err != nil || n != len(want) {
		t.Fatal(n, err)
	}
	path := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []wire.RR
	for rr, err := range Read(path, origin, Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rr)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzRead checks that no file makes a reader panic or run on, and that the records it gives come back when they are
// written and read again.
func FuzzRead(f *testing.F) {
	f.Add("$TTL 1h\n@ SOA ns h 1 2 3 4 5\n NS ns ; c\n$GENERATE 1-3 a$ A 192.0.2.$\n$INCLUDE zone\nx TXT ( \"a\\\"b\"\n c )\n")
	f.Add("$ORIGIN a\\.b\n* 1 CNAME @\n\\000 1 TYPE65280 \\# 1 00\n")
	f.Add("$GENERATE 0-9 ${0,3,n}.$$ 1 TXT \"${1,2,x}\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		var records []wire.RR
		for rr, err := range Read("dir/zone", origin, Options{Open: files(map[string]string{"dir/zone": text})}) {
			if err != nil {
				continue
			}
			if !rr.Name.IsBelow(origin) {
				t.Fatalf("%s is out of the zone", rr.Name)
			}
			if records = append(records, rr); len(records) > 500 {
				break
			}
		}
		var written strings.Builder
		if _, err := Write(&written, slices.Values(records)); err != nil {
			t.Fatal(err)
		}
		back := 0
		for rr, err := range Read("dir/zone", origin, Options{Open: files(map[string]string{"dir/zone": written.String()})}) {
			if err != nil {
				t.Fatalf("%q is written as %q: %v", text, written.String(), err)
			}
			if want := records[back]; rr.Name != want.Name || rr.Type != want.Type || rr.Class != want.Class || rr.TTL != want.TTL || !bytes.Equal(rr.Data, want.Data) {
				t.Fatalf("%v is written and read as %v", want, rr)
			}
			back++
		}
		if back != len(records) {
			t.Fatalf("%d records of %d come back", back, len(records))
		}
	})
}

func BenchmarkRead(b *testing.B) {
	var text strings.Builder
	text.WriteString("$TTL 3600\n@ SOA ns h 1 2 3 4 5\n NS ns\n")
	const names = 10000
	for i := range names {
		fmt.Fprintf(&text, "host-%d A 192.0.2.%d\n AAAA 2001:db8::%x\nw%d 300 IN CNAME host-%d\nm%d MX 10 mail.example.org.\nt%d TXT \"v=spf1 -all\"\n", i, i%256, i, i, i, i, i)
	}
	open := files(map[string]string{"z": text.String()})
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for _, err := range Read("z", origin, Options{Open: open}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/RR")
}
