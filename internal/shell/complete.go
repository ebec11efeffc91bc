package shell

import (
	"strings"

	"bundy/internal/shell/spec"
)

// complete returns the lines that may follow a line, for the Tab key. It knows what the last command has fetched.
func (s *session) complete(line string) []string {
	cut := strings.LastIndexByte(line, ' ') + 1
	head, last := line[:cut], line[cut:]
	var out []string
	for _, word := range s.words(strings.Fields(head), last) {
		if strings.HasPrefix(word, last) {
			out = append(out, head+word)
		}
	}
	return out
}

// words lists the words that may stand behind others.
func (s *session) words(before []string, last string) []string {
	if len(before) == 0 {
		var out []string
		for _, m := range s.modules() {
			out = append(out, m.Name+" ")
		}
		return append(append(out, statementWords(nil)...), "quit")
	}
	if words := statementWords(before); words != nil {
		return words
	}
	m := s.module(before[0])
	if m == nil || m.Name == "help" {
		return nil
	}
	if len(before) == 1 {
		out := []string{"help"}
		for _, c := range m.Commands {
			out = append(out, c.Name+" ")
		}
		return out
	}
	c := m.Command(before[1])
	if c == nil {
		return nil
	}
	if m.Name == "config" && spec.Member(c.Args, "identifier") != nil {
		return s.identifiers(last, len(before) == 2 && c.Name == "show")
	}
	out := []string{"help"}
	for _, a := range c.Args {
		out = append(out, a.Name+" =")
	}
	return out
}

func (s *session) identifiers(last string, show bool) []string {
	var out []string
	if show {
		out = append(out, "all ")
	}
	if s.location == "" || strings.HasPrefix(last, "/") {
		return append(out, s.tree.Complete(last)...)
	}
	for _, id := range s.tree.Complete(s.location + "/" + last) {
		out = append(out, strings.TrimPrefix(id, s.location+"/"))
	}
	return out
}
