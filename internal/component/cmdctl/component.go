package cmdctl

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"bundy/internal/control/accounts"
	"bundy/internal/control/certificate"
	"bundy/internal/control/digest"
	"bundy/internal/suite/bus"
	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
)

// portVariable overrides the ports of listen_on: the parent's option --cmdctl-port.
const portVariable = "BUNDY_CMDCTL_PORT"

// stopTime is what requests in progress get at the end; the answer to the shutdown command itself is one.
const stopTime = 2 * time.Second

type component struct {
	spec *schema.Module
	deps module.Deps
	now  func() time.Time
	port *uint16 // overrides all ports when not nil

	settings atomic.Pointer[settings]
	accounts cached[accounts.List]
	pair     cached[tls.Certificate]
	digest   *digest.Server
	sessions *sessions
	throttle *throttle
	delays   rate.Sometimes // limits messages about tries that are refused unseen
	checking chan struct{}  // holds a token for each password being verified
	counters counters

	connections connections

	server *http.Server
	failed chan error // an accept loop that ended by itself

	mu        sync.Mutex
	listeners []*listener // in force
}

func newComponent(spec *schema.Module, doc schema.Document, deps module.Deps) (*component, error) {
	s, errs := decode(spec, doc)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	d, err := digest.NewServer()
	if err != nil {
		return nil, err
	}
	c := &component{
		spec:     spec,
		deps:     deps,
		now:      time.Now,
		digest:   d,
		sessions: newSessions(),
		throttle: newThrottle(),
		delays:   rate.Sometimes{Interval: delaysInterval},
		checking: make(chan struct{}, maxChecking),
		failed:   make(chan error, 1),
	}
	if text, set := os.LookupEnv(portVariable); set {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%s=%q is not a port", portVariable, text)
		}
		c.port = new(uint16)
		*c.port = uint16(port)
	}
	c.connections.perClient = map[netip.Addr]int{}
	c.settings.Store(&s)
	c.server = c.newServer()
	return c, nil
}

// Run implements module.Component.
func (c *component) Run(ctx context.Context, ready func()) error {
	if err := c.makeCertificate(); err != nil {
		return err
	}
	_, _ = c.certificate(nil) // says in the log what every connection would fail of; it can be repaired meanwhile
	if !c.settings.Load().Digest {
		c.dropSecrets()
	}
	bound, err := c.bind(ctx, c.settings.Load().addresses)
	if err != nil {
		return err
	}
	c.serve(bound)
	ready()
	select {
	case <-ctx.Done():
		err = nil
	case err = <-c.failed:
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	c.closeAll()
	if c.server.Shutdown(stopping) != nil {
		c.server.Close() // the time is up; whoever is left is a client that does not read
	}
	c.deps.Log.Log(msgExiting)
	return err
}

// Prepare implements module.Component.
func (c *component) Prepare(ctx context.Context, doc schema.Document) (module.Change, error) {
	next, errs := decode(c.spec, doc)
	if len(errs) > 0 {
		return nil, c.refuse(errors.Join(errs...))
	}
	now := c.settings.Load()
	if next.CertFile != now.CertFile || next.KeyFile != now.KeyFile {
		if _, err := certificate.Load(next.CertFile, next.KeyFile); err != nil {
			return nil, c.refuse(fmt.Errorf("%s/cert_file: %w", name, err))
		}
	}
	fresh, err := c.bind(ctx, next.addresses)
	if err != nil {
		return nil, c.refuse(fmt.Errorf("%s/listen_on: %w", name, err))
	}
	apply := func() {
		c.settings.Store(&next)
		c.serve(fresh)
		c.closeOthers(next.addresses)
		if !next.Digest {
			c.dropSecrets()
		}
	}
	discard := func() {
		for _, l := range fresh {
			c.close(l)
		}
	}
	return module.Swap(apply, discard), nil
}

func (c *component) refuse(err error) error {
	c.deps.Log.Log(msgBadConfigData, err)
	return err
}

// Call implements module.Component. The module's only command for operators is shutdown, which the host answers.
func (c *component) Call(_ context.Context, command string, _ map[string]json.RawMessage) (any, error) {
	return nil, &bus.Error{Code: 2, Text: fmt.Sprintf("unknown command '%s'", command)}
}

// Stats implements module.Component.
func (c *component) Stats() map[string]any { return c.counters.values() }
