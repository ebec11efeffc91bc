package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"bundy/internal/shell/grammar"
	"bundy/internal/shell/rest"
	"bundy/internal/shell/spec"
	"bundy/internal/shell/terminal"
	"bundy/internal/shell/tree"
	"bundy/internal/shell/value"
)

// session is one run of the program after login.
type session struct {
	client   *rest.Client
	out      io.Writer
	tree     *tree.Tree
	location string // set with config go; without slashes at its ends
	fixed    []*spec.Module
}

func newSession(client *rest.Client, out io.Writer) *session {
	return &session{
		client: client,
		out:    out,
		tree:   tree.New(),
		fixed:  []*spec.Module{helpModule(), configModule(), executeModule()},
	}
}

// loop runs the lines of a source until it ends or says quit. A failing command does not end it, a lost connection does.
func (s *session) loop(ctx context.Context, in terminal.Source) error {
	for {
		line, err := in.Line(s.prompt())
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if isQuit(line) {
			return nil
		}
		if err := s.run(ctx, line, 0); err != nil {
			report(s.out, err)
			if lost(err) {
				return err
			}
		}
	}
}

func isQuit(line string) bool {
	line = strings.ToLower(strings.TrimSpace(line))
	return line == "quit" || line == "exit"
}

func (s *session) prompt() string {
	if s.location == "" {
		return "> "
	}
	return "/" + s.location + "> "
}

// run runs one command; an empty line and a comment, as in files of execute, do nothing. depth counts the scripts around it.
func (s *session) run(ctx context.Context, text string, depth int) error {
	if text = strings.TrimSpace(text); text == "" || strings.HasPrefix(text, "#") {
		return nil
	}
	if done, err := s.statement(ctx, text); done {
		return err
	}
	if err := s.refresh(ctx); err != nil {
		return err
	}
	line, err := grammar.Parse(text)
	m := s.module(line.Module)
	if m == nil && !errors.Is(err, grammar.ErrModule) {
		if config := s.module("config"); config.Command(line.Module) != nil {
			// The guide writes some config commands without their module.
			return s.run(ctx, "config "+text, depth)
		}
		return misuse{fmt.Sprintf("Unknown module '%s'", line.Module), s.help()}
	}
	switch {
	case errors.Is(err, grammar.ErrModule):
		return misuse{err.Error(), s.help()}
	case m.Name == "help":
		fmt.Fprintln(s.out, s.help())
		return nil
	case errors.Is(err, grammar.ErrNoCommand), errors.Is(err, grammar.ErrCommand):
		return misuse{err.Error(), helpOnModule(m)}
	}
	return s.command(ctx, m, line, err, depth)
}

// command runs a command of a module, or shows its help.
func (s *session) command(ctx context.Context, m *spec.Module, line grammar.Line, bad error, depth int) error {
	if line.Command == "help" {
		fmt.Fprintln(s.out, helpOnModule(m))
		return nil
	}
	c := m.Command(line.Command)
	if c == nil {
		return misuse{fmt.Sprintf("Unknown command '%s' to module '%s'", line.Command, m.Name), helpOnModule(m)}
	}
	if line.Help {
		fmt.Fprintln(s.out, helpOnCommand(c))
		return nil
	}
	if bad != nil {
		return misuse{bad.Error(), helpOnCommand(c)}
	}
	parameters := make([]grammar.Parameter, len(c.Args))
	for i, a := range c.Args {
		parameters[i] = grammar.Parameter{Name: a.Name, Optional: a.Optional}
	}
	args, err := line.Fit(parameters)
	if err != nil {
		return misuse{err.Error(), helpOnCommand(c)}
	}
	switch m.Name {
	case "config":
		return s.config(ctx, c.Name, args)
	case "execute":
		return s.execute(ctx, c.Name, args, depth)
	}
	return s.send(ctx, m, c, args)
}

// refresh asks for specifications and configuration, so that modules appear and vanish by themselves.
func (s *session) refresh(ctx context.Context) error {
	text, err := s.client.Get(ctx, "/module_spec")
	if err != nil {
		return err
	}
	modules, err := spec.Parse(text)
	if err != nil {
		return err
	}
	if text, err = s.client.Get(ctx, "/config_data"); err != nil {
		return err
	}
	v, err := value.Parse(text)
	if err != nil {
		return fmt.Errorf("stored configuration: %w", err)
	}
	stored, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("stored configuration: %s instead of a map", value.TypeName(v))
	}
	s.tree.Refresh(modules, stored)
	return nil
}

// modules lists the fixed modules, then the others by name.
func (s *session) modules() []*spec.Module {
	out := slices.Clone(s.fixed)
	for _, name := range s.tree.Modules() {
		out = append(out, s.tree.Module(name))
	}
	return out
}

func (s *session) module(name string) *spec.Module {
	for _, m := range s.fixed {
		if m.Name == name {
			return m
		}
	}
	return s.tree.Module(name)
}

func (s *session) help() string { return helpAll(s.modules()) }

// send runs a command of a module of the suite.
func (s *session) send(ctx context.Context, m *spec.Module, c *spec.Command, texts map[string]string) error {
	args := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		v, err := convert(spec.Member(c.Args, name), texts[name])
		if err != nil {
			return err
		}
		args[name] = v
	}
	reply, err := s.client.Post(ctx, "/"+m.Name+"/"+c.Name, args)
	if err != nil {
		return err
	}
	answer := string(reply.Body)
	if v, err := value.Parse(reply.Body); err == nil {
		answer = value.Pretty(v)
		if empty, isMap := v.(map[string]any); v == nil || isMap && len(empty) == 0 {
			answer = ""
		}
	}
	if !reply.OK() {
		return refused{answer}
	}
	if answer != "" {
		fmt.Fprintln(s.out, answer)
	}
	return nil
}
