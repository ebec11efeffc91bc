package statshttpd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/sockets"
)

// maxConnections bounds the open connections: a few scrapers hold one each.
const maxConnections = 32

type component struct {
	spec     *schema.Module
	deps     module.Deps
	now      func() time.Time
	counters counters
	server   *http.Server
	failed   chan error
	open     chan struct{} // a token for each connection
	scraping chan struct{} // held by the one who asks Stats

	cached   []byte // guarded by scraping, as is cachedAt
	cachedAt time.Time

	mu        sync.Mutex
	addresses []netip.AddrPort
	listeners map[netip.AddrPort]*listener
}

func newComponent(spec *schema.Module, doc schema.Document, deps module.Deps) (*component, error) {
	addresses, errs := decode(spec, doc)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	c := &component{
		spec: spec, deps: deps, now: time.Now, addresses: addresses, failed: make(chan error, 1),
		open: make(chan struct{}, maxConnections), scraping: make(chan struct{}, 1),
		listeners: map[netip.AddrPort]*listener{},
	}
	c.server = c.newServer()
	return c, nil
}

// Run implements module.Component.
func (c *component) Run(ctx context.Context, ready func()) error {
	fresh, err := c.bind(ctx, c.addresses)
	if err != nil {
		return err
	}
	c.serve(fresh)
	ready()
	select {
	case <-ctx.Done():
	case err = <-c.failed:
	}
	c.mu.Lock()
	for _, l := range c.listeners { // the parent keeps the sockets for the next start
		l.closed.Store(true)
	}
	c.mu.Unlock()
	c.server.Close()
	return err
}

// Prepare implements module.Component.
func (c *component) Prepare(ctx context.Context, doc schema.Document) (module.Change, error) {
	next, errs := decode(c.spec, doc)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	fresh, err := c.bind(ctx, next)
	if err != nil {
		return nil, fmt.Errorf("%s/listen_on: %w", name, err)
	}
	return module.Swap(func() {
		c.serve(fresh)
		c.mu.Lock()
		defer c.mu.Unlock()
		for address, l := range c.listeners {
			if !slices.Contains(next, address) {
				delete(c.listeners, address)
				c.drop(l)
			}
		}
	}, func() {
		for _, l := range fresh {
			c.drop(l)
		}
	}), nil
}

// Call implements module.Component.
func (c *component) Call(_ context.Context, command string, _ map[string]json.RawMessage) (any, error) {
	if command == "status" {
		return fmt.Sprintf("Stats Httpd is up. (PID %d)", os.Getpid()), nil
	}
	return nil, &bus.Error{Code: 2, Text: fmt.Sprintf("unknown command '%s'", command)}
}

// listener is one bound address. It closes connections beyond the bound at once.
type listener struct {
	net.Listener
	address netip.AddrPort
	closed  atomic.Bool
	c       *component
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.c.open <- struct{}{}:
			return &connection{Conn: conn, leave: sync.OnceFunc(func() { <-l.c.open })}, nil
		default:
			l.c.counters.refused.Add(1)
			conn.Close()
		}
	}
}

type connection struct {
	net.Conn
	leave func()
}

func (c *connection) Close() error {
	c.leave()
	return c.Conn.Close()
}

func request(address netip.AddrPort) sockets.Request {
	return sockets.Request{Kind: sockets.TCP, Address: address, Copies: 1}
}

// bind makes listeners for those addresses that have none.
func (c *component) bind(ctx context.Context, addresses []netip.AddrPort) (fresh []*listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range fresh {
				c.drop(l)
			}
		}
	}()
	for _, address := range addresses {
		c.mu.Lock()
		_, have := c.listeners[address]
		c.mu.Unlock()
		if have {
			continue
		}
		files, err := c.deps.Sockets.Get(ctx, request(address))
		if err != nil {
			return fresh, err
		}
		if len(files) != 1 {
			return fresh, fmt.Errorf("%d sockets for %s instead of one", len(files), address)
		}
		inner, err := net.FileListener(files[0])
		files[0].Close() // FileListener made a copy
		if err != nil {
			return fresh, fmt.Errorf("listen on %s: %w", address, err)
		}
		fresh = append(fresh, &listener{Listener: inner, address: address, c: c})
	}
	return fresh, nil
}

func (c *component) serve(fresh []*listener) {
	for _, l := range fresh {
		c.mu.Lock()
		c.listeners[l.address] = l
		c.mu.Unlock()
		c.deps.Log.Log(msgStarted, l.Addr())
		go func() {
			err := c.server.Serve(l)
			if l.closed.Load() || errors.Is(err, net.ErrClosed) {
				return
			}
			select {
			case c.failed <- fmt.Errorf("accept on %s: %w", l.address, err):
			default: // one reason to end is enough
			}
		}()
	}
}

func (c *component) drop(l *listener) {
	l.closed.Store(true)
	l.Close()
	c.deps.Sockets.Drop(request(l.address))
}
