package zonefile

import (
	"io"
	"slices"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
)

// TestMemory reads files that end in different ways, one after the other with the same memory: what each gives must not
// depend on those before it.
func TestMemory(t *testing.T) {
	texts := []string{
		"$TTL 60\n@ NS ns\nns A 192.0.2.1\n",
		"$TTL 60\n@ TXT ( \"open\"\n",
		"$TTL 60\n@ NS ns", // no line feed at the end
		"ns A 192.0.2.2\n", // no TTL
		"$TTL 60\n@ TXT " + strings.Repeat("\"many words\" ", 3000) + "\n",
		"$TTL 60\n@ TXT \"" + strings.Repeat("x", MaxEntry) + "\"\n",
		"$TTL 60\n\n  A 192.0.2.3\n",
		"$TTL 60\n@ A 192.0.2.4\n",
	}
	read := func(text string, m *Memory) (all []string) {
		o := Options{Memory: m, Warn: func(e *Error) { all = append(all, e.Error()) },
			Open: func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
		for rr, err := range Read("file", wire.MustParseName("example."), o) {
			if err != nil {
				all = append(all, err.Error())
				continue
			}
			all = append(all, FormatRR(rr))
		}
		return all
	}
	var m Memory
	for _, text := range texts {
		got, want := read(text, &m), read(text, nil)
		if !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("%.40q: %q, want %q", text, got, want)
		}
	}
}
