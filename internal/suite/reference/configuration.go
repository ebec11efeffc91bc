package reference

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
)

// Configuration describes the items, commands and statistics of all modules, in the order of their names.
func Configuration(table []*module.Descriptor) string {
	var b strings.Builder
	b.WriteString(generated)
	b.WriteString("# Configuration reference\n\n" +
		"Items are addressed as in `bundyctl`: `Module/item/member`. In this page `[]` stands for the index of an element\n" +
		"of a list and `<name>` for the name of a member of a named set. The default of an element is what `config add`\n" +
		"begins with. Modules marked as virtual are sections of the configuration without a process.\n\n")
	sorted := slices.SortedFunc(slices.Values(table), func(a, b *module.Descriptor) int {
		return cmp.Compare(strings.ToLower(a.Spec.Name), strings.ToLower(b.Spec.Name))
	})
	for _, d := range sorted {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", d.Spec.Name, strings.ToLower(d.Spec.Name), text(d.Spec.Help))
	}
	for _, d := range sorted {
		describeModule(&b, d)
	}
	return b.String()
}

func describeModule(b *strings.Builder, d *module.Descriptor) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", d.Spec.Name, text(d.Spec.Help))
	if d.Virtual {
		b.WriteString("Virtual module.\n")
	} else {
		fmt.Fprintf(b, "Component `%s`, in the process `%s`", d.Component, d.Process)
		if d.Special != "" {
			fmt.Fprintf(b, ", special `%s`", d.Special)
		}
		b.WriteString(".\n")
	}
	if len(d.Spec.Config) > 0 {
		b.WriteString("\n### Items of " + d.Spec.Name + "\n\n| item | type | default | meaning |\n|---|---|---|---|\n")
		describeItems(b, d.Spec.Config, "")
	}
	var public []*schema.Command
	for _, c := range d.Spec.Commands {
		if !c.Private {
			public = append(public, c)
		}
	}
	if len(public) > 0 {
		b.WriteString("\n### Commands of " + d.Spec.Name + "\n")
		for _, c := range public {
			describeCommand(b, d.Spec.Name, c)
		}
	}
	if len(d.Spec.Statistics) > 0 {
		b.WriteString("\n### Statistics of " + d.Spec.Name + "\n\n| item | type | default | meaning |\n|---|---|---|---|\n")
		describeItems(b, d.Spec.Statistics, "")
	}
}

// describeItems writes one row an item, members and elements below their parent.
func describeItems(b *strings.Builder, items []*schema.Item, prefix string) {
	for _, item := range items {
		describeItem(b, item, prefix+item.Name)
	}
}

func describeItem(b *strings.Builder, item *schema.Item, path string) {
	kind := string(item.Type)
	if item.Optional {
		kind += ", optional"
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", path, kind, value(item), cell(meaning(item)))
	switch item.Type {
	case schema.Map:
		describeItems(b, item.Members, path+"/")
	case schema.List:
		describeElement(b, item.Element, path+"[]")
	case schema.NamedSet:
		describeElement(b, item.Element, path+"/<name>")
	}
}

// describeElement leaves out the row of an element that is a map without a default: its members say it all.
func describeElement(b *strings.Builder, item *schema.Item, path string) {
	if members, ok := item.Default.(map[string]any); ok && item.Type == schema.Map && len(members) == 0 {
		describeItems(b, item.Members, path+"/")
		return
	}
	describeItem(b, item, path)
}

// meaning is the help with the limits of the value.
func meaning(item *schema.Item) string {
	parts := []string{}
	if help := text(item.Help); help != "" {
		parts = append(parts, help)
	}
	number := func(n *float64) string { return strconv.FormatFloat(*n, 'f', -1, 64) }
	switch {
	case item.Min != nil && item.Max != nil:
		parts = append(parts, "From "+number(item.Min)+" to "+number(item.Max)+".")
	case item.Min != nil:
		parts = append(parts, "At least "+number(item.Min)+".")
	case item.Max != nil:
		parts = append(parts, "At most "+number(item.Max)+".")
	}
	if len(item.Enum) > 0 {
		quoted := make([]string, len(item.Enum))
		for i, e := range item.Enum {
			quoted[i] = strconv.Quote(e)
		}
		parts = append(parts, "One of "+strings.Join(quoted, ", ")+".")
	}
	return strings.Join(parts, " ")
}

func value(item *schema.Item) string {
	if item.Default == nil {
		return ""
	}
	raw, err := json.Marshal(item.Default)
	if err != nil {
		return ""
	}
	return "`" + cell(string(raw)) + "`"
}

func describeCommand(b *strings.Builder, moduleName string, c *schema.Command) {
	fmt.Fprintf(b, "\n`%s %s", moduleName, c.Name)
	for _, a := range c.Args {
		if a.Optional {
			fmt.Fprintf(b, " [%s]", a.Name)
		} else {
			fmt.Fprintf(b, " %s", a.Name)
		}
	}
	fmt.Fprintf(b, "`: %s\n", text(c.Help))
	if len(c.Args) == 0 {
		return
	}
	b.WriteString("\n| argument | type | default | meaning |\n|---|---|---|---|\n")
	describeItems(b, c.Args, "")
}

// text puts a help text on one line.
func text(s string) string { return strings.Join(strings.Fields(s), " ") }

// cell makes text safe inside a table.
func cell(s string) string { return strings.ReplaceAll(text(s), "|", `\|`) }
