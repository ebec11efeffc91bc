package ddns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"bundy/internal/dns/authority"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/suite/bus"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/stats"
)

// store is what the component needs of *authority.Authority.
type store interface {
	Catalog() *zone.Catalog
	Update(ctx context.Context, class wire.Class, origin wire.Name, fn func(*zone.Version) (zone.Diff, error)) error
	UpdateAll(ctx context.Context, class wire.Class, origins []wire.Name, fn func([]*zone.Version) ([]zone.Diff, error)) error
	SetUpdateHandler(h authority.UpdateHandler)
}

// component is module DDNS at work.
type component struct {
	spec  *schema.Module
	log   *logging.Logger
	rules *logging.Logger // for the messages LIBDDNS_
	bus   bus.Client
	zones store
	now   func() time.Time

	policies atomic.Pointer[policies]
	counters *stats.Counters

	mu     sync.Mutex // guards what follows; never held while waiting
	open   bool       // requests are taken
	queue  chan *job  // has room for all that are counted; closed when open ends
	count  int        // requests taken and not yet finished
	octets int        // in their messages

	calls chan struct{} // a token for each call of the suite being worked on

	strangers *rate.Limiter   // bounds the log lines that anybody can cause
	overload  *rate.Sometimes // the same for a full queue
}

// Descriptor describes the component. It updates the zones of a and runs in the process of bundy-auth, with which it
// shares a.
func Descriptor(p paths.Paths, a *authority.Authority) *module.Descriptor {
	spec := specification(p)
	return &module.Descriptor{
		Component: "bundy-ddns",
		Process:   "bundy-dns",
		Spec:      spec,
		Check: func(doc schema.Document) []error {
			_, errs := decode(spec, doc)
			return errs
		},
		Messages: Messages,
		New: func(doc schema.Document, deps module.Deps) (module.Component, error) {
			return newComponent(spec, doc, deps, a, time.Now)
		},
	}
}

func newComponent(spec *schema.Module, doc schema.Document, deps module.Deps, zones store, now func() time.Time) (*component, error) {
	p, errs := decode(spec, doc)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	c := &component{
		spec:      spec,
		log:       deps.Log,
		rules:     deps.Log.Named("libddns"),
		bus:       deps.Bus,
		zones:     zones,
		now:       now,
		counters:  stats.New(definitions()),
		queue:     make(chan *job, maxRequests),
		calls:     make(chan struct{}, maxCalls),
		strangers: rate.NewLimiter(strangerLines, strangerBurst),
		overload:  &rate.Sometimes{Interval: time.Second},
	}
	c.policies.Store(&p)
	return c, nil
}

// Run implements module.Component.
func (c *component) Run(ctx context.Context, ready func()) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	workers := module.NewBackground()
	for range maxWorkers {
		workers.Go(func() { c.work(work) })
	}
	c.begin()
	c.zones.SetUpdateHandler(c.take)
	c.log.Log(msgStarted)
	ready()
	var err error
	select {
	case <-ctx.Done():
	case err = <-workers.Failed():
	}
	c.log.Log(msgShutdown)
	c.zones.SetUpdateHandler(nil)
	c.end()
	defer time.AfterFunc(stopTime, cancel).Stop()
	workers.Wait()
	c.log.Log(msgStopped)
	return err
}

// Prepare implements module.Component.
func (c *component) Prepare(_ context.Context, doc schema.Document) (module.Change, error) {
	p, errs := decode(c.spec, doc)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return module.Swap(func() { c.policies.Store(&p) }, nil), nil
}

// Call implements module.Component.
func (c *component) Call(ctx context.Context, command string, args map[string]json.RawMessage) (any, error) {
	switch command {
	case "auth_started": // the handler stays with the zones, whoever reads the sockets
		return nil, nil
	case "update", "look":
		return c.local(ctx, command, args)
	}
	return nil, &bus.Error{Code: 2, Text: fmt.Sprintf("unknown command '%s'", command)}
}

// Stats implements module.Component.
func (c *component) Stats() map[string]any { return c.counters.Snapshot() }
