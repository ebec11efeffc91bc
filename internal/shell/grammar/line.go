package grammar

import (
	"errors"
	"strings"
	"unicode"
)

// Line is one command.
type Line struct {
	Module  string
	Command string // empty only when the line holds a module alone
	Help    bool   // the first argument, or the command, is help

	Named []Named // in named form; else nil
	text  string  // of the arguments in positional form
	words []span
}

// Named is one argument in named form, quotation marks removed.
type Named struct{ Name, Value string }

type span struct{ from, to int }

// What can be wrong with a line. ErrArguments comes with the module and command known.
var (
	ErrModule    = errors.New("module name format error: letters, digits and '_' only")
	ErrCommand   = errors.New("command name format error: letters, digits and '_' only")
	ErrNoCommand = errors.New("command name is missed")
	ErrArguments = errors.New("parameter format error: name = value expected; named and positional parameters cannot be mixed")
)

// Parse takes a line apart that is not empty. With ErrCommand and ErrNoCommand the module, with ErrArguments also the
// command of the returned line are valid.
func Parse(text string) (Line, error) {
	var l Line
	rest := strings.TrimFunc(text, unicode.IsSpace)
	if rest == "?" {
		return Line{Module: "help"}, nil
	}
	var ok bool
	if l.Module, rest, ok = name(rest); !ok {
		return Line{}, ErrModule
	}
	if l.Module == "h" {
		l.Module = "help"
	}
	if rest == "" {
		if l.Module == "help" {
			return l, nil
		}
		return l, ErrNoCommand
	}
	if l.Command, rest, ok = commandName(rest); !ok {
		return Line{Module: l.Module}, ErrCommand
	}
	rest = compact(rest)
	if word, _, _ := strings.Cut(rest, " "); word == "help" || l.Command == "help" {
		l.Help = true
		return l, nil
	}
	if startsNamed(rest) {
		var err error
		l.Named, err = named(rest)
		return l, err
	}
	l.text, l.words = rest, split(rest)
	return l, nil
}

// name takes a word of letters, digits and underscores off the front. A blank or the end must follow it.
func name(text string) (word, rest string, ok bool) {
	n := 0
	for n < len(text) && isNameOctet(text[n]) {
		n++
	}
	if n == 0 || n < len(text) && !isBlank(text[n]) {
		return "", "", false
	}
	return text[:n], strings.TrimFunc(text[n:], unicode.IsSpace), true
}

// commandName is name for a command, which may be typed with hyphens: set-role is set_role.
func commandName(text string) (word, rest string, ok bool) {
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		end = len(text)
	}
	return name(strings.ReplaceAll(text[:end], "-", "_") + text[end:])
}

func isNameOctet(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// compact drops the blanks inside balanced brackets and braces, so that JSON may be typed with blanks. Strings in
// double quotation marks keep theirs.
func compact(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); {
		switch text[i] {
		case '"':
			end := quotedEnd(text, i)
			out.WriteString(text[i:end])
			i = end
		case '[', '{':
			end := balancedEnd(text, i)
			if end < 0 { // not JSON: leave the rest alone
				out.WriteString(text[i:])
				return out.String()
			}
			dropBlanks(&out, text[i:end])
			i = end
		default:
			out.WriteByte(text[i])
			i++
		}
	}
	return out.String()
}

func dropBlanks(out *strings.Builder, text string) {
	for i := 0; i < len(text); {
		switch {
		case text[i] == '"':
			end := quotedEnd(text, i)
			out.WriteString(text[i:end])
			i = end
		case isBlank(text[i]):
			i++
		default:
			out.WriteByte(text[i])
			i++
		}
	}
}

// quotedEnd finds the end of the string that begins at from, behind its closing quotation mark.
func quotedEnd(text string, from int) int {
	for i := from + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[from]:
			return i + 1
		}
	}
	return len(text)
}

// balancedEnd finds the end of the bracket that opens at from, or -1.
func balancedEnd(text string, from int) int {
	depth := 0
	for i := from; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = quotedEnd(text, i) - 1
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// split finds the words: separated by blanks, blanks between double quotation marks belong to the word.
func split(text string) []span {
	var out []span
	for i := 0; i < len(text); {
		if isBlank(text[i]) {
			i++
			continue
		}
		from := i
		for i < len(text) && !isBlank(text[i]) {
			if text[i] == '"' {
				i = quotedEnd(text, i)
			} else {
				i++
			}
		}
		out = append(out, span{from, i})
	}
	return out
}
