package dhcp6

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"bundy/internal/dhcp/duid"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/ledger"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/reconfigure"
	"bundy/internal/suite/module"
)

// Run serves until ctx ends. Then it makes all leases durable and closes their database.
func (c *component) Run(ctx context.Context, ready func()) error {
	defer close(c.stopped)
	set := c.current.Load()
	log := c.deps.Log
	log.Log(msgStarting, set.serverPort)
	if err := c.remember(set); err != nil {
		return err
	}
	id := c.serverID()
	store, err := openStore(set.database, log)
	if err != nil {
		return fmt.Errorf("%s/lease-database/name: %w", moduleName, err)
	}
	s := newServer(log, &c.stats, c.names, id)
	s.ours = c.links.Has
	s.duties = c.node.Duties
	s.refuse = c.desk.Refuse
	if s.caller.secret, err = reconfigure.LoadSecret(filepath.Join(c.deps.Paths.State, secretFileName)); err != nil {
		log.Log(msgNoSecret, err)
	}
	s.caller.link = c.links.Named
	c.calls.Store(s.caller)
	c.storeStarted(set.database)
	c.server, c.timer = s, time.NewTimer(ledger.Soon)
	defer c.timer.Stop()
	c.use(s, change{set: set, store: store})

	others := module.NewBackground()
	inner, stop := context.WithCancel(ctx)
	wake, served := make(chan struct{}, 1), make(chan struct{})
	others.Go(func() { c.names.Run(inner) })
	others.Go(func() { c.sight.Run(inner, wake, served) })
	others.Go(func() { netif.Watch(inner, wake) })
	others.Go(func() { c.node.Run(inner, c.deps.Bus, func() {}) }) // each packet asks anew

	failure := module.Protect(func() error { return c.loop(ctx, s, others, wake, served, ready) })

	c.end()
	err = s.Store.Flush() // sends the answers that wait for it
	s.onDisk.Flush()
	stop()
	others.Wait()
	c.links.Close()
	if err = errors.Join(err, s.Store.Close()); err != nil {
		err = fmt.Errorf("lease database %s: %w", s.set.database.path, err)
	}
	if err = errors.Join(failure, err); err == nil {
		log.Log(msgShutdown)
	}
	return err
}

// serverID reads the identifier by which clients know this server, or makes one. One that cannot be kept is used all the
// same: clients find the server again by REBIND.
func (c *component) serverID() string {
	path := filepath.Join(c.deps.Paths.State, serverIDFileName)
	id, err := duid.Load(path)
	if err == nil {
		c.deps.Log.Log(msgServerID, duid.Hex(id))
		return id
	}
	if !errors.Is(err, fs.ErrNotExist) {
		c.deps.Log.Log(msgServerIDUnusable, err)
	}
	var hwAddrs []string
	all, err := netif.Detect6()
	if err != nil {
		c.deps.Log.Log(msgDetectFail, err)
	}
	for _, i := range all {
		if i.Up && !i.Loopback {
			hwAddrs = append(hwAddrs, i.HWAddr)
		}
	}
	id = duid.Make(hwAddrs, time.Now())
	if err := duid.Save(path, id); err != nil {
		c.deps.Log.Log(msgServerIDWriteFail, err)
	}
	c.deps.Log.Log(msgServerID, duid.Hex(id))
	return id
}

// loop does what is not an answer to a packet. It ends with ctx, or with the failure of another goroutine.
func (c *component) loop(ctx context.Context, s *server, others *module.Background, wake chan<- struct{}, served <-chan struct{}, ready func()) error {
	c.alone(func() { c.arm(s, ledger.Soon) })
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
		case n := <-c.changes:
			c.alone(func() {
				c.use(s, n)
				c.arm(s, ledger.Soon)
			})
			close(n.done)
			select {
			case wake <- struct{}{}:
			default:
			}
		case task := <-c.desk.Tasks():
			c.alone(func() { task.Do(s.Order) })
		case <-s.Failing():
			c.alone(func() {
				if s.Settle(s.now()) {
					c.arm(s, ledger.StorePause)
				}
			})
		case <-s.caller.timer.C:
			c.alone(func() { s.caller.send(s.now()) })
		case <-c.timer.C:
			c.alone(func() {
				s.Reclaim(s.now())
				c.arm(s, s.Next(s.now()))
			})
		}
	}
}

// alone runs f while no packet is served.
func (c *component) alone(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	c.server.atOnce.Flush()
}

// arm makes the loop look for what is over after a pause. Called alone.
func (c *component) arm(s *server, pause time.Duration) {
	c.armed = s.now().Add(pause)
	c.timer.Reset(pause)
}

// take serves what came together. It is called by the goroutines that receive: to hand packets to another one would cost
// more than most of them do.
func (c *component) take(packets []netif.Packet6) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	s := c.server
	c.ended = true // unless all of it can be served
	for _, p := range packets {
		s.serve(p)
	}
	c.ended = false
	s.atOnce.Flush()
	if end, ok := s.Due(); ok && end.Before(c.armed) {
		c.arm(s, max(ledger.Soon, end.Sub(s.now())))
	}
}

// end lets no more packets be served.
func (c *component) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
}

// use brings a configuration into force. Only a failure to close the former database can go wrong, which is logged.
func (c *component) use(s *server, n change) {
	if n.store != nil && s.Store != nil {
		c.close(s.Store, s.set.database)
		c.storeStarted(n.set.database)
	}
	s.set = n.set
	moved := s.Use(n.store, n.set.subnets, n.set.reclaim, c.names.To(n.set.requests), s.now())
	batches, ok := s.Store.(lease.Batcher)
	if s.single = !ok; ok {
		batches.AfterBatch(s.onDisk.Flush)
	}
	clear(s.full)
	c.current.Store(n.set)
	c.desk.Use(s.Store, n.set.subnets)
	if moved > 0 {
		c.deps.Log.Log(msgLeasesRenumbered, moved)
	}
	names := "off"
	if n.set.names.EnableUpdates {
		names = "on"
	}
	c.deps.Log.Log(msgConfigComplete, len(n.set.subnets.All()), names)
}

func (c *component) storeStarted(d database) {
	if d.volatile {
		c.deps.Log.Log(msgNoStorage)
	}
	c.deps.Log.Log(msgDatabaseStarted, "memfile", d.path)
}
