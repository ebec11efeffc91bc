package dhcp4

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"bundy/internal/dhcp/ledger"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/suite/module"
)

// Run serves until ctx ends. Then it makes all leases durable and closes their database.
func (c *component) Run(ctx context.Context, ready func()) error {
	defer close(c.stopped)
	log := c.deps.Log
	set, err := c.numbered()
	if err != nil {
		return err
	}
	log.Log(msgStarting, set.ports.Server)
	store, err := openStore(set.database, log)
	if err != nil {
		return fmt.Errorf("%s/lease-database/name: %w", moduleName, err)
	}
	s := newServer(log, &c.stats, c.names)
	s.ours = c.links.Has
	s.refuse = c.desk.Refuse
	s.ping = c.echo.ping
	c.storeStarted(set.database)
	c.use(s, change{set: set, store: store})

	others := module.NewBackground()
	inner, stop := context.WithCancel(ctx)
	wake, served := make(chan struct{}, 1), make(chan struct{})
	others.Go(func() { c.names.Run(inner) })
	others.Go(func() { c.watchInterfaces(inner, wake, served) })
	others.Go(func() { netif.Watch(inner, wake) })

	failure := module.Protect(func() error { return c.loop(ctx, s, others, wake, served, ready) })

	err = s.Store.Flush() // sends the answers that wait for it
	stop()
	others.Wait()
	c.links.Close()
	c.echo.close()
	if err = errors.Join(err, s.Store.Close()); err != nil {
		err = fmt.Errorf("lease database %s: %w", s.set.database.path, err)
	}
	if err = errors.Join(failure, err); err == nil {
		log.Log(msgShutdown)
	}
	return err
}

func (c *component) identitiesFile() string { return filepath.Join(c.deps.Paths.State, identitiesName) }

// numbered makes the first configuration ready, with the numbers that subnets had before.
func (c *component) numbered() (*settings, error) {
	known, err := subnet.LoadIdentities(c.identitiesFile())
	if err != nil { // leases still belong to the subnets that their addresses lie in
		c.deps.Log.Log(msgIdentitiesFail, err)
	}
	set, errs := build(c.spec, c.first, c.deps.Paths, known)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	c.current.Store(set)
	return set, nil
}

// loop is the goroutine that owns the server. It ends with ctx, or with the failure of another goroutine.
func (c *component) loop(ctx context.Context, s *server, others *module.Background, wake chan<- struct{}, served <-chan struct{}, ready func()) error {
	timer := time.NewTimer(ledger.Soon)
	defer timer.Stop()
	var armed time.Time // when the timer fires
	arm := func(pause time.Duration) {
		armed = s.now().Add(pause)
		timer.Reset(pause)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-others.Failed():
			return err
		case err := <-c.links.Failed():
			return err
		case <-served:
			ready()
			served = nil
		case p := <-c.links.Packets():
			c.serve(s, p)
			if end, ok := s.Due(); ok && end.Before(armed) {
				arm(max(ledger.Soon, end.Sub(s.now())))
			}
		case f := <-s.resting.back:
			f()
		case a := <-c.echo.replies:
			s.echoed(a)
		case n := <-c.changes:
			c.use(s, n)
			close(n.done)
			select {
			case wake <- struct{}{}:
			default:
			}
			arm(ledger.Soon)
		case task := <-c.desk.Tasks():
			task.Do(s.Order)
		case <-s.Failing():
			if s.Settle(s.now()) {
				arm(ledger.StorePause)
			}
		case <-timer.C:
			s.Reclaim(s.now())
			arm(s.Next(s.now()))
		}
	}
}

// burst is how many packets that wait are served before the loop looks for anything else.
const burst = 64

// serve serves a packet and those that came with it.
func (c *component) serve(s *server, p netif.Packet) {
	for range burst {
		s.serve(p)
		c.links.Release(p)
		select {
		case p = <-c.links.Packets():
		default:
			return
		}
	}
	s.serve(p)
	c.links.Release(p)
}

// use brings a configuration into force. Only a failure to close the former database can go wrong, which is logged.
func (c *component) use(s *server, n change) {
	if n.store != nil && s.Store != nil {
		c.close(s.Store, s.set.database)
		c.storeStarted(n.set.database)
	}
	s.set = n.set
	moved := s.Use(n.store, n.set.subnets, n.set.reclaim, c.names.To(n.set.requests), s.now())
	c.current.Store(n.set)
	c.desk.Use(s.Store, n.set.subnets)
	if moved > 0 {
		c.deps.Log.Log(msgLeasesRenumbered, moved)
	}
	names := "off"
	if n.set.names.EnableUpdates {
		names = "on"
	}
	clear(s.merged)
	clear(s.full)
	clear(s.asked) // who waits for an answer asks again
	if n.set.renumbered {
		if err := n.set.identities.Save(c.identitiesFile()); err != nil {
			c.deps.Log.Log(msgIdentitiesFail, err)
		}
	}
	c.deps.Log.Log(msgConfigComplete, len(n.set.subnets.All()), names)
}

func (c *component) storeStarted(d database) {
	if d.volatile {
		c.deps.Log.Log(msgNoStorage)
	}
	c.deps.Log.Log(msgDatabaseStarted, "memfile", d.path)
}
