package wire

import (
	"strings"
	"testing"
)

func TestParseName(t *testing.T) {
	for _, c := range []struct{ in, wire, text string }{
		{".", "\x00", "."},
		{"a", "\x01a\x00", "a."},
		{"Www.Example.ORG.", "\x03Www\x07Example\x03ORG\x00", "Www.Example.ORG."},
		{`a\.b.c`, "\x03a.b\x01c\x00", `a\.b.c.`},
		{`\000\255x.`, "\x03\x00\xffx\x00", `\000\255x.`},
	} {
		n, err := ParseName(c.in)
		if err != nil || string(n) != c.wire || n.String() != c.text {
			t.Errorf("ParseName(%q) = %q, %v; text %q", c.in, string(n), err, n)
		}
	}
	long := strings.Repeat("x", 63)
	if _, err := ParseName(long + "." + long + "." + long + "." + long[:61]); err != nil {
		t.Errorf("255 octets refused: %v", err)
	}
	for _, bad := range []string{"", "..", ".a", "a..b", long + "y", `a\`, `\25`, `\256`, long + "." + long + "." + long + "." + long[:62]} {
		if n, err := ParseName(bad); err == nil {
			t.Errorf("ParseName(%q) = %q, want an error", bad, string(n))
		}
	}
}

func TestNameOrder(t *testing.T) {
	// The example of RFC 4034 section 6.1.
	names := []string{"example", "a.example", "yljkjljk.a.example", "Z.a.example", "zABC.a.EXAMPLE", "z.example", `\001.z.example`, "*.z.example", `\200.z.example`}
	for i := range names {
		for j := range names {
			a, b := MustParseName(names[i]), MustParseName(names[j])
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := a.Compare(b); got != want {
				t.Errorf("%s against %s: %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestNameRelations(t *testing.T) {
	a, z := MustParseName("www.Example.org"), MustParseName("example.ORG")
	if !a.IsBelow(z) || !z.IsBelow(z) || z.IsBelow(a) || MustParseName("wexample.org").IsBelow(z) || !a.IsBelow(Root) {
		t.Error("IsBelow is wrong")
	}
	if a.Labels() != 3 || Root.Labels() != 0 || a.Parent() != MustParseName("Example.org") || a.Label() != "www" {
		t.Error("Labels, Parent or Label is wrong")
	}
	if a.Lower() != MustParseName("www.example.org") || !a.Equal(a.Lower()) {
		t.Error("Lower or Equal is wrong")
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("a.b.c")
	f.Add(`\000.\..`)
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			return
		}
		m, err := ParseName(n.String())
		if err != nil || m != n {
			t.Fatalf("%q -> %q -> %q, %v", s, string(n), string(m), err)
		}
	})
}
