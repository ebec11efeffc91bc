package wire

import (
	"bytes"
	"testing"
)

// TestCompression: names are ended by a pointer to the longest suffix that stands before them, case aside.
func TestCompression(t *testing.T) {
	const long = "a-label-of-more-than-sixteen-octets"
	for _, c := range []struct {
		asked string
		names []string
		sizes []int // of each name as it is written
	}{
		{"www.example.org", []string{"www.example.org", "example.org", "org", "."}, []int{2, 2, 2, 1}},
		{"WWW.Example.ORG", []string{"www.example.org", "mail.eXample.org", "MAIL.example.org"}, []int{2, 7, 2}},
		{"www.example.org", []string{"ww.example.org", "w.example.org", "wwww.example.org"}, []int{5, 4, 7}},
		{"www.example.org", []string{"xample.org", "www.example.com", "com", "example.com"}, []int{9, 17, 2, 2}},
		{"www.example.org", []string{"www.www.example.org", "x.www.www.example.org", "www.www.example.org"}, []int{6, 4, 2}},
		{"example.org", []string{long + ".example.org", "b." + long + ".example.org", long + ".org"}, []int{38, 4, 38}},
		{".", []string{".", "org", "example.org"}, []int{1, 5, 10}},
		{"a.a.a.a", []string{"a.a.a", "b.a.a.a.a.a", "a.a.a.a.b"}, []int{2, 6, 11}},
		{"a.b", []string{"a.a.b", "b.a.b", "b.b"}, []int{4, 4, 4}},
		{"\\003com.org", []string{"com.org", "x.\\003com.org"}, []int{6, 4}},
	} {
		var b Builder
		b.Reset(nil, MaxMessage)
		if !b.AddQuestion(Question{MustParseName(c.asked), TypeA, ClassIN}) {
			t.Fatal(c.asked)
		}
		for i, text := range c.names {
			n, at := MustParseName(text), len(b.buf)
			b.appendName(n)
			if size := len(b.buf) - at; size != c.sizes[i] {
				t.Errorf("%s: %s takes %d octets, want %d", c.asked, text, size, c.sizes[i])
			}
			if got, end, err := ReadName(b.buf, at); err != nil || end != len(b.buf) || !got.Equal(n) {
				t.Errorf("%s: %s is written as %s, %v", c.asked, text, got, err)
			}
		}
	}
}

// FuzzCompression writes two names behind a question and reads them again, twice, so that what the first message left
// in the Builder cannot hide.
func FuzzCompression(f *testing.F) {
	f.Add([]byte("\x01a\x01b\x00"), []byte("\x01b\x01a\x01b\x00"), []byte("\x01B\x00"))
	f.Add([]byte("\x00"), []byte("\x03org\x00"), []byte("\x00"))
	f.Fuzz(func(t *testing.T, asked, first, second []byte) {
		var b Builder
		var last []byte
		for range 2 {
			b.Reset(nil, MaxMessage)
			var names []Name
			for _, raw := range [][]byte{asked, first, second, first, asked} {
				if n := NameLength(raw); n > 0 {
					names = append(names, Name(raw[:n]))
				}
			}
			if len(names) < 5 {
				return
			}
			b.CopyQuestion(append([]byte(names[0]), 0, 1, 0, 1))
			for _, n := range names[1:] {
				at := len(b.buf)
				b.appendName(n)
				got, end, err := ReadName(b.buf, at)
				if err != nil || end != len(b.buf) || !got.Equal(n) || end-at > len(n) {
					t.Fatalf("%q behind %q is written as %x: %q, %v", n, names[0], b.buf[at:], got, err)
				}
			}
			if last != nil && !bytes.Equal(last, b.Bytes()) {
				t.Fatalf("once %x, then %x", last, b.Bytes())
			}
			last = bytes.Clone(b.Bytes())
		}
	})
}
