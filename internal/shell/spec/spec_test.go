package spec

import (
	"os"
	"testing"
)

func TestParse(t *testing.T) {
	text, err := os.ReadFile("../testdata/module_spec.json")
	if err != nil {
		t.Fatal(err)
	}
	modules, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	loadzone := modules["Auth"].Command("loadzone")
	if loadzone == nil || len(loadzone.Args) != 2 || loadzone.Args[0].Name != "class" || !loadzone.Args[0].Optional || loadzone.Args[1].Optional {
		t.Errorf("Auth loadzone: %+v", loadzone)
	}
	listen := Member(modules["Auth"].Config, "listen_on")
	if listen == nil || listen.Type != "list" || Member(listen.Element.Members, "port").Default != int64(53) {
		t.Errorf("Auth/listen_on: %+v", listen)
	}
}

func TestParseBothForms(t *testing.T) {
	for _, text := range []string{
		`{"A": {"module_name": "A", "module_description": "d", "config_data": [{"item_name": "x", "item_type": "list"}]}}`,
		`{"A": {"module_spec": {"module_name": "A", "module_description": "d", "config_data": [{"item_name": "x", "item_type": "list"}]}}}`,
	} {
		modules, err := Parse([]byte(text))
		if err != nil || modules["A"].Help != "d" || modules["A"].Config[0].Element.Type != "any" {
			t.Errorf("%s: %v, %v", text, modules, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"A": {"config_data": [{"item_name": "x", "item_type": "map", "map_item_spec": [{"item_type": "any"}]}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		modules, err := Parse(text)
		if err != nil {
			return
		}
		for name, m := range modules {
			if m == nil || m.Name != name {
				t.Fatalf("module %q is %+v", name, m)
			}
		}
	})
}
