package parent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"bundy/internal/suite/config"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/supervisor"
)

// Statistics are the statistics items of the module Init.
type Statistics struct {
	BootTime string `json:"boot_time" default:"1970-01-01T00:00:00Z" help:"When the parent process started, in UTC."`
}

// component is the module Init at work.
type component struct {
	spec       *schema.Module
	table      []*module.Descriptor
	supervisor *supervisor.Supervisor
	log        *logging.Logger
	boot       time.Time
	first      plan
	reported   map[string]struct{} // entries for components that are not here
}

var _ module.Component = (*component)(nil)

func newComponent(spec *schema.Module, table []*module.Descriptor, s *supervisor.Supervisor, doc schema.Document, log *logging.Logger) (*component, error) {
	first, errs := planOf(spec, table, doc)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &component{spec: spec, table: table, supervisor: s, log: log, boot: time.Now(), first: first,
		reported: map[string]struct{}{}}, nil
}

// Run implements module.Component. The components themselves are the supervisor's, and end after this one.
func (c *component) Run(ctx context.Context, ready func()) error {
	c.follow(c.first)
	ready()
	<-ctx.Done()
	return nil
}

// follow is called by Run before ready, and by one change at a time after it.
func (c *component) follow(p plan) {
	for _, name := range p.skipped {
		if _, done := c.reported[name]; !done {
			c.reported[name] = struct{}{}
			c.supervisor.Unavailable(name, "this program has no such component")
		}
	}
	c.supervisor.Configure(p.run)
}

// Prepare implements module.Component.
func (c *component) Prepare(_ context.Context, doc schema.Document) (module.Change, error) {
	p, errs := planOf(c.spec, c.table, doc)
	if len(errs) > 0 {
		err := errors.Join(errs...)
		c.log.Log(msgReconfigureError, err)
		return nil, err
	}
	return module.Swap(func() { c.follow(p) }, nil), nil
}

// Call implements module.Component.
func (c *component) Call(_ context.Context, command string, _ map[string]json.RawMessage) (any, error) {
	c.log.Log(msgReceivedCommand, command)
	switch command {
	case "ping":
		return "pong", nil
	case "show_processes":
		return c.processes(), nil
	}
	return nil, fmt.Errorf("unknown command %s", command)
}

// processes lists [pid, name, address], the configuration manager among them, as it has an address of its own.
func (c *component) processes() [][]any {
	own := []any{os.Getpid(), "cfgmgr", config.ModuleName}
	var list [][]any
	for _, row := range c.supervisor.Processes() {
		if own != nil && row.PID >= os.Getpid() {
			list, own = append(list, own), nil
		}
		list = append(list, []any{row.PID, row.Name, row.Module})
	}
	if own != nil {
		list = append(list, own)
	}
	return list
}

// Stats implements module.Component.
func (c *component) Stats() map[string]any {
	return map[string]any{"boot_time": c.boot.UTC().Format(time.RFC3339)}
}
