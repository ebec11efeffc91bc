package parent

import (
	"errors"
	"strings"
	"testing"

	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/supervisor"
)

// planFor parses the value of Init/components; "" stands for a section without it.
func planFor(t *testing.T, text string) (plan, error) {
	t.Helper()
	table := fakeTable(paths.Default())
	d := Describe(paths.Default(), table)
	doc := schema.Document{}
	if text != "" {
		value, err := schema.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		doc[ModuleName] = schema.Section{"components": value}
		if errs := schema.Validate(d.Spec, doc[ModuleName]); len(errs) > 0 {
			return plan{}, errors.Join(errs...)
		}
	}
	p, errs := planOf(d.Spec, table, doc)
	if again := d.Check(doc); len(again) != len(errs) {
		t.Errorf("Check says %v, the plan %v", again, errs)
	}
	return p, errors.Join(errs...)
}

func TestDefaultComponents(t *testing.T) {
	p, err := planFor(t, "")
	want := []supervisor.Component{
		{Name: "bundy-cmdctl", Program: "bundy-cmdctl", Module: "Cmdctl", Process: "bundy-control", Kind: supervisor.Needed},
		{Name: "bundy-stats", Program: "bundy-stats", Module: "Stats", Process: "bundy-control", Kind: supervisor.Dispensable},
	}
	if err != nil || len(p.run) != 2 || p.run[0] != want[0] || p.run[1] != want[1] {
		t.Errorf("got %+v %v", p, err)
	}
}

func TestPlan(t *testing.T) {
	for name, test := range map[string]struct {
		text    string
		want    supervisor.Component
		skipped string
	}{
		"by name": {text: `{"bundy-auth": {}}`,
			want: supervisor.Component{Name: "bundy-auth", Program: "bundy-auth", Module: "Auth", Process: "bundy-dns", Kind: supervisor.Dispensable}},
		"by special": {text: `{"my-dns": {"special": "auth", "kind": "core", "priority": 7}}`,
			want: supervisor.Component{Name: "my-dns", Program: "bundy-auth", Module: "Auth", Process: "bundy-dns", Kind: supervisor.Core, Priority: 7}},
		"own process": {text: `{"bundy-auth": {"process": "dns-1"}}`,
			want: supervisor.Component{Name: "bundy-auth", Program: "bundy-auth", Module: "Auth", Process: "dns-1", Kind: supervisor.Dispensable}},
		"older meaning of process": {text: `{"dns": {"process": "bundy-auth"}}`,
			want: supervisor.Component{Name: "dns", Program: "bundy-auth", Module: "Auth", Process: "bundy-dns", Kind: supervisor.Dispensable}},
		"address and params": {text: `{"bundy-stats": {"address": "Stats", "params": ["-v"]}}`,
			want: supervisor.Component{Name: "bundy-stats", Program: "bundy-stats", Module: "Stats", Process: "bundy-control", Kind: supervisor.Dispensable}},
		"not here":            {text: `{"bundy-xfrin": {"address": "Xfrin", "kind": "dispensable"}}`, skipped: "bundy-xfrin"},
		"not here by special": {text: `{"bundy-resolver-2": {"special": "resolver"}}`, skipped: "bundy-resolver-2"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := planFor(t, test.text)
			switch {
			case err != nil:
				t.Error(err)
			case test.skipped != "":
				if len(p.run) != 0 || len(p.skipped) != 1 || p.skipped[0] != test.skipped {
					t.Errorf("got %+v", p)
				}
			case len(p.run) != 1 || p.run[0] != test.want:
				t.Errorf("got %+v, want %+v", p.run, test.want)
			}
		})
	}
}

func TestPlanRefusals(t *testing.T) {
	for text, want := range map[string]string{
		`{"bundy-foo": {}}`:         `Init/components/bundy-foo: unknown component`,
		`{"x": {"special": "foo"}}`: `Init/components/x/special: unknown component "foo"`,
		`{"bundy-resolver": {"special": "resolver", "kind": "needed"}}`: `Init/components/bundy-resolver/kind: `,
		`{"bundy-xfrout": {"kind": "core"}}`:                            `Init/components/bundy-xfrout/kind: `,
		`{"msgq": {}}`:                                                  `Init/components/msgq: `,
		`{"bundy-cfgmgr": {}}`:                                          `Init/components/bundy-cfgmgr: `,
		`{"x": {"special": "sockcreator"}}`:                             `Init/components/x: `,
		`{"a": {"special": "auth"}, "bundy-auth": {}}`:                  `Init/components/bundy-auth: `,
		`{"bundy-auth": {}, "bundy-ddns": {"process": "other"}}`:        `Init/components/bundy-ddns/process: `,
		`{"bundy-auth": {"process": "../x"}}`:                           `Init/components/bundy-auth/process: `,
		`{"bundy-auth": {"process": "bundy-init"}}`:                     `Init/components/bundy-auth/process: `,
		`{"bundy-auth": {"kind": "vital"}}`:                             `Init/components/bundy-auth/kind: `,
		`{"tsig_keys": {}}`:                                             `Init/components/tsig_keys: unknown component`,
	} {
		if _, err := planFor(t, text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	// All that is wrong is told at once.
	if _, err := planFor(t, `{"a": {}, "b": {}}`); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("got %v", err)
	}
}
