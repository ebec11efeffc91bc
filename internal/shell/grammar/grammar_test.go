package grammar

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	loadzone = []Parameter{{"class", true}, {"origin", false}}
	set      = []Parameter{{"identifier", true}, {"value", false}}
	add      = []Parameter{{"identifier", true}, {"value_or_name", true}, {"value_for_set", true}}
)

func TestFit(t *testing.T) {
	for _, c := range []struct {
		line       string
		parameters []Parameter
		want       map[string]string
	}{
		{`Auth loadzone IN example.com.`, loadzone, map[string]string{"class": "IN", "origin": "example.com."}},
		{`Ha set-role lan master-1`, []Parameter{{"group", false}, {"role", false}}, map[string]string{"group": "lan", "role": "master-1"}},
		{`Auth loadzone example.com.`, loadzone, map[string]string{"origin": "example.com."}},
		{`Auth loadzone origin="example.com." class="IN"`, loadzone, map[string]string{"class": "IN", "origin": "example.com."}},
		{`Auth loadzone origin = 'example.com.', class = IN`, loadzone, map[string]string{"class": "IN", "origin": "example.com."}},
		{`Auth loadzone class=x,origin=.`, loadzone, map[string]string{"class": "x", "origin": "."}},
		{`Auth loadzone origin="a \" b"`, loadzone, map[string]string{"origin": `a " b`}},
		{`Xfrin retransfer zone_name="foo.example.org" master=192.0.2.99`, []Parameter{{"zone_name", false}, {"master", true}},
			map[string]string{"zone_name": "foo.example.org", "master": "192.0.2.99"}},
		{`config set A/b 5`, set, map[string]string{"identifier": "A/b", "value": "5"}},
		{`config set 5`, set, map[string]string{"value": "5"}},
		{`config set A/b Hello  big World`, set, map[string]string{"identifier": "A/b", "value": "Hello  big World"}},
		{`config set A/b "192.0.3.1, 192.0.3.2"`, set, map[string]string{"identifier": "A/b", "value": `"192.0.3.1, 192.0.3.2"`}},
		{`config set A/b { "a": [ 1, "x y" ], "b" : 2 }`, set, map[string]string{"identifier": "A/b", "value": `{"a":[1,"x y"],"b":2}`}},
		{`config set A/b [{ "address": "192.168.1.1", "port": 53 }]`, set, map[string]string{"identifier": "A/b", "value": `[{"address":"192.168.1.1","port":53}]`}},
		{`config set A/b {unbalanced  text`, set, map[string]string{"identifier": "A/b", "value": `{unbalanced  text`}},
		{`config set A/b ""`, set, map[string]string{"identifier": "A/b", "value": `""`}},
		{`config set identifier=A/b value=[1, 2]`, set, map[string]string{"identifier": "A/b", "value": `[1,2]`}},
		{`config set A[0]/name *`, set, map[string]string{"identifier": "A[0]/name", "value": `*`}},
		{"  config\tset \t A/b  5 \r", set, map[string]string{"identifier": "A/b", "value": "5"}},
		{`config add A/b`, add, map[string]string{"identifier": "A/b"}},
		{`config add A/b x {}`, add, map[string]string{"identifier": "A/b", "value_or_name": "x", "value_for_set": "{}"}},
	} {
		l, err := Parse(c.line)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		got, err := l.Fit(c.parameters)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.line, diff)
		}
	}
}

func TestErrors(t *testing.T) {
	for line, want := range map[string]error{
		`Au-th loadzone`:           ErrModule,
		`=`:                        ErrModule,
		`Auth`:                     ErrNoCommand,
		`Auth load/zone`:           ErrCommand,
		`Auth loadzone origin=`:    ErrArguments,
		`Auth loadzone a=b x y`:    ErrArguments,
		`Auth loadzone a="b" "x"y`: ErrArguments,
	} {
		if _, err := Parse(line); !errors.Is(err, want) {
			t.Errorf("%s: %v instead of %v", line, err, want)
		}
	}
	for line, want := range map[string]string{
		`Auth loadzone zone=x`:   "Unknown parameter 'zone' to command 'loadzone' of module 'Auth'",
		`Auth loadzone`:          "Parameter 'origin' is missed for command 'loadzone' of module 'Auth'",
		`Auth loadzone class=IN`: "Parameter 'origin' is missed for command 'loadzone' of module 'Auth'",
	} {
		l, err := Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Fit(loadzone); err == nil || err.Error() != want {
			t.Errorf("%s: %v", line, err)
		}
	}
	l, _ := Parse(`Init ping x y`)
	if _, err := l.Fit(nil); err == nil || !strings.Contains(err.Error(), "Unknown parameter 'x y'") {
		t.Error(err)
	}
}

func TestHelp(t *testing.T) {
	for _, line := range []string{`Init shutdown help`, `Init help`, `Init shutdown help me`} {
		if l, err := Parse(line); err != nil || !l.Help {
			t.Errorf("%s: %+v, %v", line, l, err)
		}
	}
	for _, line := range []string{`help`, `h`, `?`, ` ? `} {
		if l, err := Parse(line); err != nil || l.Module != "help" || l.Command != "" {
			t.Errorf("%s: %+v, %v", line, l, err)
		}
	}
	if l, err := Parse(`config show helper`); err != nil || l.Help {
		t.Errorf("%+v, %v", l, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range []string{`config set A/b { "a": [ 1 ] }`, `Auth loadzone origin="a", class='IN'`, `x y "`, `x y a='`, `x y [}"\`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		l, err := Parse(line)
		if err != nil {
			return
		}
		for _, parameters := range [][]Parameter{nil, loadzone, add} {
			_, _ = l.Fit(parameters)
		}
	})
}
