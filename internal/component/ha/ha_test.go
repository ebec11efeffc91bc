package ha

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"

	"bundy/internal/dhcp/redundancy"
	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
)

type fakeBus struct{ published int }

func (*fakeBus) Call(context.Context, string, string, any, any) error    { return nil }
func (b *fakeBus) Publish(string, any) error                             { b.published++; return nil }
func (*fakeBus) Subscribe(string, func(json.RawMessage)) (cancel func()) { return func() {} }

func document(t *testing.T, text string) schema.Document {
	t.Helper()
	v, err := schema.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Document{name: v.(schema.Section)}
}

func call(t *testing.T, c *component, command string, args string) string {
	t.Helper()
	var a map[string]json.RawMessage
	if err := json.Unmarshal([]byte(args), &a); err != nil {
		t.Fatal(err)
	}
	v, err := c.Call(context.Background(), command, a)
	if err != nil {
		return err.Error()
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBus{}
		c, err := newComponent(document(t, `{"groups": [{"name": "lan", "subnets": ["192.0.2.0/24"]}, {"name": "lab", "interfaces": ["eth1"]}]}`),
			module.Deps{Bus: b})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx, func() {}) }()
		synctest.Wait()
		want := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		want("at the start", call(t, c, redundancy.Roles, `{}`), `{"lab":"backup","lan":"backup"}`)
		want("an unknown group", call(t, c, "set_role", `{"group": "<b>", "role": "master"}`), `group: there is no redundancy group "<b>"`)
		before := b.published
		want("told", call(t, c, "set_role", `{"group": "lan", "role": "master"}`), `{"group":"lan","role":"master"}`)
		want("then", call(t, c, redundancy.Roles, `{}`), `{"lab":"backup","lan":"master"}`)
		want("status", call(t, c, "status", `{}`), `{"groups":[{"group":"lan","role":"master","told":true,"since":"2000-01-01T00:00:00Z"},`+
			`{"group":"lab","role":"backup","told":false,"since":"2000-01-01T00:00:00Z"}]}`)
		if b.published == before {
			t.Error("nobody was told")
		}
		change, err := c.Prepare(ctx, document(t, `{"groups": [{"name": "lan", "interfaces": ["eth0"]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		change.Apply()
		want("a group that stays", call(t, c, redundancy.Roles, `{}`), `{"lan":"master"}`)
		if _, err := c.Prepare(ctx, document(t, `{"groups": [{"name": "lan"}]}`)); err == nil {
			t.Error("a group without members is accepted")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want("after the end", call(t, c, redundancy.Roles, `{}`), `{"lan":"backup"}`)
	})
}
