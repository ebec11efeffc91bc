package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/schema/schematest"
)

type authConfig struct {
	Port    int      `json:"port" default:"53" min:"0" max:"65535"`
	Keys    []string `json:"keys"`
	Nested  nested   `json:"nested"`
	Timeout *int     `json:"timeout"`
}

type nested struct {
	A string `json:"a" default:"x"`
	B string `json:"b" default:"y"`
}

type ringConfig struct {
	Keys []string `json:"keys"`
}

// modules are Auth, which watches the ring and refuses keys that are not in it, and Idle, which never runs.
func modules() []*module.Descriptor {
	auth := schema.New("Auth", "server", authConfig{}, paths.Default()).Command("loadzone", "load", struct {
		Origin string `json:"origin"`
	}{})
	ring := schema.New("ring", "keys", ringConfig{}, paths.Default())
	idle := schema.New("Idle", "idle", ringConfig{}, paths.Default())
	check := func(doc schema.Document) (errs []error) {
		var a authConfig
		var r ringConfig
		if err := errors.Join(schema.Decode(auth, doc["Auth"], &a), schema.Decode(ring, doc["ring"], &r)); err != nil {
			return []error{err}
		}
		for i, key := range a.Keys {
			if !slices.Contains(r.Keys, key) {
				errs = append(errs, fmt.Errorf("Auth/keys[%d]: no key %q", i, key))
			}
		}
		return errs
	}
	return []*module.Descriptor{
		{Spec: auth, Check: check, Watches: []string{"ring"}},
		{Spec: ring, Virtual: true},
		{Spec: idle, Check: func(doc schema.Document) []error {
			if doc["Idle"]["keys"] != nil && len(doc["Idle"]["keys"].([]any)) == 3 {
				panic("three")
			}
			return nil
		}},
	}
}

// fakeRunner records what it is asked; refuse makes a module refuse.
type fakeRunner struct {
	running []string
	refuse  map[string]error

	mu  sync.Mutex
	log []string
	doc schema.Document
}

func (r *fakeRunner) Running() []string { return r.running }

func (r *fakeRunner) Prepare(_ context.Context, name string, doc schema.Document) (Prepared, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refuse[name]; err != nil {
		return nil, err
	}
	r.log = append(r.log, "prepare "+name)
	r.doc = doc
	return fakePrepared{r, name}, nil
}

type fakePrepared struct {
	r    *fakeRunner
	name string
}

func (p fakePrepared) Apply(context.Context) error   { return p.did("apply ") }
func (p fakePrepared) Discard(context.Context) error { return p.did("discard ") }

func (p fakePrepared) did(what string) error {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	p.r.log = append(p.r.log, what+p.name)
	return nil
}

func (r *fakeRunner) did() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := strings.Join(r.log, ", ")
	r.log = nil
	return s
}

func testOptions(t *testing.T, r *fakeRunner) Options {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	return Options{
		File: filepath.Join(t.TempDir(), "bundy-config.db"), Modules: modules(), Runner: r,
		Publish: func(string, any) error { return nil },
		Now:     func() time.Time { return now },
	}
}

func open(t *testing.T, o Options) *Keeper {
	t.Helper()
	k, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func changes(t *testing.T, text string) map[string]schema.Section {
	t.Helper()
	c, _, err := parseSetConfig(json.RawMessage("[" + text + "]"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCommit(t *testing.T) {
	r := &fakeRunner{running: []string{"Auth"}}
	o := testOptions(t, r)
	var events []string
	o.Publish = func(event string, params any) error {
		events = append(events, event+" "+asJSON(t, params))
		return nil
	}
	k := open(t, o)
	by := Author{Name: "root"}
	steps := []struct{ changes, want, did string }{
		{`{"ring":{"keys":["k"]},"Auth":{"keys":["k"],"nested":{"a":"1"}}}`, "", "prepare Auth, apply Auth"},
		{`{"Auth":{"nested":{"b":"2"}}}`, "", "prepare Auth, apply Auth"},
		{`{"Idle":{"keys":["z"]}}`, "", ""},
		{`{"Auth":{"nested":{"b":"2"}}}`, "", ""}, // nothing new
		{`{"ring":{"keys":[]}}`, `Auth/keys[0]: no key "k"`, ""},
		{`{"Auth":{"_generation_id":7}}`, "Auth/_generation_id: system reserved items cannot be set manually", ""},
		{`{"Nobody":{"a":1}}`, "Nobody: unknown module", ""},
		{`{"Auth":{"port":70000,"keys":[1],"what":0},"Idle":{"keys":5}}`,
			"Auth/keys[0]: 1 should be a string\nAuth/port: 70000 should be from 0 to 65535\nAuth/what: unknown item what\nIdle/keys: 5 should be a list", ""},
		{`{"Idle":{"keys":["1","2","3"]}}`, "Idle: the check of this section failed: three", ""},
		{`{"Auth":{"port":null,"keys":null}}`, "", "prepare Auth, apply Auth"},
	}
	for _, s := range steps {
		got := ""
		if err := k.Commit(t.Context(), changes(t, s.changes), by); err != nil {
			got = err.Error()
		}
		if got != s.want {
			t.Errorf("commit %s: %q, want %q", s.changes, got, s.want)
		}
		if did := r.did(); did != s.did {
			t.Errorf("commit %s: modules did %q, want %q", s.changes, did, s.did)
		}
	}
	want := `{"Auth":{"_generation_id":3,"nested":{"a":"1","b":"2"}},"Idle":{"_generation_id":1,"keys":["z"]},"ring":{"_generation_id":1,"keys":["k"]}}`
	doc, _ := k.Document()
	if got := asJSON(t, doc); got != want {
		t.Errorf("document %s, want %s", got, want)
	}
	again, _ := open(t, o).Document()
	if got := asJSON(t, again); got != want {
		t.Errorf("stored %s, want %s", got, want)
	}
	if got := asJSON(t, r.doc); strings.Contains(got, "Idle") || !strings.Contains(got, "ring") {
		t.Errorf("Auth saw %s, want its section and the ring", got)
	}
	if len(events) != 4 || events[0] != `config_changed {"number":2,"modules":["Auth","ring"]}` {
		t.Errorf("events %q", events)
	}
}

// TestRefusalChangesNothing: one module prepared, another refused; then the disk refuses.
func TestRefusalChangesNothing(t *testing.T) {
	r := &fakeRunner{running: []string{"Auth", "Idle"}, refuse: map[string]error{"Idle": errors.New("Idle/keys: in use")}}
	o := testOptions(t, r)
	k := open(t, o)
	c := changes(t, `{"Idle":{"keys":["a"]},"Auth":{"port":5}}`)
	check := func(want, did string) {
		t.Helper()
		err := k.Commit(t.Context(), c, Author{Name: "root"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if got := r.did(); got != did {
			t.Errorf("modules did %q, want %q", got, did)
		}
		if doc, _ := k.Document(); len(doc) != 0 {
			t.Errorf("document %v after a refusal", doc)
		}
		if _, err := os.Stat(o.File); err == nil {
			t.Error("a file was stored after a refusal")
		}
		if h, err := k.History(); err != nil || len(h) != 1 {
			t.Errorf("history %v, %v after a refusal", h, err)
		}
	}
	check("Idle/keys: in use", "prepare Auth, discard Auth")

	r.refuse, r.running = nil, []string{"Auth"}
	k.file.path = filepath.Join(filepath.Dir(o.File), "missing", "x.db")
	check("write configuration", "prepare Auth, discard Auth")
	k.file.path = o.File

	// A module that stopped does not hold up a commit.
	r.refuse = map[string]error{"Auth": fmt.Errorf("Auth: %w", bus.ErrNotRunning)}
	if err := k.Commit(t.Context(), c, Author{Name: "root"}); err != nil {
		t.Error(err)
	}
}

func TestHistoryAndRollback(t *testing.T) {
	r := &fakeRunner{running: []string{"Auth"}}
	k := open(t, testOptions(t, r))
	for port := range 3 {
		c := map[string]schema.Section{"Auth": {"port": int64(port + 1)}}
		if err := k.Commit(t.Context(), c, Author{Name: "ann"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Rollback(t.Context(), 2, Author{Name: "bob"}); err != nil {
		t.Fatal(err)
	}
	doc, number := k.Document()
	if got := asJSON(t, doc); number != 5 || got != `{"Auth":{"_generation_id":4,"port":1}}` {
		t.Errorf("after rollback revision %d, %s", number, got)
	}
	h, err := k.History()
	if err != nil || len(h) != 5 || h[0].Number != 5 || h[0].Name != "bob" || h[0].Comment != "rollback to 2" {
		t.Errorf("history %+v, %v", h, err)
	}
	if err := k.Rollback(t.Context(), 99, Author{}); err == nil || err.Error() != "no revision 99 in the history" {
		t.Errorf("rollback to nothing: %v", err)
	}
	long := Author{Name: "ann", Comment: strings.Repeat("x", maxAuthor)}
	if err := k.Commit(t.Context(), changes(t, `{"Auth":{"port":9}}`), long); err == nil {
		t.Error("a comment without bounds was accepted")
	}
	for port := range maxRevisions {
		c := map[string]schema.Section{"Auth": {"port": int64(port + 100)}}
		if err := k.Commit(t.Context(), c, Author{Name: "ann"}); err != nil {
			t.Fatal(err)
		}
	}
	if h, err := k.History(); err != nil || len(h) != maxRevisions || h[0].Number != maxRevisions+5 {
		t.Errorf("%d revisions, %v, want the newest %d", len(h), err, maxRevisions)
	}
}

func TestOpen(t *testing.T) {
	tests := []struct{ name, stored, want, err string }{
		{"none", "", `{}`, ""},
		{"current", `{"version":4,"Auth":{"port":5,"_generation_id":3}}`, `{"Auth":{"_generation_id":3,"port":5}}`, ""},
		{"version 1", `{"version":1,"Boss":{"a":1}}`, `{"Init":{"_generation_id":1,"a":1}}`, ""},
		{"version 3", `{"version": 3, "Auth": {"port": 5.0}}`, `{"Auth":{"_generation_id":1,"port":5}}`, ""},
		{"unknown module", `{"version":4,"Old":{"x":[]}}`, `{"Old":{"x":[]}}`, ""},
		{"newer", `{"version":5}`, "", "version 5"},
		{"no version", `{}`, "", `"version" is missing`},
		{"version of another kind", `{"version":"4"}`, "", `"version" is "4" and should be a number`},
		{"empty", ` `, "", "line 1 column 2: unexpected end"},
		{"cut", "{\n \"version\": 4,\n \"Auth\": {\"po", "", "line 3 column"},
		{"not JSON", "{\n \"version\": 4,\n \"Auth\": {port: 1}}", "", "line 3 column 11"},
		{"twice", `{"version":4,"Auth":{},"Auth":{}}`, "", `"Auth" stands twice`},
		{"section", `{"version":4,"Auth":[]}`, "", "Auth: the section of a module should be a map"},
		{"both names", `{"version":2,"Boss":{},"Init":{}}`, "", "both Boss and Init"},
		{"reserved", `{"version":3,"Auth":{"_x":1}}`, "", "Auth/_x"},
		{"schema", `{"version":4,"Auth":{"port":"x"}}`, "", `Auth/port: "x" should be an integer`},
		{"check", `{"version":4,"Auth":{"keys":["k"]}}`, "", `Auth/keys[0]: no key "k"`},
		{"deep", `{"version":4,"Auth":{"keys":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + `}}`, "", "nested deeper"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := testOptions(t, &fakeRunner{})
			if test.stored != "" {
				if err := os.WriteFile(o.File, []byte(test.stored), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			k, err := Open(o)
			if test.err != "" {
				var fe *FileError
				if !errors.As(err, &fe) || fe.Path != o.File || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			doc, _ := k.Document()
			if got := asJSON(t, doc); got != test.want {
				t.Errorf("document %s, want %s", got, test.want)
			}
		})
	}
}

// TestCrash leaves the directory as a crash between the two writes of a commit does.
func TestCrash(t *testing.T) {
	o := testOptions(t, &fakeRunner{})
	k := open(t, o)
	if err := k.Commit(t.Context(), changes(t, `{"Auth":{"port":1}}`), Author{Name: "ann"}); err != nil {
		t.Fatal(err)
	}
	lost := Revision{Summary: Summary{Number: 3}, Document: schema.Document{"Auth": {"port": int64(9)}}}
	if err := k.history.write(lost); err != nil {
		t.Fatal(err)
	}
	temp := o.File + tempMark + "123"
	if err := os.WriteFile(temp, []byte(`{"ver`), 0o600); err != nil {
		t.Fatal(err)
	}
	k = open(t, o)
	doc, number := k.Document()
	if got := asJSON(t, doc); number != 4 || got != `{"Auth":{"_generation_id":1,"port":1}}` {
		t.Errorf("revision %d, %s", number, got)
	}
	if _, err := os.Stat(temp); err == nil {
		t.Error("the temporary file is still there")
	}
}

func TestClear(t *testing.T) {
	o := testOptions(t, &fakeRunner{})
	for i, backup := range []string{"", ".bak", ".bak.1", ".bak.2"} {
		o.Clear = backup != ""
		if err := open(t, o).Commit(t.Context(), map[string]schema.Section{"Auth": {"port": int64(i)}}, Author{}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(o.File + backup)
		if want := fmt.Sprintf(`"port":%d}`, max(0, i-1)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%q holds %s, %v, want %s", backup, text, err, want)
		}
	}
}

func TestCall(t *testing.T) {
	o := testOptions(t, &fakeRunner{})
	k := open(t, o)
	tests := []struct{ command, args, want string }{
		{"set_config", `["Auth",{"port":5}]`, "null"},
		{"set_config", `[{"ring":{"keys":["k"]}}]`, "null"},
		{"set_config", `{"changes":{"Idle":{"keys":[]}},"author":"ann","comment":"why"}`, "null"},
		{"set_config", `{"changes":[{"Idle":{"keys":[]}}],"author":"ann"}`, "null"},
		{"set_config", `["Auth"]`, "error 1: set_config needs a map of changes by module"},
		{"set_config", ``, "error 1: arguments of set_config: line 1 column 1: unexpected end"},
		{"get_config", ``, `{"Auth":{"_generation_id":1,"port":5},"Idle":{"_generation_id":1,"keys":[]},"ring":{"_generation_id":1,"keys":["k"]},"version":4}`},
		{"get_config", `{"module_name":"Auth"}`, `{"_generation_id":1,"port":5}`},
		{"get_config", `{"module_name":"Nobody"}`, `{"version":4}`},
		{"get_module_spec", `{"module_name":"Nobody"}`, `{}`},
		{"get_statistics_spec", ``, `{"Auth":[],"Idle":[],"ring":[]}`},
		{"get_commands_spec", `null`, `{"Auth":[{"command_name":"loadzone","command_description":"load","command_args":[{"item_name":"origin","item_type":"string","item_optional":false,"item_default":""}]}],"Idle":[],"ring":[]}`},
		{"get_document", `{"module_name":"Auth"}`, `{"number":4,"document":{"Auth":{"_generation_id":1,"port":5},"ring":{"_generation_id":1,"keys":["k"]}}}`},
		{"get_document", `{"module_name":"Auth","known":3}`, `{"number":4,"document":{"Auth":{"_generation_id":1,"port":5},"ring":{"_generation_id":1,"keys":["k"]}}}`},
		{"get_document", `{"known":4}`, `{"number":4}`},
		{"get_document", `{"known":"4"}`, `error 1: arguments: json: cannot unmarshal string into Go struct field Known.known of type int`},
		{"get_document", `{"module_name":"Nobody"}`, `error 1: unknown module "Nobody"`},
		{"show", `{"number":4}`, `{"number":4,"time":"2026-11-23T10:00:00Z","modules":["Idle"],"author":"ann","comment":"why","document":{"Auth":{"_generation_id":1,"port":5},"Idle":{"_generation_id":1,"keys":[]},"ring":{"_generation_id":1,"keys":["k"]}},"changes":{"Idle":{"keys":[]}}}`},
		{"show", `{}`, "error 1: missing 'number'"},
		{"rollback", `{"number":3,"author":"bob"}`, "null"},
		{"dance", ``, "error 2: Unknown command 'dance' to module 'ConfigManager'"},
	}
	for _, test := range tests {
		result, err := k.Call(t.Context(), test.command, json.RawMessage(test.args))
		got := asJSON(t, result)
		var refusal *bus.Error
		if errors.As(err, &refusal) {
			got = fmt.Sprintf("error %d: %s", refusal.Code, refusal.Text)
		} else if err != nil {
			t.Errorf("%s: error %v is not a *bus.Error", test.command, err)
		}
		if got != test.want {
			t.Errorf("%s %s: %s\nwant %s", test.command, test.args, got, test.want)
		}
	}
}

func TestLoggingModule(t *testing.T) {
	d := Logging(paths.Default())
	doc := schema.Document{"Logging": {"loggers": []any{
		map[string]any{"name": "*", "severity": "warn"},
		map[string]any{"name": "Au*", "severity": "LOUD", "output_options": []any{
			map[string]any{"destination": "file", "output": ""}, map[string]any{"output": "stdin"},
			map[string]any{"destination": "SYSLOG", "output": "local0"}, map[string]any{"destination": "printer"},
		}},
	}}}
	var got []string
	for _, err := range d.Check(doc) {
		got = append(got, err.Error())
	}
	want := []string{
		`Logging/loggers[1]/name: "Au*": * may only stand for the whole module`,
		`Logging/loggers[1]/severity: "LOUD" should be one of DEFAULT, DEBUG, INFO, WARN, ERROR, FATAL, NONE`,
		`Logging/loggers[1]/output_options[0]/output: a file destination needs a file name`,
		`Logging/loggers[1]/output_options[1]/output: "stdin" should be stdout or stderr`,
		`Logging/loggers[1]/output_options[3]/destination: "printer" should be console, file or syslog`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	c, err := LoggingConfig(schema.Document{"Logging": {"loggers": []any{map[string]any{"name": "*"}}}})
	if err != nil || len(c.Loggers) != 1 || c.Loggers[0].Severity != "INFO" {
		t.Errorf("config %+v, %v", c, err)
	}
}

func TestFatalIsLogged(t *testing.T) {
	o := testOptions(t, &fakeRunner{})
	rec := logging.NewRecorder()
	o.Log = rec.Logger(ModuleName)
	if err := os.WriteFile(o.File, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); err == nil || rec.Count("CFGMGR_DATA_READ_ERROR") != 1 {
		t.Errorf("%v, %v", err, rec.Entries())
	}
	if rec.Entries()[0].Logger != "bundy-cfgmgr.cfgmgr" {
		t.Errorf("logger %s", rec.Entries()[0].Logger)
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(`{"version":3,"Boss":{"a":[1,2.5,null,{"b":true}]},"Auth":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		document, _, err := parseDocument(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(map[string]any{"document": document})
		if err != nil {
			t.Fatal(err)
		}
		rev, err := parseRevision(again)
		if err != nil || !schema.Equal(rev.Document, document) {
			t.Errorf("%s: read back as %v, %v", again, rev.Document, err)
		}
	})
}

func FuzzSetConfig(f *testing.F) {
	f.Add([]byte(`[{"Auth":{"port":5}}]`))
	f.Add([]byte(`["Auth",{"port":null}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		changes, _, err := parseSetConfig(text)
		if err == nil && changes == nil {
			t.Error("neither changes nor an error")
		}
	})
}

// TestLoggingSchema compares the module with the table of the specification, where that is at hand.
func TestLoggingSchema(t *testing.T) {
	file := filepath.Join("..", "..", "..", "..", "shared", "spec", "config-schema", "Logging.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("the specification is not at hand: %v", err)
	}
	differences, err := schematest.Compare(Logging(paths.Default()).Spec, text)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences {
		t.Error(d)
	}
}
