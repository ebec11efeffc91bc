package schematest

import (
	"encoding/json"
	"fmt"
	"strings"

	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// table is a file of the specification: flat lists of items, where a/b is a member of a map, x[] the element of a list
// and x/<name> the member of a named set.
type table struct {
	Module   string    `json:"module"`
	Config   []row     `json:"config"`
	Commands []command `json:"commands"`
	Stats    []row     `json:"statistics"`
}

type row struct {
	Path     string          `json:"path"`
	Type     schema.Type     `json:"type"`
	Optional bool            `json:"optional"`
	Default  json.RawMessage `json:"default"`
}

type command struct {
	Name   string            `json:"name"`
	Args   []json.RawMessage `json:"args"` // objects, or bare names for arguments whose type is left open
	Public *bool             `json:"public"`
}

type argument struct {
	Name     string          `json:"name"`
	Type     schema.Type     `json:"type"`
	Optional bool            `json:"optional"`
	Default  json.RawMessage `json:"default"`
}

// Compare lists in which ways a module differs from the table: items and public commands that are missing, and those
// that have another type, default or need. What the module has beyond the table is no difference, and neither is a
// mandatory item of the table that the module allows to unset.
func Compare(m *schema.Module, text []byte) ([]string, error) {
	var want table
	if err := json.Unmarshal(text, &want); err != nil {
		return nil, fmt.Errorf("table of the specification: %w", err)
	}
	var out []string
	if want.Module != m.Name {
		out = append(out, fmt.Sprintf("the module is %s, want %s", m.Name, want.Module))
	}
	for _, r := range want.Config {
		out = append(out, compareRow(m, r)...)
	}
	stats := &schema.Module{Name: m.Name + " statistics", Config: m.Statistics}
	for _, r := range want.Stats {
		r.Default = nil // told in words there
		out = append(out, compareRow(stats, r)...)
	}
	for _, c := range want.Commands {
		if c.Public == nil || *c.Public {
			out = append(out, compareCommand(m, c)...)
		}
	}
	return out, nil
}

func compareRow(m *schema.Module, want row) []string {
	path := strings.NewReplacer("[]", "[0]", "<name>", "name").Replace(want.Path)
	item, err := m.Find(path)
	if err != nil {
		return []string{fmt.Sprintf("%s/%s is missing", m.Name, want.Path)}
	}
	return compareItem(m.Name+"/"+want.Path, item, want.Type, want.Optional, want.Default)
}

func compareItem(path string, item *schema.Item, typ schema.Type, optional bool, value json.RawMessage) []string {
	var out []string
	if item.Type != typ {
		out = append(out, fmt.Sprintf("%s is a %s, want %s", path, item.Type, typ))
	}
	if optional && !item.Optional && item.Name != "" {
		out = append(out, fmt.Sprintf("%s is not optional", path))
	}
	if value == nil {
		return out
	}
	want, err := schema.Parse(value)
	if err != nil {
		return append(out, fmt.Sprintf("%s: default of the table: %v", path, err))
	}
	if want = expanded(want); !schema.Equal(item.Default, want) {
		got, _ := json.Marshal(item.Default)
		out = append(out, fmt.Sprintf("%s has the default %s, want %s", path, got, value))
	}
	return out
}

// expanded puts in the directories that an installation without options has.
func expanded(v any) any {
	switch v := v.(type) {
	case string:
		return paths.Default().Expand(v)
	case []any:
		for i := range v {
			v[i] = expanded(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = expanded(v[name])
		}
	}
	return v
}

func compareCommand(m *schema.Module, want command) []string {
	got := m.FindCommand(want.Name)
	if got == nil {
		return []string{fmt.Sprintf("%s: command %s is missing", m.Name, want.Name)}
	}
	var out []string
	for i, raw := range want.Args {
		var a argument
		if json.Unmarshal(raw, &a) != nil || a.Name == "" {
			continue
		}
		path := fmt.Sprintf("%s %s %s", m.Name, want.Name, a.Name)
		if i >= len(got.Args) || got.Args[i].Name != a.Name {
			out = append(out, fmt.Sprintf("%s is not argument %d", path, i+1))
			continue
		}
		if got.Args[i].Optional != a.Optional {
			out = append(out, fmt.Sprintf("%s: optional is %v, want %v", path, got.Args[i].Optional, a.Optional))
		}
		out = append(out, compareItem(path, got.Args[i], a.Type, false, a.Default)...)
	}
	return out
}
