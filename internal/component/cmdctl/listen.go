package cmdctl

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"bundy/internal/suite/sockets"
)

// maxConnections bounds the open connections of all listeners. Each bundyctl holds one; a web page some six.
const maxConnections = 128

// maxPerClient bounds those of one client, so that one that opens many keeps nobody else out. Over IPv6 a client is a
// network of 64 bits, as a host has all its addresses.
const maxPerClient = 32

// connections counts those of all listeners.
type connections struct {
	mu        sync.Mutex
	open      int
	perClient map[netip.Addr]int
}

// enter tells whether a client may have one more.
func (c *connections) enter(client netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open >= maxConnections || c.perClient[client] >= maxPerClient {
		return false
	}
	c.open++
	c.perClient[client]++
	return true
}

func (c *connections) leave(client netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if c.perClient[client]--; c.perClient[client] == 0 {
		delete(c.perClient, client)
	}
}

// network is what counts as one client.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		a = netip.PrefixFrom(a, 64).Masked().Addr()
	}
	return a
}

// listener is one bound address.
type listener struct {
	net.Listener
	request sockets.Request
	closed  atomic.Bool
	all     *connections
	refused *atomic.Int64
}

// Accept refuses connections beyond the bound at once: a client that waits in the queue would see neither an error
// nor an answer.
func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		var client netip.Addr
		if remote, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
			client = network(remote.AddrPort().Addr())
		}
		if l.all.enter(client) {
			return &connection{Conn: conn, client: client, all: l.all}, nil
		}
		l.refused.Add(1)
		conn.Close()
	}
}

type connection struct {
	net.Conn
	client netip.Addr
	all    *connections
	closed atomic.Bool
}

func (c *connection) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.all.leave(c.client)
	}
	return c.Conn.Close()
}

// request names the socket of an address, with the port that is in force.
func (c *component) request(address netip.AddrPort) sockets.Request {
	if c.port != nil {
		address = netip.AddrPortFrom(address.Addr(), *c.port)
	}
	return sockets.Request{Kind: sockets.TCP, Address: address, Copies: 1}
}

// bind makes listeners for those addresses that have none.
func (c *component) bind(ctx context.Context, addresses []netip.AddrPort) (fresh []*listener, err error) {
	have := c.requests()
	defer func() {
		if err != nil {
			for _, l := range fresh {
				c.close(l)
			}
			fresh = nil
		}
	}()
	for _, address := range addresses {
		r := c.request(address)
		if slices.Contains(have, r) {
			continue
		}
		have = append(have, r)
		files, err := c.deps.Sockets.Get(ctx, r)
		if err != nil {
			return fresh, err
		}
		if len(files) != 1 {
			return fresh, fmt.Errorf("%d sockets for %s instead of one", len(files), r.Address)
		}
		inner, err := net.FileListener(files[0])
		files[0].Close() // FileListener made a copy
		if err != nil {
			return fresh, fmt.Errorf("listen on %s: %w", r.Address, err)
		}
		fresh = append(fresh, &listener{Listener: inner, request: r, all: &c.connections, refused: &c.counters.connectionsRefused})
	}
	return fresh, nil
}

func (c *component) requests() []sockets.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []sockets.Request
	for _, l := range c.listeners {
		out = append(out, l.request)
	}
	return out
}

// serve starts to accept on listeners.
func (c *component) serve(fresh []*listener) {
	c.mu.Lock()
	c.listeners = append(c.listeners, fresh...)
	c.mu.Unlock()
	for _, l := range fresh {
		c.deps.Log.Log(msgStarted, l.Addr())
		go func() {
			err := c.server.Serve(tls.NewListener(l, c.tls()))
			if l.closed.Load() || errors.Is(err, net.ErrClosed) {
				return
			}
			select {
			case c.failed <- fmt.Errorf("accept on %s: %w", l.request.Address, err):
			default: // one reason to end is enough
			}
		}()
	}
}

func (c *component) tls() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: c.certificate,
		// HTTP/2 has nothing to offer for a handful of short requests and brings its own ways to exhaust a server.
		NextProtos: []string{"http/1.1"},
	}
}

// closeOthers gives up the listeners whose addresses are not wanted any more. Their open connections go on.
func (c *component) closeOthers(wanted []netip.AddrPort) {
	var keep []sockets.Request
	for _, address := range wanted {
		keep = append(keep, c.request(address))
	}
	c.mu.Lock()
	var gone []*listener
	c.listeners = slices.DeleteFunc(c.listeners, func(l *listener) bool {
		if slices.Contains(keep, l.request) {
			return false
		}
		gone = append(gone, l)
		return true
	})
	c.mu.Unlock()
	for _, l := range gone {
		c.close(l)
	}
}

// closeAll stops accepting, at the end. The sockets are not dropped: the parent keeps them for the next start.
func (c *component) closeAll() {
	c.mu.Lock()
	all := c.listeners
	c.listeners = nil
	c.mu.Unlock()
	for _, l := range all {
		l.closed.Store(true)
		l.Close()
	}
}

func (c *component) close(l *listener) {
	l.closed.Store(true)
	l.Close()
	c.deps.Sockets.Drop(l.request)
}
