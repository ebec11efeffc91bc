package stats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// fakeBus has the modules Good, Silent (which never answers), Gone (which does not run) and Plain (without statistics).
type fakeBus struct {
	answer   map[string]any // of Good
	silent   bool
	asked    int
	noConfig bool
}

func (b *fakeBus) Call(ctx context.Context, to, command string, _, result any) error {
	give := func(v any) error {
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, result)
	}
	switch to {
	case configManager:
		if b.noConfig {
			return errors.New("no answer")
		}
		return give(map[string]*schema.Module{
			"Good": counting("Good"), "Silent": counting("Silent"), "Gone": counting("Gone"),
			"Plain": schema.New("Plain", "", nil, paths.Default()), name: specification(paths.Default()),
		})
	case "Good":
		b.asked++
		return give(b.answer)
	case "Silent":
		if b.silent {
			<-ctx.Done()
			return ctx.Err()
		}
		return give(map[string]any{"count": 3})
	}
	return fmt.Errorf("%s: %w", to, bus.ErrNotRunning)
}

func (*fakeBus) Publish(string, any) error { return nil }

func (*fakeBus) Subscribe(string, func(json.RawMessage)) func() { return func() {} }

func counting(name string) *schema.Module {
	type inner struct {
		V4 int `json:"v4"`
		V6 int `json:"v6"`
	}
	type items struct {
		Count   int    `json:"count"`
		Text    string `json:"text" default:"none"`
		Request inner  `json:"request"`
	}
	return schema.New(name, "", nil, paths.Default()).Statistic(items{})
}

func start(t *testing.T, b *fakeBus, section schema.Section) *component {
	t.Helper()
	made, err := Descriptor(paths.Default()).New(schema.Document{name: section}, module.Deps{Bus: b})
	if err != nil {
		t.Fatal(err)
	}
	return made.(*component)
}

func call(t *testing.T, c *component, command, args string) (string, error) {
	t.Helper()
	parsed, err := c.spec.Arguments(c.spec.FindCommand(command), json.RawMessage(args))
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.Call(t.Context(), command, parsed)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), nil
}

func TestShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBus{answer: map[string]any{"count": 7, "text": 5, "request": map[string]any{"v4": 1}, "strange": 1}}
		c := start(t, b, nil)
		// Items of the wrong type or name are left out, what is not sent is zero.
		const good = `{"count":7,"request":{"v4":1,"v6":0},"text":"none"}`
		for _, x := range []struct{ args, want, err string }{
			{`{"owner":"Good"}`, `{"Good":` + good + `}`, ""},
			{`{"owner":"Good","name":"count"}`, `{"Good":{"count":7}}`, ""},
			{`{"owner":"Gone"}`, "", "specified arguments are incorrect: owner: Gone, name: "},
			{`{"owner":"Good","name":"x"}`, "", "specified arguments are incorrect: owner: Good, name: x"},
			{`{"name":"count"}`, "", "specified arguments are incorrect: owner: , name: count"},
		} {
			got, err := call(t, c, "show", x.args)
			if got != x.want || (err == nil) != (x.err == "") || err != nil && err.Error() != x.err {
				t.Errorf("show %s: %s, %v", x.args, got, err)
			}
		}
		if b.asked != 1 {
			t.Errorf("asked %d times within a second", b.asked)
		}
		time.Sleep(2 * time.Second)
		all, err := call(t, c, "show", "")
		if err != nil || b.asked != 2 {
			t.Errorf("%v, asked %d times", err, b.asked)
		}
		var shown map[string]map[string]any
		if err := json.Unmarshal([]byte(all), &shown); err != nil {
			t.Fatal(err)
		}
		if len(shown) != 3 || shown["Silent"]["count"] != 3.0 || shown[name]["last_update_time"] != stamp(time.Now()) {
			t.Errorf("all: %s", all)
		}
	})
}

func TestSilentModuleKeepsItsLastValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBus{silent: true}
		c := start(t, b, nil)
		show := func(want string) {
			t.Helper()
			begin := time.Now()
			if got, err := call(t, c, "show", `{"owner":"Silent","name":"count"}`); err != nil || got != want {
				t.Errorf("%s, %v", got, err)
			}
			if took := time.Since(begin); took > answerTime {
				t.Errorf("took %v", took)
			}
			time.Sleep(2 * time.Second)
		}
		show(`{"Silent":{"count":0}}`)
		b.silent = false
		show(`{"Silent":{"count":3}}`)
		b.silent = true
		show(`{"Silent":{"count":3}}`)
		b.noConfig = true
		show(`{"Silent":{"count":3}}`)
	})
}

func TestShowSchema(t *testing.T) {
	c := start(t, &fakeBus{}, nil)
	got, err := call(t, c, "showschema", `{"owner":"Good","name":"count"}`)
	var parsed map[string][]map[string]any
	if err != nil || json.Unmarshal([]byte(got), &parsed) != nil || len(parsed["Good"]) != 1 || parsed["Good"][0]["item_type"] != "integer" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := call(t, c, "showschema", `{"name":"count"}`); err == nil || err.Error() != "module name is not specified" {
		t.Error(err)
	}
	if _, err := call(t, c, "showschema", `{"owner":"Nobody"}`); err == nil {
		t.Error("an unknown module has a schema")
	}
}

func TestPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBus{}
		c := start(t, b, schema.Section{"poll-interval": int64(10)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx, func() {}) }()
		expect := func(after time.Duration, want int) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if b.asked != want {
				t.Errorf("asked %d times instead of %d", b.asked, want)
			}
		}
		expect(35*time.Second, 3)
		change, err := c.Prepare(ctx, schema.Document{name: {"poll-interval": int64(0)}})
		if err != nil {
			t.Fatal(err)
		}
		change.Apply()
		expect(time.Hour, 3)
		if _, err := c.Prepare(ctx, schema.Document{name: {"poll-interval": int64(-1)}}); err == nil {
			t.Error("a negative interval was accepted")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestStatusAndOwnStatistics(t *testing.T) {
	c := start(t, &fakeBus{}, nil)
	if got, err := call(t, c, "status", ""); err != nil || len(got) < len(`"Stats is up. (PID 1)"`) {
		t.Error(got, err)
	}
	described := &schema.Module{Name: name, Config: c.spec.Statistics}
	text, err := json.Marshal(c.Stats())
	if err != nil {
		t.Fatal(err)
	}
	v, err := schema.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]error(nil), schema.Validate(described, v.(schema.Section))); diff != "" {
		t.Error(diff)
	}
}
