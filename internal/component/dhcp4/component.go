package dhcp4

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/leasecmd"
	"bundy/internal/dhcp/memfile"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/redundancy"
	"bundy/internal/naming/announce"
	"bundy/internal/naming/ncr"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

const moduleName = "Dhcp4"

// Descriptor describes the module to the suite.
func Descriptor(p paths.Paths) *module.Descriptor {
	spec := schema.New(moduleName, "DHCPv4 server.", Config{}, p).
		Command("shutdown", "Stop the server. With a process id only the server of that process obeys.", struct {
			PID *int `json:"pid" help:"Process id of the server meant."`
		}{}).
		Command("status", "Tell which interfaces are served, and which of those configured cannot be and why.", nil).
		Command("libreload", "Load all hook libraries again.", nil).
		Statistic(Statistics{})
	for _, c := range leasecmd.Commands(lease.Family4) {
		spec.Command(c.Name, c.Help, c.Args)
	}
	return &module.Descriptor{
		Component: "bundy-dhcp4",
		Special:   "",
		Process:   "bundy-dhcp",
		Spec:      spec,
		Watches:   []string{redundancy.Module, policyModule},
		Check: func(doc schema.Document) []error {
			_, errs := build(spec, doc[moduleName], p, nil)
			return errs
		},
		Messages: Messages,
		New: func(doc schema.Document, deps module.Deps) (module.Component, error) {
			set, errs := build(spec, doc[moduleName], deps.Paths, nil)
			if len(errs) > 0 {
				return nil, errors.Join(errs...)
			}
			groups, errs := redundancy.Parse(doc[redundancy.Module])
			if len(errs) > 0 {
				return nil, errors.Join(errs...)
			}
			set.plan = planOf(doc)
			return newComponent(spec, set, doc[moduleName], groups, deps), nil
		},
	}
}

// component is the module at work. Its goroutine (serve in run.go) owns server; the rest is for the suite.
type component struct {
	spec    *schema.Module
	first   schema.Section // the configuration that Run begins with
	deps    module.Deps
	stats   counters
	links   *netif.Links
	current atomic.Pointer[settings] // what is in use, or will be when Run begins
	sight   *netif.Observer
	echo    echo
	changes chan change
	stopped chan struct{}
	desk    *leasecmd.Desk
	names   *announce.Announcer
	node    *redundancy.Node // what this node is to serve

	mu     sync.Mutex // held by whoever serves a packet, or does anything else with the server
	server *server
	timer  *time.Timer // to look for what is over
	armed  time.Time   // when it fires
	ended  bool        // nothing is served any more
}

// change is a new configuration for the server's goroutine.
type change struct {
	set   *settings
	store lease.Store // nil: keep the one in use
	done  chan struct{}
}

func newComponent(spec *schema.Module, set *settings, first schema.Section, groups *redundancy.Groups, deps module.Deps) *component {
	c := &component{
		spec: spec, first: first, deps: deps,
		changes: make(chan change), stopped: make(chan struct{}),
		echo: echo{replies: make(chan netip.Addr, maxReplies)},
	}
	c.names = announcer(deps.Log)
	c.node = redundancy.NewNode(groups)
	c.links = netif.NewLinks(opener{deps.Sockets}, c.take)
	c.sight = c.observer()
	c.current.Store(set)
	c.desk = leasecmd.NewDesk(lease.Family4, c.stopped)
	return c
}

func announcer(log *logging.Logger) *announce.Announcer {
	limited := logging.Seldom()
	return announce.New(
		func(r ncr.Request) { log.Log(msgQueueNCR, r.Change, r.Name, r.Address) },
		func(server netip.AddrPort, err error) { limited.Do(func() { log.Log(msgNCRSendFail, server, err) }) },
	)
}

// openStore opens the leases that a configuration names.
func openStore(d database, log *logging.Logger) (lease.Store, error) {
	return memfile.Open(d.path, memfile.Options{
		Volatile: d.volatile,
		Report:   func(text string) { log.Log(msgDatabaseReport, d.path, text) },
	})
}

// Prepare opens another lease database if the candidate names one.
func (c *component) Prepare(_ context.Context, doc schema.Document) (module.Change, error) {
	set, errs := build(c.spec, doc[moduleName], c.deps.Paths, c.current.Load().identities)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	groups, errs := redundancy.Parse(doc[redundancy.Module])
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	set.plan = planOf(doc)
	var store lease.Store
	if set.database != c.current.Load().database {
		var err error
		if store, err = openStore(set.database, c.deps.Log); err != nil {
			return nil, fmt.Errorf("%s/lease-database/name: %w", moduleName, err)
		}
	}
	apply := func() {
		c.node.Use(groups)
		n := change{set: set, store: store, done: make(chan struct{})}
		select {
		case c.changes <- n:
			<-n.done
		case <-c.stopped:
			c.close(store, set.database)
		}
	}
	return module.Swap(apply, func() { c.close(store, set.database) }), nil
}

func (c *component) close(store lease.Store, d database) {
	if store == nil {
		return
	}
	if err := store.Close(); err != nil {
		c.deps.Log.Log(msgDatabaseCloseFailed, d.path, err)
	}
}

// Call runs a command of the module.
func (c *component) Call(ctx context.Context, command string, args map[string]json.RawMessage) (any, error) {
	switch command {
	case "libreload":
		return nil, nil // the configuration allows no libraries
	case "status":
		return c.sight.Status(), nil
	}
	result, err := c.desk.Run(ctx, command, args)
	if err != nil {
		return nil, fmt.Errorf("%s %w", moduleName, err)
	}
	return result, nil
}

// Stats gives the statistics.
func (c *component) Stats() map[string]any { return c.stats.values(c.links.Lost(), c.names) }
