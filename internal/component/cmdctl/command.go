package cmdctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/schema"
)

const configManager = "ConfigManager"

const (
	// commandTimeout is for modules that hang: a module that does not run is reported at once. Loading a large zone
	// is the longest command that is no fault.
	commandTimeout = 30 * time.Second

	// commitTimeout is for a commit, in which every module concerned may load its data anew.
	commitTimeout = time.Minute
)

// authored are the commands of the configuration manager that change something and are told who asked for it.
var authored = map[string]bool{"set_config": true, "rollback": true}

// ask gets something from the configuration manager.
func (c *component) ask(ctx context.Context, what string) reply {
	return c.call(ctx, configManager, what, nil)
}

// run sends a command to a module, after checking what can be checked here. The configuration manager takes any
// command: its commands are not part of a specification.
func (c *component) run(ctx context.Context, user, moduleName, command string, body json.RawMessage) reply {
	c.deps.Log.Log(msgSendCommand, command, moduleName, user)
	var args any
	if len(body) > 0 {
		args = body
	}
	if moduleName == configManager {
		if authored[command] {
			var err error
			if args, err = withAuthor(command, body, user); err != nil {
				return failure(err.Error())
			}
		}
		return c.call(ctx, moduleName, command, args)
	}
	command = strings.ReplaceAll(command, "-", "_") // set-role is set_role
	if err := c.check(ctx, moduleName, command, body); err != nil {
		c.deps.Log.Log(msgCommandError, command, moduleName, err)
		return failure(err.Error())
	}
	return c.call(ctx, moduleName, command, args)
}

// withAuthor turns the body of a request into the arguments that the configuration manager expects.
func withAuthor(command string, body json.RawMessage, user string) (any, error) {
	if command == "set_config" {
		return map[string]any{"changes": body, "author": user}, nil
	}
	args := map[string]json.RawMessage{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &args); err != nil {
			return nil, fmt.Errorf("arguments of %s: not an object", command)
		}
	}
	author, err := json.Marshal(user)
	if err != nil {
		return nil, err
	}
	args["author"] = author
	return args, nil
}

// check tells why a command cannot be sent: unknown module, unknown command, wrong arguments.
func (c *component) check(ctx context.Context, moduleName, command string, body json.RawMessage) error {
	var specs map[string]json.RawMessage
	if err := c.deps.Bus.Call(ctx, configManager, "get_module_spec", nil, &specs); err != nil {
		return errors.New(explain(err, configManager))
	}
	text, known := specs[moduleName]
	if !known {
		return errors.New("unknown module")
	}
	var m schema.Module
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("specification of module %s: %w", moduleName, err)
	}
	found := m.FindCommand(command)
	if found == nil {
		return fmt.Errorf("unknown command '%s' of module '%s'", command, moduleName)
	}
	_, err := m.Arguments(found, body)
	return err
}

func (c *component) call(ctx context.Context, moduleName, command string, args any) reply {
	limit := commandTimeout
	if authored[command] {
		limit = commitTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var result json.RawMessage
	if err := c.deps.Bus.Call(ctx, moduleName, command, args, &result); err != nil {
		text := explain(err, moduleName)
		c.deps.Log.Log(msgCommandError, command, moduleName, text)
		return failure(text)
	}
	c.deps.Log.Log(msgCommandSent, command, moduleName)
	if len(result) == 0 || string(result) == "null" {
		return reply{http.StatusOK, struct{}{}}
	}
	return reply{http.StatusOK, result}
}

// explain words an error of the command channel for the user.
func explain(err error, moduleName string) string {
	var refused *bus.Error
	switch {
	case errors.As(err, &refused):
		return refused.Text
	case errors.Is(err, bus.ErrNotRunning):
		return fmt.Sprintf("Module '%s' not running: No such recipient", moduleName)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("Module '%s' not responding", moduleName)
	}
	return err.Error()
}
