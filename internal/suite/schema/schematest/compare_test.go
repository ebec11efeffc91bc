package schematest

import (
	"slices"
	"testing"

	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

type config struct {
	Port  int      `json:"port" default:"53"`
	File  string   `json:"file" default:"${LOCALSTATEDIR}/bundy/x"`
	Names []string `json:"names" element:"*"`
}

func TestCompare(t *testing.T) {
	m := schema.New("Auth", "", config{}, paths.Default()).Command("load", "", struct {
		Class  string `json:"class" optional:"true" default:"IN"`
		Origin string `json:"origin"`
	}{})
	same := `{"module":"Auth","config":[{"path":"port","type":"integer","default":53},
		{"path":"file","type":"string","default":"${LOCALSTATEDIR}/bundy/x"},
		{"path":"names","type":"list","default":[]},{"path":"names[]","type":"string","default":"*"}],
		"commands":[{"name":"load","args":[{"name":"class","type":"string","optional":true,"default":"IN"},{"name":"origin","type":"string"}]},
		{"name":"hidden","public":false,"args":["a"]}]}`
	if got, err := Compare(m, []byte(same)); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
	other := `{"module":"Xfrin","config":[{"path":"port","type":"string","default":"53","optional":true},
		{"path":"names[]","type":"string","default":"x"},{"path":"what/<name>","type":"map"}],
		"statistics":[{"path":"zones","type":"named_set","default":"words"}],
		"commands":[{"name":"load","args":[{"name":"origin","type":"string"},{"name":"origin","type":"integer","optional":true}]},{"name":"stop"}]}`
	want := []string{
		"the module is Auth, want Xfrin",
		"Auth/port is a integer, want string", "Auth/port is not optional", `Auth/port has the default 53, want "53"`,
		`Auth/names[] has the default "*", want "x"`, "Auth/what/<name> is missing", "Auth statistics/zones is missing",
		"Auth load origin is not argument 1", "Auth load origin: optional is false, want true",
		"Auth load origin is a string, want integer", "Auth: command stop is missing",
	}
	if got, err := Compare(m, []byte(other)); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q, %v", got, want, err)
	}
	if _, err := Compare(m, []byte("{")); err == nil {
		t.Error("broken JSON was accepted")
	}
}
