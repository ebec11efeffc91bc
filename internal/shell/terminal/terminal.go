package terminal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/peterh/liner"
	"golang.org/x/term"
)

// maxLine bounds a line of a pipe: a whole configuration as one JSON value.
const maxLine = 4 << 20

// Source gives lines.
type Source interface {
	// Line returns the next line without its end, or io.EOF. The prompt is shown on terminals only.
	Line(prompt string) (string, error)

	// Ask is Line for an answer that is no command: it does not enter the history.
	Ask(prompt string) (string, error)

	// Password asks without showing what is typed.
	Password(prompt string) (string, error)

	// Interactive tells whether a person is asked.
	Interactive() bool

	Close() error
}

// Open makes a source of a file. On a terminal, complete is asked for the words that may follow a line.
func Open(in *os.File, complete func(line string) []string, historyFile string) Source {
	if !term.IsTerminal(int(in.Fd())) {
		return Lines(in)
	}
	e := &editor{state: liner.NewLiner(), historyFile: historyFile}
	e.state.SetCtrlCAborts(true)
	e.state.SetTabCompletionStyle(liner.TabPrints)
	e.state.SetCompleter(complete)
	if f, err := os.Open(historyFile); err == nil {
		_, _ = e.state.ReadHistory(f) // history is a convenience: a damaged file is no history
		f.Close()
	}
	return e
}

type editor struct {
	state       *liner.State
	historyFile string
}

func (e *editor) Interactive() bool { return true }

func (e *editor) Ask(prompt string) (string, error) {
	line, err := e.state.Prompt(prompt)
	if errors.Is(err, liner.ErrPromptAborted) { // Control-C drops the line, as in other shells
		return "", nil
	}
	return line, err
}

func (e *editor) Line(prompt string) (string, error) {
	line, err := e.Ask(prompt)
	if err == nil && strings.TrimSpace(line) != "" {
		e.state.AppendHistory(line)
	}
	return line, err
}

func (e *editor) Password(prompt string) (string, error) {
	text, err := e.state.PasswordPrompt(prompt)
	if errors.Is(err, liner.ErrPromptAborted) {
		err = io.EOF
	}
	return text, err
}

func (e *editor) Close() error {
	err := e.save()
	return errors.Join(err, e.state.Close())
}

func (e *editor) save() error {
	if e.historyFile == "" {
		return nil
	}
	f, err := os.OpenFile(e.historyFile, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // commands may hold secrets
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	_, err = e.state.WriteHistory(f)
	return errors.Join(err, f.Close())
}

// Lines makes a source of what is no terminal.
func Lines(in io.Reader) Source {
	s := bufio.NewScanner(in)
	s.Buffer(nil, maxLine)
	return lines{s}
}

type lines struct{ *bufio.Scanner }

func (lines) Interactive() bool { return false }

func (lines) Close() error { return nil }

func (l lines) Line(string) (string, error) {
	if !l.Scan() {
		if l.Err() != nil {
			return "", l.Err()
		}
		return "", io.EOF
	}
	return l.Text(), nil
}

func (l lines) Ask(string) (string, error) { return l.Line("") }

func (l lines) Password(string) (string, error) { return l.Line("") }
