package authority

import (
	"strings"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

func TestDefaultSources(t *testing.T) {
	p := paths.Below("/data")
	if errs := DataSourcesDescriptor(p).Check(nil); len(errs) > 0 {
		t.Fatal(errs)
	}
	sources, err := DecodeSources(nil, p)
	if err != nil || len(sources) != 2 {
		t.Fatal(sources, err)
	}
	if s := sources[0]; s.Class != wire.ClassIN || s.Type != SQLite3 || s.Name != SQLite3 || s.Database != "/data/zone.sqlite3" || s.Cached {
		t.Errorf("%+v", s)
	}
	if s := sources[1]; s.Class != wire.ClassCH || s.Type != MasterFiles || len(s.Files) != 1 || s.Files[0].Origin.String() != "BIND." || s.Files[0].Path != "/data/share/static.zone" {
		t.Errorf("%+v", s)
	}
}

func TestCheckSources(t *testing.T) {
	doc := func(text string) schema.Document {
		v, err := schema.Parse([]byte(`{"classes":` + text + `}`))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Document{DataSourcesModule: v.(map[string]any)}
	}
	check := DataSourcesDescriptor(paths.Default()).Check
	for _, c := range []struct {
		text string
		want []string
	}{
		{`{}`, nil},
		{`{"IN":[{"type":"mysql","params":{"x":1}}]}`, nil},
		{`{"IN":[{"type":"sqlite3","params":{"database_file":"/x"},"cache-enable":true,"cache-zones":["example.org","example.net."]}]}`, nil},
		{`{"IN":[{"type":"sqlite3","params":{"database_file":"/x"},"cache-enable":false}]}`, nil},
		{`{"IN":[{"type":"MasterFiles","cache-enable":true,"params":{}}]}`, nil},
		{`{"XY":[]}`, []string{`data_sources/classes/XY: unknown RR class "XY"`}},
		{`{"IN":[],"in":[]}`, []string{`data_sources/classes/in: the class stands here as "IN" already`}},
		{`{"IN":[{}]}`, []string{"data_sources/classes/IN[0]/type: "}},
		{`{"IN":[{"type":"MasterFiles","params":{"a..b":"/x","example.org":5,"example.net":""}}]}`, []string{
			"data_sources/classes/IN[0]/cache-enable: ", `data_sources/classes/IN[0]/params/a..b: bad domain name "a..b"`,
			"data_sources/classes/IN[0]/params/example.net: ", "data_sources/classes/IN[0]/params/example.org: "}},
		{`{"IN":[{"type":"MasterFiles","cache-enable":true,"params":"/x","cache-zones":["x"]}]}`, []string{
			"data_sources/classes/IN[0]/cache-zones: ", "data_sources/classes/IN[0]/params: MasterFiles needs a map"}},
		{`{"IN":[{"type":"MasterFiles","cache-enable":true,"params":{"example.org":"/x","EXAMPLE.org.":"/y"}}]}`, []string{
			"data_sources/classes/IN[0]/params/example.org: zone example.org. stands twice"}},
		{`{"IN":[{"type":"sqlite3","cache-enable":true}]}`, []string{"data_sources/classes/IN[0]/params: ", "data_sources/classes/IN[0]/cache-zones: "}},
		{`{"IN":[{"type":"sqlite3","params":{"database_file":"/x"},"cache-enable":true,"cache-zones":["x","X.","y..z"]}]}`, []string{
			"data_sources/classes/IN[0]/cache-zones[1]: ", "data_sources/classes/IN[0]/cache-zones[2]: "}},
		{`{"IN":[{"type":"sqlite3","params":{"database_file":"/x"}},{"type":"sqlite3","params":{"database_file":"/y"}}]}`, []string{
			`data_sources/classes/IN[1]/name: two data sources of class IN are named "sqlite3"`}},
		{`{"IN":[{"type":"sqlite3","params":{"database_file":"/x"}},{"type":"sqlite3","name":"b","params":{"database_file":"/y"}}]}`, nil},
	} {
		errs := check(doc(c.text))
		if len(errs) != len(c.want) {
			t.Errorf("%s: %v", c.text, errs)
			continue
		}
		for i, err := range errs {
			if !strings.HasPrefix(err.Error(), c.want[i]) {
				t.Errorf("%s: got %v, want %s", c.text, err, c.want[i])
			}
		}
	}
}

func TestKeys(t *testing.T) {
	p := paths.Default()
	doc := schema.Document{KeysModule: {"keys": []any{"example.key.:c2VjcmV0", "other:c2VjcmV0:hmac-sha256"}}}
	if errs := KeysDescriptor(p).Check(doc); len(errs) > 0 {
		t.Fatal(errs)
	}
	ring, err := DecodeKeys(doc, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := ring.Find(wire.MustParseName("EXAMPLE.key")); !ok {
		t.Error("key not found")
	}
	if _, err := DecodeKeys(nil, p); err != nil {
		t.Error(err)
	}
	doc = schema.Document{KeysModule: {"keys": []any{"bad", "a:c2VjcmV0", "A.:c2VjcmV0", "b:!!"}}}
	errs := KeysDescriptor(p).Check(doc)
	if len(errs) != 3 {
		t.Fatal(errs)
	}
	for i, want := range []string{"tsig_keys/keys[0]: ", "tsig_keys/keys[2]: ", "tsig_keys/keys[3]: "} {
		if !strings.HasPrefix(errs[i].Error(), want) || strings.Contains(errs[i].Error(), "c2VjcmV0") {
			t.Errorf("got %v, want %s", errs[i], want)
		}
	}
}
