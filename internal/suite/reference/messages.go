package reference

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
)

// Messages lists the catalogue, by the prefix of the identifiers.
func Messages(table []*module.Descriptor) string {
	seen := map[*logging.Message]bool{}
	var all []*logging.Message
	for _, d := range table {
		if d.Messages == nil {
			continue
		}
		for _, m := range d.Messages() {
			if !seen[m] {
				seen[m] = true
				all = append(all, m)
			}
		}
	}
	slices.SortFunc(all, func(a, b *logging.Message) int {
		return cmp.Or(cmp.Compare(prefix(a), prefix(b)), cmp.Compare(a.ID(), b.ID()))
	})
	var b strings.Builder
	b.WriteString(generated)
	b.WriteString("# Messages\n\n" +
		"Every line of the log holds the time, the severity, the logger, the identifier of the message and a text. Words\n" +
		"in braces stand for values. Debug messages appear when the severity of the logger is DEBUG and its debug level\n" +
		"is at least the number given here.\n")
	last := ""
	for _, m := range all {
		if p := prefix(m); p != last {
			fmt.Fprintf(&b, "\n## %s\n", p)
			last = p
		}
		severity := m.Severity().String()
		if m.Severity() == logging.Debug {
			severity = fmt.Sprintf("%s %d", severity, m.Level())
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s: `%s`\n\n%s\n", m.ID(), severity, m.Text(), text(m.Help()))
	}
	return b.String()
}

// prefix names the part of the suite that a message is from.
func prefix(m *logging.Message) string {
	p, _, _ := strings.Cut(m.ID(), "_")
	return p
}
