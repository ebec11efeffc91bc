package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"

	"bundy/internal/dns/server"
	"bundy/internal/suite/sockets"
)

// listener is one address at work.
type listener struct {
	address  netip.AddrPort
	endpoint *server.Endpoint
}

// requests names the sockets of an address: for UDP one for each processor. Early ones need not have an address that is
// there.
func requests(a netip.AddrPort, early bool) (udp, tcp sockets.Request) {
	return sockets.Request{Kind: sockets.UDP, Address: a, Copies: runtime.GOMAXPROCS(0), Early: early},
		sockets.Request{Kind: sockets.TCP, Address: a, Early: early}
}

// open binds an address, for UDP and TCP or not at all. It does not answer before Serve.
func (c *component) open(ctx context.Context, a netip.AddrPort, early bool) (listener, error) {
	udp, tcp := requests(a, early)
	packets, err := c.deps.Sockets.Get(ctx, udp)
	if err != nil {
		return listener{}, err
	}
	streams, err := c.deps.Sockets.Get(ctx, tcp)
	if err == nil && len(streams) != 1 {
		err = errors.New("listen on " + a.String() + ": not one socket")
	}
	if err != nil {
		c.deps.Sockets.Drop(udp)
		return listener{}, errors.Join(err, closeAll(packets), closeAll(streams))
	}
	e, err := c.server.Endpoint(packets, streams[0])
	if err != nil {
		c.drop(a)
		return listener{}, err
	}
	return listener{a, e}, nil
}

func closeAll(files []*os.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

func (c *component) drop(a netip.AddrPort) {
	udp, tcp := requests(a, false)
	c.deps.Sockets.Drop(udp)
	c.deps.Sockets.Drop(tcp)
}

// change is what leads from the addresses in use to others.
type change struct {
	opened, kept, closed []listener
}

// prepare binds the addresses that are not in use yet: all, or none with everything that is wrong.
func (c *component) prepare(ctx context.Context, addresses []netip.AddrPort, early bool) (change, error) {
	var ch change
	var errs []error
	c.mu.Lock()
	listeners := c.listeners
	c.mu.Unlock()
	for _, l := range listeners {
		if slices.Contains(addresses, l.address) {
			ch.kept = append(ch.kept, l)
		} else {
			ch.closed = append(ch.closed, l)
		}
	}
	for i, a := range addresses {
		if slices.ContainsFunc(ch.kept, func(l listener) bool { return l.address == a }) {
			continue
		}
		l, err := c.open(ctx, a, early)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s/listen_on[%d]: %w", Name, i, err))
			continue
		}
		ch.opened = append(ch.opened, l)
	}
	if len(errs) > 0 {
		c.discard(ch)
		return change{}, errors.Join(errs...)
	}
	return ch, nil
}

// apply begins to answer on the new addresses and ends on the old ones.
func (c *component) apply(ch change) {
	c.mu.Lock()
	if c.stopped {
		c.mu.Unlock()
		c.discard(ch)
		return
	}
	for _, l := range ch.opened {
		l.endpoint.Serve() // starts goroutines, does not wait
	}
	c.listeners = append(ch.kept, ch.opened...)
	c.mu.Unlock()
	for _, l := range ch.closed {
		l.endpoint.Close() // what can fail is only the closing of a descriptor that is gone either way
		c.drop(l.address)
	}
}

// discard gives back what prepare took.
func (c *component) discard(ch change) {
	for _, l := range ch.opened {
		l.endpoint.Close()
		c.drop(l.address)
	}
}
