package dhcpddns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"bundy/internal/dhcp/redundancy"
	"bundy/internal/naming/publish"
	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
)

// component is the module at work. What the engine owns is reached only through its channels.
type component struct {
	spec *schema.Module
	deps module.Deps

	now       func() time.Time
	publisher *publish.Publisher
	node      *redundancy.Node // which leases are this node's to publish

	counters counters

	// settings are those in force; apply carries new ones, with their listener if that is another, to the engine.
	settings atomic.Pointer[settings]
	apply    chan change
	asks     chan func(*engine)
}

// change is a prepared configuration on its way to the engine.
type change struct {
	settings *settings
	listener *listener // nil: the one at work goes on
}

// maxAsks bounds commands of operators that wait for the engine.
const maxAsks = 16

func newComponent(spec *schema.Module, doc schema.Document, deps module.Deps) (*component, error) {
	s, errs := decode(spec, doc, deps.Paths)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	c := &component{
		spec: spec, deps: deps, now: time.Now, publisher: &publish.Publisher{Suite: dnsOfSuite{deps.Bus, callTime}},
		apply: make(chan change, 1), asks: make(chan func(*engine), maxAsks),
	}
	c.settings.Store(s)
	c.node = redundancy.NewNode(s.groups)
	return c, nil
}

// Prepare binds a new address if there is one.
func (c *component) Prepare(ctx context.Context, doc schema.Document) (module.Change, error) {
	s, errs := decode(c.spec, doc, c.deps.Paths)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	next := change{settings: s}
	if s.listen != c.settings.Load().listen {
		l, err := listen(ctx, c.deps.Sockets, s.listen)
		if err != nil {
			return nil, fmt.Errorf("%s/ip_address: %w", name, err)
		}
		next.listener = l
	}
	apply := func() {
		old := c.settings.Swap(s)
		c.node.Use(s.groups)
		if next.listener != nil {
			c.deps.Sockets.Drop(request(old.listen))
		}
		select {
		case c.apply <- next:
		case superseded := <-c.apply: // the engine has not come to look yet
			if next.listener == nil {
				next.listener = superseded.listener
			} else if superseded.listener != nil {
				superseded.listener.close()
			}
			c.apply <- next
		}
	}
	discard := func() {
		if next.listener != nil {
			next.listener.close()
			c.deps.Sockets.Drop(request(s.listen))
		}
	}
	return module.Swap(apply, discard), nil
}

// Call answers commands in the engine's goroutine.
func (c *component) Call(ctx context.Context, command string, args map[string]json.RawMessage) (any, error) {
	var run func(*engine) any
	switch command {
	case "show":
		filter, err := parseFilter(args)
		if err != nil {
			return nil, err
		}
		run = func(e *engine) any { return e.show(filter) }
	case "leases":
		filter, err := parseFilter(args)
		if err != nil {
			return nil, err
		}
		run = func(e *engine) any { return e.leases(filter.limit) }
	case "status":
		run = func(e *engine) any { return e.status() }
	case "why", "who":
		var err error
		if run, err = c.question(command, args); err != nil {
			return nil, err
		}
	case "reconcile":
		run = func(e *engine) any { return e.reconcileNow() }
	case "rebuild":
		run = func(e *engine) any { return e.rebuildNow() }
	default:
		return nil, fmt.Errorf("unknown command %q", command)
	}
	answer := make(chan any, 1)
	select {
	case c.asks <- func(e *engine) { answer <- run(e) }:
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", command, ctx.Err())
	}
	select {
	case a := <-answer:
		if err, failed := a.(error); failed {
			return nil, err
		}
		return a, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", command, ctx.Err())
	}
}

// Stats returns the counters.
func (c *component) Stats() map[string]any { return c.counters.values() }
