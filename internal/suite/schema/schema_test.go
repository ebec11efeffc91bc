package schema

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"bundy/internal/suite/paths"
)

type listen struct {
	Address string `json:"address" default:"::1" help:"IP literal"`
	Port    uint16 `json:"port" default:"53" max:"65535"`
}

type timers struct {
	Renew int `json:"renew-timer" default:"1000" min:"0"`
}

type database struct {
	Type string  `json:"type" enum:",memfile,mysql"`
	Name *string `json:"name"`
}

type key struct {
	Name      string `json:"name"`
	Algorithm string `json:"algorithm"`
}

type component struct {
	Kind     string   `json:"kind" default:"dispensable" enum:"core,needed,dispensable"`
	Params   []string `json:"params" optional:"true"`
	Priority *int     `json:"priority"`
}

type config struct {
	timers
	ListenOn   []listen             `json:"listen_on" default:"[{\"address\":\"::\"},{\"address\":\"0.0.0.0\",\"port\":53}]" help:"Where to listen."`
	File       string               `json:"file" optional:"true" default:"${LOCALSTATEDIR}/bundy/zone.sqlite3"`
	Ratio      float64              `json:"ratio" default:"0.5" min:"0" max:"1"`
	On         bool                 `json:"on" default:"true"`
	Database   database             `json:"lease-database" default:"{\"type\":\"memfile\"}"`
	Keys       []key                `json:"keys" element:"{\"algorithm\":\"hmac_md5\"}"`
	ACL        []any                `json:"acl" default:"[{\"action\":\"ACCEPT\"}]"`
	Raw        json.RawMessage      `json:"raw"`
	Components map[string]component `json:"components"`
	Numbers    [][]int              `json:"numbers" min:"1" max:"9"`
	internal   int
}

func testModule() *Module {
	type load struct {
		Class  string `json:"class" optional:"true" default:"IN"`
		Origin string `json:"origin"`
		Count  *int   `json:"count"`
	}
	return New("Test", "a module", config{internal: 1}, paths.Below("/data")).
		Command("loadzone", "loads a zone", load{}).
		Command("ping", "answers", nil).
		PrivateCommand("secret", "for others", nil).
		Statistic(struct {
			Boot string `json:"boot_time" default:"1970-01-01T00:00:00Z" format:"date-time" title:"Boot" help:"When."`
		}{})
}

func section(t *testing.T, text string) Section {
	t.Helper()
	v, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v.(map[string]any)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestValidate(t *testing.T) {
	tests := []struct{ section, want string }{
		{`{}`, ""},
		{`{"_generation_id":1,"version":4}`, ""},
		{`{"ratio":1,"renew-timer":5,"on":false,"file":null}`, ""},
		{`{"acl":[{"from":["::1"],"NOT":{"x":null}},5],"raw":[null]}`, ""},
		{`{"listen_on":[{"address":5},{"port":70000},{"what":1},null,"x"]}`,
			"Test/listen_on[0]/address: 5 should be a string\n" +
				"Test/listen_on[1]/port: 70000 should be at most 65535\n" +
				"Test/listen_on[2]/what: unknown item what\n" +
				"Test/listen_on[3]: null is not allowed, the item is not optional\n" +
				`Test/listen_on[4]: "x" should be a map`},
		{`{"renew-timer":-1,"ratio":1.5,"on":1,"other":1}`,
			"Test/on: 1 should be a boolean\nTest/other: unknown item other\n" +
				"Test/ratio: 1.5 should be from 0 to 1\nTest/renew-timer: -1 should be at least 0"},
		{`{"renew-timer":1.5}`, "Test/renew-timer: 1.5 should be an integer"},
		{`{"renew-timer":5.0}`, ""},
		{`{"ratio":"1"}`, `Test/ratio: "1" should be a real`},
		{`{"lease-database":{"type":"oracle","name":null}}`, `Test/lease-database/type: "oracle" should be one of , memfile, mysql`},
		{`{"components":{"a":{"kind":"best","priority":"1"},"b/c":{},"":{},"d":5}}`,
			`Test/components: "" is not a name: it needs 1 to 255 octets without control characters, '/', '[' and ']'` + "\n" +
				`Test/components/a/kind: "best" should be one of core, needed, dispensable` + "\n" +
				`Test/components/a/priority: "1" should be an integer` + "\n" +
				`Test/components: "b/c" is not a name: it needs 1 to 255 octets without control characters, '/', '[' and ']'` + "\n" +
				"Test/components/d: 5 should be a map"},
		{`{"numbers":[[1,10],5]}`, "Test/numbers[0][1]: 10 should be from 1 to 9\nTest/numbers[1]: 5 should be a list"},
		{`{"listen_on":{"a":1},"components":[],"keys":"x"}`,
			"Test/components: [] should be a named_set\n" + `Test/keys: "x" should be a list` + "\n" +
				`Test/listen_on: {"a":1} should be a list`},
		{`{"file":["` + strings.Repeat("x", 200) + `"]}`, `Test/file: ["` + strings.Repeat("x", 78) + `... should be a string`},
	}
	for _, test := range tests {
		err := errors.Join(Validate(testModule(), section(t, test.section))...)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.section, got, test.want)
		}
	}
}

func TestDecode(t *testing.T) {
	m := testModule()
	var c config
	if err := Decode(m, nil, &c); err != nil {
		t.Fatal(err)
	}
	if c.Renew != 1000 || len(c.ListenOn) != 2 || c.ListenOn[0] != (listen{"::", 53}) || c.File != "/data/zone.sqlite3" ||
		c.Ratio != 0.5 || !c.On || c.Database.Type != "memfile" || c.Database.Name != nil || c.Raw != nil ||
		len(c.Components) != 0 || asJSON(t, c.ACL) != `[{"action":"ACCEPT"}]` {
		t.Errorf("defaults %+v", c)
	}
	s := section(t, `{
		"listen_on":[{"port":5353}], "ratio":1, "lease-database":{"name":"x"}, "keys":[{"name":"k"},{"algorithm":"sha"}],
		"raw":{"a":[1,2.5]}, "components":{"auth":{"priority":5},"x":{"kind":"core","params":["a"]}}, "acl":[7],
		"numbers":[[1],[2,3]], "_generation_id":3}`)
	before := asJSON(t, s)
	if err := Decode(m, s, &c); err != nil {
		t.Fatal(err)
	}
	if asJSON(t, s) != before {
		t.Error("the section was changed")
	}
	if c.ListenOn[0] != (listen{"::1", 5353}) || c.Ratio != 1 || c.Database.Type != "memfile" || *c.Database.Name != "x" ||
		c.Keys[0] != (key{"k", "hmac_md5"}) || c.Keys[1] != (key{"", "sha"}) || string(c.Raw) != `{"a":[1,2.5]}` ||
		c.Components["auth"].Kind != "dispensable" || *c.Components["auth"].Priority != 5 ||
		!slices.Equal(c.Components["x"].Params, []string{"a"}) || c.ACL[0] != int64(7) || c.Numbers[1][1] != 3 {
		t.Errorf("decoded %+v", c)
	}
	var plain Section
	if err := json.Unmarshal([]byte(`{"renew-timer":7,"ratio":1,"numbers":[[3]]}`), &plain); err != nil {
		t.Fatal(err)
	}
	if err := Decode(m, plain, &c); err != nil || c.Renew != 7 || c.Ratio != 1 || c.Numbers[0][0] != 3 {
		t.Errorf("numbers from encoding/json: %+v, %v", c, err)
	}
	var untouched config
	err := Decode(m, section(t, `{"on":"yes"}`), &untouched)
	if err == nil || err.Error() != `Test/on: "yes" should be a boolean` || untouched.Renew != 0 {
		t.Errorf("error %v, %+v", err, untouched)
	}
	if err := Decode(m, section(t, `{"listen_on":[{"port":-1}]}`), &untouched); err == nil ||
		err.Error() != "Test/listen_on[0]/port: -1 does not fit uint16" {
		t.Errorf("error %v", err)
	}
}

// TestSpecification: the JSON form can be read back and says the same.
func TestSpecification(t *testing.T) {
	m := testModule()
	text := asJSON(t, m)
	for _, want := range []string{
		`{"module_name":"Test","module_description":"a module","config_data":[{"item_name":"renew-timer","item_type":"integer","item_optional":false,"item_default":1000,"item_min":0}`,
		`{"item_name":"listen_on","item_type":"list","item_optional":false,"item_default":[{"address":"::"},{"address":"0.0.0.0","port":53}],"item_description":"Where to listen.","list_item_spec":{"item_name":"","item_type":"map"`,
		`"named_set_item_spec":{`,
		`{"item_name":"raw","item_type":"any","item_optional":false}`,
		`{"command_name":"ping","command_description":"answers","command_args":[]}`,
		`"statistics":[{"item_name":"boot_time","item_type":"string","item_optional":false,"item_default":"1970-01-01T00:00:00Z","item_description":"When.","item_title":"Boot","item_format":"date-time"}]`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\nis not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "secret") {
		t.Error("a private command is shown")
	}
	for _, form := range []string{text, `{"module_spec":` + text + `}`} {
		var back Module
		if err := json.Unmarshal([]byte(form), &back); err != nil {
			t.Fatal(err)
		}
		if got := asJSON(t, &back); got != text {
			t.Errorf("read back\n%s\nwant\n%s", got, text)
		}
		if errs := Validate(&back, section(t, `{"listen_on":[{"port":70000}]}`)); len(errs) != 1 {
			t.Errorf("the copy finds %v", errs)
		}
	}
	for _, bad := range []string{
		`{`, `{}`, `{"module_name":"x","config_data":[{"item_name":"a","item_type":"list"}]}`,
		`{"module_name":"x","config_data":[{"item_name":"a","item_type":"map"}]}`,
		`{"module_name":"x","config_data":[{"item_name":"a","item_type":"date"}]}`,
		`{"module_name":"x","config_data":[{"item_name":"a","item_type":"integer","item_default":"x"}]}`,
		`{"module_name":"x","config_data":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
	} {
		if err := json.Unmarshal([]byte(bad), &Module{}); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestArguments(t *testing.T) {
	m := testModule()
	c := m.FindCommand("loadzone")
	tests := []struct{ args, want string }{
		{`{"origin":"a."}`, `{"class":"IN","origin":"a."}`},
		{`{"origin":"a.","class":null,"count":3}`, `{"class":"IN","count":3,"origin":"a."}`},
		{``, "Test loadzone: parameter 'origin' is missing"},
		{`null`, "Test loadzone: parameter 'origin' is missing"},
		{`{"origin":5,"x":1}`, "Test loadzone origin: 5 should be a string\nTest loadzone: unknown parameter 'x'"},
		{`[1]`, "Test loadzone: arguments: [1] should be a map"},
		{`{`, "Test loadzone: arguments: line 1 column 2: unexpected end"},
	}
	for _, test := range tests {
		args, err := m.Arguments(c, json.RawMessage(test.args))
		got := asJSON(t, args)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.args, got, test.want)
		}
	}
	if args, err := m.Arguments(m.FindCommand("ping"), nil); err != nil || len(args) != 0 {
		t.Errorf("ping: %v, %v", args, err)
	}
	if m.FindCommand("dance") != nil {
		t.Error("found a command that is not there")
	}
}

func TestMergeAndDiff(t *testing.T) {
	m := testModule()
	tests := []struct{ old, changes, want string }{
		{`{}`, `{"on":false}`, `{"on":false}`},
		{`{"on":false,"ratio":1}`, `{"on":null}`, `{"ratio":1}`},
		{`{"lease-database":{"type":"mysql"}}`, `{"lease-database":{"name":"x"}}`, `{"lease-database":{"name":"x","type":"mysql"}}`},
		{`{"lease-database":{"type":"mysql","name":"x"}}`, `{"lease-database":{"name":null}}`, `{"lease-database":{"type":"mysql"}}`},
		{`{"listen_on":[{"port":1},{"port":2}]}`, `{"listen_on":[{"port":3}]}`, `{"listen_on":[{"port":3}]}`},
		{`{"listen_on":[]}`, `{"listen_on":[{"port":null,"address":"a"}]}`, `{"listen_on":[{"address":"a"}]}`},
		{`{"components":{"a":{"kind":"core"}}}`, `{"components":{"b":{"priority":null}}}`, `{"components":{"b":{}}}`},
		{`{"components":{"a":{"kind":"core"}}}`, `{"components":{}}`, `{"components":{}}`},
		{`{"raw":{"a":1}}`, `{"raw":{"b":null}}`, `{"raw":{"b":null}}`},
		{`{"other":1}`, `{"unknown":{"x":1}}`, `{"other":1,"unknown":{"x":1}}`},
		{`{"lease-database":5}`, `{"lease-database":{"name":"x"}}`, `{"lease-database":{"name":"x"}}`},
	}
	for _, test := range tests {
		old, changes := section(t, test.old), section(t, test.changes)
		merged := m.Merge(old, changes)
		if got := asJSON(t, merged); got != test.want {
			t.Errorf("%s with %s: %s, want %s", test.old, test.changes, got, test.want)
		}
		if asJSON(t, old) != asJSON(t, section(t, test.old)) || asJSON(t, changes) != asJSON(t, section(t, test.changes)) {
			t.Errorf("%s with %s: an argument was changed", test.old, test.changes)
		}
		if back := m.Merge(old, m.Diff(old, merged)); !Equal(back, merged) {
			t.Errorf("%s with the difference %v: %v, want %v", test.old, m.Diff(old, merged), back, merged)
		}
	}
	if d := m.Diff(section(t, `{"on":true,"_generation_id":1}`), section(t, `{"on":true,"_generation_id":2}`)); d != nil {
		t.Errorf("equal sections differ by %v", d)
	}
}

func TestIdentifiers(t *testing.T) {
	m := testModule()
	for id, want := range map[string]Type{
		"listen_on": List, "/listen_on[0]/address": String, "numbers[0][1]": Integer, "components/a/priority": Integer,
		"lease-database/type": String, "raw": Any, "listen_on[1]": Map,
		"listen_on/port": "", "on[0]": "", "nothing": "", "": "", "listen_on[x]": "", "listen_on[0": "", "listen_on[0]x": "",
		"listen_on[": "", "listen_on[0][": "", "a//b": "", "listen_on[-1]": "", "listen_on[99999999999]": "", "components[0]": "",
	} {
		item, err := m.Find(id)
		if want == "" {
			if err == nil {
				t.Errorf("%q: found %+v", id, item)
			}
			continue
		}
		if err != nil || item.Type != want {
			t.Errorf("%q: %+v, %v, want a %s", id, item, err, want)
		}
	}
}

func TestParse(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1)
	tests := []struct{ text, want string }{
		{`5`, "5"}, {`5.0`, "5"}, {`1e3`, "1000"}, {`-0.5`, "-0.5"}, {`9223372036854775807`, "9223372036854775807"},
		{`1e300`, "1e+300"}, {`"x"`, `"x"`}, {`null`, "null"}, {` [true, {}] `, "[true,{}]"},
		{strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)},
		{deep, "line 1 column 66: nested deeper than 64 levels"},
		{`1e999`, "line 1 column 6: number 1e999 is out of range"},
		{"{\"a\":1,\n\"a\":2}", `line 2 column 4: "a" stands twice`},
		{`1 2`, "line 1 column 4: text after the value"},
		{``, "line 1 column 1: unexpected end"},
		{"[1,\n 2,\n", "line 3 column 1: unexpected end"},
		{`[1 2]`, "line 1 column 4: invalid character '2' after array element"},
		{`{"a" 1}`, "line 1 column 6: invalid character '1' after object key"},
		{`{a:1}`, "line 1 column 2: invalid character 'a' looking for beginning of object key string"},
		{`{1:1}`, "line 1 column 2: invalid character '1' looking for beginning of object key string"},
		{"\n# comment", "line 2 column 1: invalid character '#' looking for beginning of value"},
	}
	for _, test := range tests {
		v, err := Parse([]byte(test.text))
		got := asJSON(t, v)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%.40q: %s, want %s", test.text, got, test.want)
		}
	}
}

// TestNewRefuses: mistakes in a configuration struct are found when the module is made.
func TestNewRefuses(t *testing.T) {
	type bad struct {
		value any
		want  string
	}
	for _, b := range []bad{
		{struct {
			A int `json:"a" default:"x"`
		}{}, `/a: default "x"`},
		{struct {
			A int `json:"a" default:"7" max:"5"`
		}{}, "7 should be at most 5"},
		{struct {
			A string `json:"a" min:"5"`
		}{}, "min on a string"},
		{struct {
			A []int `json:"a" element:"5" max:"4"`
		}{}, "element: "},
		{struct {
			A int `json:"a" enum:"x"`
		}{}, "enum on a integer"},
		{struct {
			A int `json:"a" element:"5"`
		}{}, "element on a integer"},
		{struct {
			timers
			Again int `json:"renew-timer"`
		}{}, `two items are named "renew-timer"`},
		{struct {
			A chan int `json:"a"`
		}{}, "chan int cannot be described"},
		{struct {
			A map[int]int `json:"a"`
		}{}, "needs text as key"},
		{5, "not a struct"},
	} {
		func() {
			defer func() {
				if r, _ := recover().(string); !strings.Contains(r, b.want) {
					t.Errorf("%T: panic %q, want %q", b.value, r, b.want)
				}
			}()
			New("Bad", "", b.value, paths.Default())
		}()
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"listen_on":[{"address":"::","port":53}],"acl":[{"action":"ACCEPT"}],"ratio":0.5,"components":{"a":{}}}`))
	m := testModule()
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Parse(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		w, err := Parse(again)
		if err != nil || !Equal(v, w) {
			t.Errorf("%q written as %q reads as %v, %v", text, again, w, err)
		}
		s, ok := v.(map[string]any)
		if !ok {
			return
		}
		var c config
		if errs := Validate(m, s); len(errs) == 0 {
			_ = Decode(m, s, &c) // may refuse a number for its size; must not panic
		}
		merged := m.Merge(nil, s)
		if back := m.Merge(nil, m.Diff(nil, merged)); len(Validate(m, merged)) == 0 && !Equal(withoutKept(back), withoutKept(merged)) {
			t.Errorf("difference of %q: %v, want %v", text, back, merged)
		}
	})
}

func withoutKept(s Section) Section {
	delete(s, VersionKey)
	delete(s, GenerationKey)
	return s
}

func FuzzSpecification(f *testing.F) {
	text, err := json.Marshal(testModule())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		var m Module
		if json.Unmarshal(text, &m) == nil {
			Validate(&m, Complete(m.Config, nil))
		}
	})
}

func FuzzIdentifier(f *testing.F) {
	f.Add("components/a/params[0]")
	f.Add("numbers[0][1]")
	m := testModule()
	f.Fuzz(func(t *testing.T, id string) {
		if item, err := m.Find(id); (item == nil) != (err != nil) {
			t.Errorf("%q: %+v, %v", id, item, err)
		}
	})
}
