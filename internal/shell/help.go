package shell

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"bundy/internal/shell/spec"
)

const usage = `usage: <module name> <command name> [param1 = value1 [, param2 = value2]]
Type Tab character to get the hint of module/command/parameters.
Type "help(? h)" for help on bundyctl.
Type "<module_name> help" for help on the specific module.
Type "<module_name> <command_name> help" for help on the specific command.

Available module names:`

const (
	helpColumn = 12 // width of the column of names
	helpWidth  = 70
)

// helpAll gives the help on everything.
func helpAll(modules []*spec.Module) string {
	lines := []string{"", usage}
	for _, m := range modules {
		lines = append(lines, entry(m.Name, m.Help))
	}
	return strings.Join(lines, "\n")
}

func helpOnModule(m *spec.Module) string {
	lines := []string{fmt.Sprintf("Module  %s \t%s", m.Name, m.Help), "Available commands:", entry("help", "Get help for module.")}
	for _, c := range m.Commands {
		lines = append(lines, entry(c.Name, c.Help))
	}
	return strings.Join(lines, "\n")
}

func helpOnCommand(c *spec.Command) string {
	lines := []string{fmt.Sprintf("Command  %s \t(%s)", c.Name, c.Help), "\t\thelp (Get help for command)"}
	if len(c.Args) == 0 {
		return strings.Join(append(lines, "This command has no parameters"), "\n")
	}
	lines = append(lines, "Parameters:")
	for _, a := range c.Args {
		need := "mandatory"
		if a.Optional {
			need = "optional"
		}
		lines = append(lines, fmt.Sprintf("    %s (%s, %s)", a.Name, a.Type, need))
		if a.Help != "" {
			indent := strings.Repeat(" ", 8)
			lines = append(lines, wrap(a.Help, indent, indent))
		}
	}
	return strings.Join(lines, "\n")
}

// entry is a name and what it means, in two columns. A name that fills its column stands on a line of its own.
func entry(name, meaning string) string {
	further := strings.Repeat(" ", 4+helpColumn)
	if width := utf8.RuneCountInString(name); width < helpColumn {
		return wrap(name+strings.Repeat(" ", helpColumn-width)+meaning, "    ", further)
	}
	if meaning == "" {
		return "    " + name
	}
	return "    " + name + "\n" + wrap(meaning, strings.Repeat(" ", helpColumn), further)
}

// wrap breaks a text at blanks into lines of helpWidth columns. Blanks inside a line stay as they are.
func wrap(text, first, further string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, text)
	var lines []string
	line, gap := first, ""
	empty := true
	for text != "" {
		word, rest, _ := strings.Cut(text, " ")
		blanks := rest[:len(rest)-len(strings.TrimLeft(rest, " "))]
		if !empty && utf8.RuneCountInString(line+gap+word) > helpWidth {
			lines = append(lines, line)
			line, gap = further, ""
		}
		line += gap + word
		empty = false
		gap = " " + blanks
		text = rest[len(blanks):]
	}
	return strings.Join(append(lines, strings.TrimRight(line, " ")), "\n")
}
