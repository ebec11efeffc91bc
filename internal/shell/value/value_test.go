package value

import (
	"strings"
	"testing"
)

// The expected texts were printed by Python's json.dumps and repr.
func TestForms(t *testing.T) {
	for _, c := range []struct{ text, compact, literal string }{
		{`null`, `null`, `None`},
		{`true`, `true`, `True`},
		{`[]`, `[]`, `[]`},
		{`{}`, `{}`, `{}`},
		{`5`, `5`, `5`},
		{`5.0`, `5.0`, `5.0`},
		{`-0.25`, `-0.25`, `-0.25`},
		{`1295543046.823504`, `1295543046.823504`, `1295543046.823504`},
		{`1e20`, `1e+20`, `1e+20`},
		{`{"b":[1,"x"],"a":{"c":false}}`, `{"a": {"c": false}, "b": [1, "x"]}`, `{'a': {'c': False}, 'b': [1, 'x']}`},
		{`"it's"`, `"it's"`, `"it's"`},
		{`"\"'\n\\\u0001"`, `"\"'\n\\\u0001"`, `'"\'\n\\\x01'`},
		{`"ä😀"`, `"\u00e4\ud83d\ude00"`, `'ä😀'`},
	} {
		v, err := Parse([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := Compact(v); got != c.compact {
			t.Errorf("%s: %s instead of %s", c.text, got, c.compact)
		}
		if got := Literal(v); got != c.literal {
			t.Errorf("%s: %s instead of %s", c.text, got, c.literal)
		}
	}
}

func TestPretty(t *testing.T) {
	v, err := Parse([]byte(`{"b":[],"a":[1,{"x":null}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := "{\n    \"a\": [\n        1,\n        {\n            \"x\": null\n        }\n    ],\n    \"b\": []\n}"
	if got := Pretty(v); got != want {
		t.Errorf("%s instead of %s", got, want)
	}
}

func TestLoose(t *testing.T) {
	for text, want := range map[string]any{
		`10`: int64(10), `"10"`: "10", `true`: true, `False`: "False", `abc`: "abc", `1.2.3.4`: "1.2.3.4", `*`: "*",
		`"a\d"`: `a\d`, `[1`: "[1", ``: "",
	} {
		if got := Loose(text); !Equal(got, want) {
			t.Errorf("%q: %#v instead of %#v", text, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{``, `1 2`, `{"a"}`, strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1)} {
		if v, err := Parse([]byte(text)); err == nil {
			t.Errorf("%.20q gives %v", text, v)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"a": [1, 2.5, "x", null]}`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse([]byte(text))
		if err != nil {
			return
		}
		for _, out := range []string{Compact(v), Pretty(v)} {
			back, err := Parse([]byte(out))
			if err != nil || !Equal(v, back) {
				t.Fatalf("%q is written as %q: %v", text, out, err)
			}
		}
		_ = Literal(v)
	})
}
