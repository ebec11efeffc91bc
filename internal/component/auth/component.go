package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"bundy/internal/dns/authority"
	"bundy/internal/dns/cookie"
	"bundy/internal/dns/server"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// Descriptor describes the component. The authority is shared with the other components of the process.
func Descriptor(p paths.Paths, a *authority.Authority) *module.Descriptor {
	m := spec(p)
	return &module.Descriptor{
		Component: "bundy-auth",
		Special:   "auth",
		Process:   "bundy-dns",
		Spec:      m,
		Watches:   []string{authority.DataSourcesModule, authority.KeysModule},
		Check:     check(m),
		Messages:  Messages,
		New: func(doc schema.Document, deps module.Deps) (module.Component, error) {
			return newComponent(m, a, doc, deps)
		},
	}
}

// component is the server at work.
type component struct {
	spec      *schema.Module
	deps      module.Deps
	authority *authority.Authority
	log       *logging.Logger
	datasrc   *logging.Logger
	server    *server.Server
	stats     *statistics
	policy    atomic.Pointer[policy]
	strangers *rate.Limiter
	reloads   chan reload

	generation atomic.Int64 // of the data sources in use
	serving    atomic.Int64 // since when queries are answered, in Unix nanoseconds

	stored storedQueries

	mu        sync.Mutex
	doc       schema.Document // in use
	listeners []listener
	stopped   bool        // no listener may be added any more
	jar       *cookie.Jar // of the server's own secret
}

// reload is a zone to load again; without origin it is all that have changed.
type reload struct {
	class  wire.Class
	origin wire.Name
}

// reloadQueue bounds the zones waiting to be loaded again: more than an operator's script asks for at once.
const reloadQueue = 1024

func newComponent(m *schema.Module, a *authority.Authority, doc schema.Document, deps module.Deps) (*component, error) {
	c := &component{
		spec:      m,
		deps:      deps,
		authority: a,
		log:       deps.Log,
		datasrc:   deps.Log.Named("datasrc"),
		stats:     newStatistics(),
		strangers: rate.NewLimiter(strangerLines, strangerBurst),
		reloads:   make(chan reload, reloadQueue),
		doc:       doc,
		jar:       cookie.NewJar(cookie.NewSecret()),
		stored:    newStoredQueries(),
	}
	s, err := decode(m, doc)
	if err != nil {
		c.log.Log(msgConfigLoad, err)
		return nil, err
	}
	c.use(s.policy)
	c.server = server.New(c.handler, func() server.Limits { return c.policy.Load().streams })
	c.log.Log(msgCreated)
	return c, nil
}

// handler makes the answering part of one goroutine.
func (c *component) handler() server.Handler {
	r := c.responder()
	r.stored = &c.stored
	return r
}

func (c *component) responder() *responder {
	r := &responder{authority: c.authority, log: c.log, now: time.Now, policies: &c.policy, strangers: c.strangers, serving: &c.serving}
	r.countIn(c.stats)
	return r
}

// use puts a policy in use.
func (c *component) use(p policy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policy.Store(p.inUse(c.policy.Load(), c.jar))
}

// missKeys tells of keys that access control lists ask for and nobody can have.
func (c *component) missKeys(p policy, ring *tsig.Ring) {
	told := map[wire.Name]bool{}
	lists := append(slices.Collect(maps.Values(p.zones)), p.queries)
	for _, list := range lists {
		for _, name := range list.Keys() {
			if _, ok := ring.Find(name); !ok && !told[name] {
				told[name] = true
				c.log.Log(msgNoKey, name)
			}
		}
	}
}

// rotateSecret replaces the server's own secret for cookies. Those made with the last one stay valid.
func (c *component) rotateSecret() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jar = c.jar.Rotated(cookie.NewSecret())
	now := c.policy.Load()
	c.policy.Store(now.inUse(now, c.jar))
}

// Call runs a command.
func (c *component) Call(ctx context.Context, command string, args map[string]json.RawMessage) (any, error) {
	c.log.Log(msgCommand, command)
	switch command {
	case "loadzone":
		err := c.loadzone(ctx, args)
		if err != nil {
			c.log.Log(msgCommandFailed, command, err)
		}
		return nil, err
	case "reload":
		err := c.queue(reload{})
		if err != nil {
			c.log.Log(msgCommandFailed, command, err)
		}
		return nil, err
	case "zonestatus":
		return c.zoneStatus(args)
	// An update handler in this process says itself when it is there.
	case "start_ddns_forwarder":
		c.log.Log(msgStartForwarder)
		return nil, nil
	case "stop_ddns_forwarder":
		c.log.Log(msgStopForwarder)
		return nil, nil
	}
	return nil, fmt.Errorf("unknown command %q", command)
}

// loadzone puts a zone in the queue of those to be loaded again. A name that no data source knows is told at once.
func (c *component) loadzone(ctx context.Context, args map[string]json.RawMessage) error {
	var a loadzoneArgs
	for name, to := range map[string]*string{"class": &a.Class, "origin": &a.Origin, "datasrc": &a.Datasrc} {
		if raw, ok := args[name]; ok {
			if err := json.Unmarshal(raw, to); err != nil {
				return fmt.Errorf("loadzone: argument %s: %w", name, err)
			}
		}
	}
	class, err := wire.ParseClass(a.Class)
	if err != nil {
		return fmt.Errorf("loadzone: %w", err)
	}
	origin, err := wire.ParseName(a.Origin)
	if err != nil {
		return fmt.Errorf("loadzone: %w", err)
	}
	if err := c.authority.Locate(ctx, class, origin); err != nil {
		return fmt.Errorf("loadzone: %w", err)
	}
	return c.queue(reload{class, origin})
}

func (c *component) queue(z reload) error {
	select {
	case c.reloads <- z:
		return nil
	default:
		return fmt.Errorf("%d zones are waiting to be loaded already", reloadQueue)
	}
}

// Stats gives all counters.
func (c *component) Stats() map[string]any {
	c.stats.zones.forget(c.authority.Catalog())
	return c.stats.snapshot(c.server.Counters())
}

// Prepare binds new addresses and loads new data sources. It changes nothing that can be seen.
func (c *component) Prepare(ctx context.Context, doc schema.Document) (module.Change, error) {
	next, err := c.prepareAll(ctx, doc)
	if err != nil {
		c.log.Log(msgConfigUpdate, err)
		return nil, err
	}
	return module.Swap(next.apply, next.discard), nil
}

// candidate is a configuration that is ready to be used.
type candidate struct {
	c        *component
	doc      schema.Document
	settings settings
	ring     *tsig.Ring
	sources  *authority.Change // nil if the data sources stay
	sockets  change
}

func (c *component) prepareAll(ctx context.Context, doc schema.Document) (*candidate, error) {
	next := &candidate{c: c, doc: doc}
	var err error
	if next.settings, err = decode(c.spec, doc); err != nil {
		return nil, err
	}
	if next.ring, err = authority.DecodeKeys(doc, c.deps.Paths); err != nil {
		return nil, err
	}
	next.sockets, err = c.prepare(ctx, next.settings.listen, next.settings.freebind)
	err = errors.Join(err, next.prepareSources(ctx))
	if err != nil {
		next.discard()
		return nil, err
	}
	return next, nil
}

// prepareSources loads the data sources if they differ from those in use.
func (n *candidate) prepareSources(ctx context.Context) error {
	c := n.c
	c.mu.Lock()
	same := schema.Equal(c.doc[authority.DataSourcesModule], n.doc[authority.DataSourcesModule])
	c.mu.Unlock()
	if same {
		return nil
	}
	change, err := c.loadSources(ctx, n.doc)
	if err != nil {
		return err
	}
	n.sources = change
	return errors.Join(change.Missing()...)
}

func (c *component) loadSources(ctx context.Context, doc schema.Document) (*authority.Change, error) {
	sources, err := authority.DecodeSources(doc, c.deps.Paths)
	if err != nil {
		return nil, err
	}
	c.log.Log(msgReconfigure)
	change, err := c.authority.Prepare(ctx, sources)
	if err != nil {
		c.log.Log(msgReconfigureError, err)
		return nil, fmt.Errorf("data_sources: %w", err)
	}
	return change, nil
}

func (n *candidate) apply() {
	c := n.c
	c.use(n.settings.policy)
	c.authority.SetKeys(n.ring)
	c.log.Log(msgLoadTSIG)
	c.missKeys(n.settings.policy, n.ring)
	if n.sources != nil {
		c.useSources(n.sources)
	}
	c.mu.Lock()
	c.doc = n.doc
	c.mu.Unlock()
	c.apply(n.sockets)
}

// useSources puts loaded data sources in service.
func (c *component) useSources(change *authority.Change) {
	change.Apply()
	for _, f := range change.Findings() {
		c.report(f)
	}
	c.log.Log(msgReconfigured, c.generation.Add(1), c.zones())
	c.tellAllLoaded()
}

// zones counts the zones that are known.
func (c *component) zones() int {
	n := 0
	for range c.authority.Catalog().All() {
		n++
	}
	return n
}

func (n *candidate) discard() {
	if n.sources != nil {
		n.sources.Discard()
	}
	n.c.discard(n.sockets)
}
