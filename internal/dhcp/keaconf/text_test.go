package keaconf

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		`{"a": 1} // c`:                `{"a": 1}     `,
		"# c\n{\"a\": \"# no // c\"}":  "   \n{\"a\": \"# no // c\"}",
		"{/* a\n\" */\"a\": 1}":        "{    \n    \"a\": 1}",
		`{"a": [1, 2, ], }`:            `{"a": [1, 2  ]  }`,
		"[1, // c\n]":                  "[1      \n]",
		`["\"//", ",]"]`:               `["\"//", ",]"]`,
		`{"a": 1, /* the comma stays`:  `{"a": 1,                   `,
		`"the string does not end // `: `"the string does not end // `,
	} {
		if got := string(plain([]byte(in))); got != want {
			t.Errorf("%q:\n got %q\nwant %q", in, got, want)
		}
	}
}

// FuzzPlain: what is JSON already stays, and nothing moves.
func FuzzPlain(f *testing.F) {
	f.Add([]byte(`{"a": ["\\", "//", 1e5, {}]}`))
	f.Add([]byte("[1,/*\n*/]#"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got := plain(text)
		if len(got) != len(text) || json.Valid(text) && string(got) != string(text) {
			t.Errorf("%q: %q", text, got)
		}
	})
}

func TestIncludes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("pools.json", "[7] // seven")
	write("loop.json", `<?include "loop.json"?>`)
	var l loader
	text, err := l.load(write("kea.conf", `{"Dhcp4": {"a": <?include "pools.json"?>, "b": "<?" /* <?include "none"?> */}}`))
	if err != nil {
		t.Fatal(err)
	}
	all, err := parse(text)
	if err != nil || len(all["Dhcp4"]["a"].([]any)) != 1 || all["Dhcp4"]["b"] != "<?" {
		t.Errorf("%v %v", all, err)
	}
	for _, bad := range []string{`<?include "loop.json"?>`, `<?include "absent.json"?>`} {
		l = loader{}
		if _, err := l.load(write("bad.conf", bad)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
	for _, bad := range []string{`[]`, `{"Dhcp4": 7}`, `{"Dhcp4": {}, "Dhcp4": {}}`, `{"Dhcp4": {}} x`, strings.Repeat("[", 1000)} {
		if _, err := parse([]byte(bad)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}
