package shell

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"bundy/internal/shell/rest"
	"bundy/internal/shell/value"
)

// config runs a command of the fixed module config.
func (s *session) config(ctx context.Context, command string, args map[string]string) error {
	identifier := s.absolute(value.Unquote(args["identifier"]))
	switch command {
	case "show":
		return s.show(args)
	case "show_json":
		text, err := s.tree.ShowJSON(identifier)
		if err != nil {
			return err
		}
		fmt.Fprintln(s.out, text)
	case "add":
		var texts []string
		for _, name := range []string{"value_or_name", "value_for_set"} {
			if text, given := args[name]; given {
				texts = append(texts, text)
			}
		}
		return s.tree.Add(identifier, texts...)
	case "insert":
		return s.tree.Insert(identifier, args["value"])
	case "remove":
		if text, given := args["value"]; given {
			return s.tree.Remove(identifier, &text)
		}
		return s.tree.Remove(identifier, nil)
	case "set":
		return s.tree.Set(identifier, value.Loose(args["value"]))
	case "unset":
		return s.tree.Unset(identifier)
	case "diff":
		fmt.Fprintln(s.out, s.tree.Diff())
	case "revert":
		s.tree.Revert()
	case "commit":
		return s.commit(ctx)
	case "go":
		return s.goTo(value.Unquote(args["identifier"]))
	case "history":
		return s.history(ctx)
	case "rollback":
		return s.rollback(ctx, args["number"])
	}
	return nil
}

// absolute makes an identifier relative to the location an absolute one.
func (s *session) absolute(identifier string) string {
	switch {
	case strings.HasPrefix(identifier, "/") || s.location == "":
		return identifier
	case strings.HasPrefix(identifier, "["):
		return s.location + identifier
	case identifier == "":
		return s.location
	}
	return s.location + "/" + identifier
}

func (s *session) show(args map[string]string) error {
	identifier, given := args["identifier"]
	argument, first := args["argument"]
	all := argument == "all"
	switch {
	case !first || all:
	case given:
		return fmt.Errorf("unknown argument %s, or multiple identifiers given", argument)
	default:
		identifier = argument
	}
	lines, err := s.tree.Show(s.absolute(value.Unquote(identifier)), all)
	if err != nil {
		return err
	}
	for _, line := range lines {
		fmt.Fprintln(s.out, line)
	}
	return nil
}

func (s *session) goTo(identifier string) error {
	var to []string
	if !strings.HasPrefix(identifier, "/") && s.location != "" {
		to = strings.Split(s.location, "/")
	}
	for _, part := range strings.Split(strings.Trim(identifier, "/"), "/") {
		switch {
		case part == "" || part == ".":
		case part == "..":
			to = to[:max(len(to)-1, 0)]
		case strings.HasPrefix(part, "[") && len(to) > 0:
			to[len(to)-1] += part
		default:
			to = append(to, part)
		}
	}
	location := strings.Join(to, "/")
	if location != "" {
		if err := s.tree.Exists(location); err != nil {
			return err
		}
	}
	s.location = location
	return nil
}

func (s *session) commit(ctx context.Context) error {
	changes := s.tree.Changes()
	if len(changes) == 0 {
		return nil
	}
	reply, err := s.client.Post(ctx, "/ConfigManager/set_config", []any{changes})
	if err != nil {
		return err
	}
	if !reply.OK() {
		return notCommitted{reason(reply)}
	}
	s.tree.Revert() // what was local is stored now
	return nil
}

// reason finds the reason of a refusal.
func reason(reply rest.Reply) string {
	var answer struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(reply.Body, &answer) == nil && answer.Error != "" {
		return answer.Error
	}
	return string(reply.Body)
}

func (s *session) history(ctx context.Context) error {
	reply, err := s.client.Post(ctx, "/ConfigManager/history", map[string]any{})
	if err != nil {
		return err
	}
	if !reply.OK() {
		return fmt.Errorf("%s", reason(reply))
	}
	var commits []struct {
		Number  int       `json:"number"`
		Time    time.Time `json:"time"`
		Author  string    `json:"author"`
		Comment string    `json:"comment"`
		Modules []string  `json:"modules"`
	}
	if err := json.Unmarshal(reply.Body, &commits); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	for _, c := range commits {
		fields := []string{strconv.Itoa(c.Number), c.Time.UTC().Format("2006-01-02T15:04:05Z"), c.Author, strings.Join(c.Modules, " ")}
		if c.Comment != "" {
			fields = append(fields, c.Comment)
		}
		for i, f := range fields { // names and comments come from people
			fields[i] = strings.Map(printable, f)
		}
		fmt.Fprintln(s.out, strings.Join(fields, "\t"))
	}
	return nil
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '?'
	}
	return r
}

func (s *session) rollback(ctx context.Context, text string) error {
	number, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("%q is not the number of a commit", text)
	}
	reply, err := s.client.Post(ctx, "/ConfigManager/rollback", map[string]any{"number": number})
	if err != nil {
		return err
	}
	if !reply.OK() {
		return notCommitted{reason(reply)}
	}
	return nil
}
