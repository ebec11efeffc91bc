package stats

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
)

type component struct {
	spec *schema.Module
	deps module.Deps
	now  func() time.Time
	boot time.Time

	interval atomic.Int64  // time.Duration
	changed  chan struct{} // the interval is new
	polling  chan struct{} // holds a token while statistics are collected

	mu      sync.Mutex
	values  map[string]schema.Section // by module; sections are never changed
	polled  time.Time                 // end of the last collection
	updated time.Time                 // when a module last sent something
}

func newComponent(spec *schema.Module, doc schema.Document, deps module.Deps) (*component, error) {
	var config Config
	if err := schema.Decode(spec, doc[name], &config); err != nil {
		return nil, err
	}
	c := &component{
		spec:    spec,
		deps:    deps,
		now:     time.Now,
		boot:    time.Now(),
		changed: make(chan struct{}, 1),
		polling: make(chan struct{}, 1),
		values:  map[string]schema.Section{},
	}
	c.interval.Store(int64(config.interval()))
	return c, nil
}

// Run implements module.Component.
func (c *component) Run(ctx context.Context, ready func()) error {
	c.deps.Log.Log(msgStarting, int(time.Duration(c.interval.Load()).Seconds()))
	ready()
	for {
		var due <-chan time.Time // never, with an interval of 0
		var timer *time.Timer
		if interval := time.Duration(c.interval.Load()); interval > 0 {
			timer = time.NewTimer(interval)
			due = timer.C
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.changed:
		case <-due:
			c.collect(ctx, 0)
		}
		if timer != nil {
			timer.Stop()
		}
	}
}

// Prepare implements module.Component.
func (c *component) Prepare(_ context.Context, doc schema.Document) (module.Change, error) {
	var next Config
	if err := schema.Decode(c.spec, doc[name], &next); err != nil {
		return nil, err
	}
	return module.Swap(func() {
		c.interval.Store(int64(next.interval()))
		select {
		case c.changed <- struct{}{}:
		default: // Run has not yet seen the last change; it will see both
		}
	}, nil), nil
}

// Call implements module.Component.
func (c *component) Call(ctx context.Context, command string, args map[string]json.RawMessage) (any, error) {
	owner, item, err := selection(args)
	if err != nil {
		return nil, err
	}
	switch command {
	case "status":
		return fmt.Sprintf("Stats is up. (PID %d)", os.Getpid()), nil
	case "show":
		return c.show(ctx, owner, item)
	case "showschema":
		return c.showSchema(ctx, owner, item)
	}
	return nil, &bus.Error{Code: 2, Text: fmt.Sprintf("unknown command '%s'", command)}
}

func selection(args map[string]json.RawMessage) (owner, item string, err error) {
	for name, into := range map[string]*string{"owner": &owner, "name": &item} {
		if text, given := args[name]; given {
			if err := json.Unmarshal(text, into); err != nil {
				return "", "", bus.Errorf("%s: %v", name, err)
			}
		}
	}
	return owner, item, nil
}
