package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"bundy/internal/shell/terminal"
)

// maxScripts bounds scripts that run scripts: one that runs itself must end.
const maxScripts = 16

const advice = `
The script was not finished.
What it changed before this line is still there: committed changes are
in force, others are waiting locally. Look at them with "config diff", and
drop those that are not committed with "config revert" if need be.`

// execute runs a command of the fixed module execute.
func (s *session) execute(ctx context.Context, command string, args map[string]string, depth int) error {
	var in io.Reader = strings.NewReader(authoritativeServer)
	if command == "file" {
		f, err := os.Open(strings.Trim(args["filename"], `"`))
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	switch show, given := args["show"]; {
	case given && show == "show":
		return s.list(terminal.Lines(in))
	case given:
		return fmt.Errorf("unknown argument %s; only show is known", show)
	case depth >= maxScripts:
		return fmt.Errorf("scripts run one another more than %d deep", maxScripts)
	}
	return s.script(ctx, terminal.Lines(in), depth+1)
}

// list prints a script instead of running it.
func (s *session) list(in terminal.Source) error {
	for {
		line, err := in.Line("")
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(s.out, strings.TrimSpace(line))
	}
}

// script runs lines until one fails.
func (s *session) script(ctx context.Context, in terminal.Source, depth int) error {
	verbose := false
	for {
		line, err := in.Line("")
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line = strings.TrimSpace(line)
		if verbose && line != "" {
			fmt.Fprintln(s.out, line)
		}
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "!"):
			s.directive(line, &verbose)
		default:
			if err := s.run(ctx, line, depth); err != nil {
				if _, reported := err.(stopped); !reported {
					fmt.Fprintf(s.out, "Error:  %v\n%s\n", err, advice)
				}
				if lost(err) {
					return err
				}
				return stopped{}
			}
		}
	}
}

// directive obeys a line of a script that begins with an exclamation mark.
func (s *session) directive(line string, verbose *bool) {
	word, rest, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(line[1:]), "\t", " "), " ")
	rest = strings.TrimSpace(rest)
	switch {
	case strings.EqualFold(word, "echo"):
		fmt.Fprintln(s.out, rest)
	case strings.EqualFold(word, "verbose") && strings.EqualFold(rest, "on"):
		*verbose = true
	case strings.EqualFold(word, "verbose") && strings.EqualFold(rest, "off"):
		*verbose = false
	default:
		fmt.Fprintf(s.out, "Warning: ignoring unknown directive: %s\n", line)
	}
}
