package ddns

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// TestSchema compares the description of the module with the one that operators know.
func TestSchema(t *testing.T) {
	const file = "../../../../shared/spec/config-schema/DDNS.json"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("no specification to compare with: %v", err)
	}
	var want struct {
		Config []struct {
			Path    string
			Type    schema.Type
			Default any
		}
		Commands []struct{ Name string }
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	m := specification(paths.Below(t.TempDir()))
	for _, w := range want.Config {
		item := &schema.Item{Members: m.Config}
		for step := range strings.SplitSeq(w.Path, "/") {
			name, element := strings.CutSuffix(step, "[]")
			for _, member := range item.Members {
				if member.Name == name {
					item = member
					break
				}
			}
			if element {
				item = item.Element
			}
		}
		if item.Type != w.Type || !reflect.DeepEqual(item.Default, w.Default) {
			t.Errorf("%s is %s with default %v, want %s with %v", w.Path, item.Type, item.Default, w.Type, w.Default)
		}
	}
	for _, c := range want.Commands {
		if m.FindCommand(c.Name) == nil {
			t.Errorf("no command %s", c.Name)
		}
	}
}
