package tree

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bundy/internal/shell/spec"
	"bundy/internal/shell/value"
)

func newTree(t testing.TB, stored string) *Tree {
	t.Helper()
	text, err := os.ReadFile("../testdata/module_spec.json")
	if err != nil {
		t.Fatal(err)
	}
	modules, err := spec.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := value.Parse([]byte(stored))
	if err != nil {
		t.Fatal(err)
	}
	tree := New()
	tree.Refresh(modules, v.(map[string]any))
	return tree
}

func TestParsePath(t *testing.T) {
	for text, want := range map[string]path{
		"Auth":        {"Auth", nil},
		"/Auth/":      {"Auth", nil},
		"/A/b[0]/c":   {"A", []step{{name: "b"}, {index: 0, indexed: true}, {name: "c"}}},
		"A/b[1][22]/": {"A", []step{{name: "b"}, {index: 1, indexed: true}, {index: 22, indexed: true}}},
	} {
		got, err := parsePath(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(path{}, step{})); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	for _, text := range []string{"", "/", "A//b", "A[0]/b", "A/b]", "A/b[", "A/b[x]", "A/b[-1]", "A/b[0]c", "A/b]c[0]", "A/b[99999999999]", strings.Repeat("a/", maxSteps+2)} {
		if p, err := parsePath(text); err == nil {
			t.Errorf("%s gives %v", text, p)
		}
	}
}

// A change inside a list or a named set carries all of it; the stored configuration is never touched.
func TestChangesCopyListsWhole(t *testing.T) {
	tree := newTree(t, `{"Auth": {"listen_on": [{"address": "::1", "port": 1}, {"address": "::2"}]}}`)
	if err := tree.Set("Auth/listen_on[1]/port", int64(7)); err != nil {
		t.Fatal(err)
	}
	want := `{'Auth': {'listen_on': [{'address': '::1', 'port': 1}, {'address': '::2', 'port': 7}]}}`
	if got := tree.Diff(); got != want {
		t.Errorf("%s instead of %s", got, want)
	}
	tree.Revert()
	if got, _ := tree.ShowJSON("Auth/listen_on"); got != `[{"address": "::1", "port": 1}, {"address": "::2"}]` {
		t.Errorf("stored: %s", got)
	}
}

// What a new list element does not say comes from the specification, not from the element that stood there before.
func TestReplacedListHidesTheStoredOne(t *testing.T) {
	tree := newTree(t, `{"Auth": {"listen_on": [{"address": "::1", "port": 99}]}}`)
	if err := tree.Set("Auth/listen_on", []any{map[string]any{"address": "::2"}}); err != nil {
		t.Fatal(err)
	}
	got, err := tree.Show("Auth/listen_on[0]/port", false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Auth/listen_on[0]/port\t53\tinteger\t(default)"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnsetMapThenSetMember(t *testing.T) {
	tree := newTree(t, `{"Dhcp4": {"lease-database": {"name": "x", "persist": false}}}`)
	if err := tree.Set("Dhcp4/lease-database", nil); err == nil {
		t.Error("a map that is not optional was set to null")
	}
	for _, step := range []error{tree.Unset("Dhcp4/lease-database"), tree.Set("Dhcp4/lease-database/persist", true)} {
		if step != nil {
			t.Fatal(step)
		}
	}
	if got, want := tree.Diff(), `{'Dhcp4': {'lease-database': {'name': None, 'persist': True}}}`; got != want {
		t.Errorf("%s instead of %s", got, want)
	}
}

func TestNewElements(t *testing.T) {
	tree := newTree(t, `{}`)
	for _, c := range []struct {
		identifier string
		texts      []string
		want       string // in the error; empty: success
	}{
		{"DDNS/zones", nil, ""},
		{"DDNS/zones[0]/update_acl", nil, ""},
		{"DDNS/zones[0]/update_acl", nil, "already in"},
		{"data_sources/classes/IN[0]/params", []string{"x"}, "need a value"},
		{"data_sources/classes", []string{"HS"}, ""},
		{"data_sources/classes", []string{`"HS"`}, "already in"},
		{"Init/components", []string{"x", "5"}, "is not a map"},
		{"tsig_keys/keys", []string{"two", "words"}, ""},
		{"Auth/tcp_recv_timeout", nil, "is not a list"},
	} {
		switch err := tree.Add(c.identifier, c.texts...); {
		case err == nil && c.want != "", err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)):
			t.Errorf("add %s %q: %v", c.identifier, c.texts, err)
		}
	}
	if got, _ := tree.ShowJSON("DDNS/zones"); got != `[{"class": "IN", "origin": "", "update_acl": [{"action": "REJECT"}]}]` {
		t.Error(got)
	}
	if got, _ := tree.ShowJSON("tsig_keys/keys"); got != `["two words"]` {
		t.Error(got)
	}
}

// Whatever is typed as identifier and value: no panic, and what was refused changes nothing.
func FuzzEdit(f *testing.F) {
	f.Add("Auth/listen_on[0]/port", "5")
	f.Add("data_sources/classes/IN[0]/params/x", `{"a": [1]}`)
	f.Add("Init/components/bundy-stats/params[0]", "null")
	f.Fuzz(func(t *testing.T, identifier, text string) {
		tree := newTree(t, `{"Auth": {"tcp_recv_timeout": 5}, "Dhcp4": {"subnet4": [{"pool": ["x"]}]}}`)
		for _, run := range []func() error{
			func() error { return tree.Set(identifier, value.Loose(text)) },
			func() error { return tree.Add(identifier, text) },
			func() error { return tree.Add(identifier) },
			func() error { return tree.Remove(identifier, &text) },
			func() error { return tree.Remove(identifier, nil) },
			func() error { return tree.Unset(identifier) },
			func() error { _, err := tree.ShowJSON(identifier); return err },
		} {
			before := tree.Diff()
			if err := run(); err != nil && tree.Diff() != before {
				t.Fatalf("%s %q: refused (%v), but %s became %s", identifier, text, err, before, tree.Diff())
			}
			if _, err := tree.Show("", true); err != nil {
				t.Fatal(err)
			}
		}
		tree.Complete(identifier)
	})
}

// TestInsert: rules of an access control list are put where they belong, and changed one by one.
func TestInsert(t *testing.T) {
	tree := newTree(t, `{"DDNS": {"zones": [{"origin": "example.org", "update_acl": [{"action": "REJECT"}]}]}}`)
	const list = "DDNS/zones[0]/update_acl"
	for _, err := range []error{
		tree.Insert(list+"[0]", `{"action": "ACCEPT", "key": "a"}`),
		tree.Insert(list+"[1]", `{"action": "DROP", "from": "192.0.2.1"}`),
		tree.Set(list+"[0]/key", "b"),
		tree.Remove(list+"[2]", nil),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	const want = `[{"action": "ACCEPT", "key": "b"}, {"action": "DROP", "from": "192.0.2.1"}]`
	if got, err := tree.ShowJSON(list); err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	for identifier, text := range map[string]string{
		list:                    `{"action": "DROP"}`,
		list + "[2]":            `{"action": "DROP"}`,               // there is none to insert before
		list + "[1]":            `{"action": "ACCEPT", "key": "b"}`, // is there already
		"Auth/listen_on[0]":     `7`,
		"Auth":                  `7`,
		"DDNS/zones[0]/none[0]": `7`,
	} {
		if err := tree.Insert(identifier, text); err == nil {
			t.Errorf("%s was inserted before %s", text, identifier)
		}
	}
}
