package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"bundy/internal/dns/authority"
	"bundy/internal/suite/module"
)

// secretLife is how long cookies are made with a secret of the server's own. It must be longer than cookies are valid,
// since only one secret before it is kept.
const secretLife = 24 * time.Hour

// Run answers until ctx ends. It is ready when all addresses are open and all zones are loaded.
func (c *component) Run(ctx context.Context, ready func()) error {
	defer c.stop()
	s, err := decode(c.spec, c.doc)
	if err != nil {
		return err
	}
	ring, err := authority.DecodeKeys(c.doc, c.deps.Paths)
	if err != nil {
		return err
	}
	sockets, err := c.prepare(ctx, s.listen, true) // one address that is missing must not keep the others from answering
	if err != nil {
		return err
	}
	sources, err := c.loadSources(ctx, c.doc)
	if err != nil {
		c.discard(sockets)
		return err
	}
	c.authority.SetKeys(ring)
	c.missKeys(s.policy, ring)
	c.authority.SetObserver(c.report)
	defer c.authority.SetObserver(nil)
	c.useSources(sources)
	c.serving.Store(time.Now().UnixNano())
	failed, stopStored := c.answerStored()
	defer stopStored()
	c.apply(sockets)
	c.log.Log(msgStarted, fmt.Sprint(s.listen), c.zones())
	defer c.deps.Bus.Subscribe(module.EventRefresh, func(json.RawMessage) {
		if err := c.queue(reload{}); err != nil {
			c.log.Log(msgCommandFailed, module.EventRefresh, err)
		}
	})()
	ready()
	rotate := time.NewTicker(secretLife)
	defer rotate.Stop()
	for {
		select {
		case <-rotate.C:
			c.rotateSecret()
		case <-ctx.Done():
			c.log.Log(msgExiting)
			return nil
		case err := <-c.server.Failed():
			return err
		case err := <-failed:
			return err
		case z := <-c.reloads:
			c.reload(ctx, z)
		}
	}
}

// reload loads again what a command asks for. What is found is reported as well.
func (c *component) reload(ctx context.Context, z reload) {
	if z.origin == "" {
		if n, err := c.authority.ReloadChanged(ctx); err == nil {
			c.log.Log(msgReloaded, n)
		}
		return
	}
	if err := c.authority.Reload(ctx, z.class, z.origin); err != nil && ctx.Err() == nil {
		c.log.Log(msgLoadFailed, z.origin, z.class, err)
	}
}

// stop closes what is open. The sockets themselves stay with their keeper, for the next start.
func (c *component) stop() {
	c.mu.Lock()
	open := c.listeners
	c.listeners, c.stopped = nil, true
	c.mu.Unlock()
	for _, l := range open {
		l.endpoint.Close() // an error could only say that a descriptor is gone, which is what is wanted
	}
	c.server.Close()
}

// report logs what is known of a zone or a data source.
func (c *component) report(f authority.Finding) {
	switch f.Kind {
	case authority.LoadFailed:
		c.datasrc.Log(msgZoneError, f.Origin, f.Class, f.Source, f.Err)
	case authority.CheckError:
		c.datasrc.Log(msgCheckError, f.Origin, f.Class, f.Err)
	case authority.CheckWarning:
		c.datasrc.Log(msgCheckWarning, f.Origin, f.Class, f.Err)
	case authority.FileError:
		c.datasrc.Log(msgFileError, f.Origin, f.Class, f.Err)
	case authority.FileWarning:
		c.datasrc.Log(msgFileWarning, f.Origin, f.Class, f.Err)
	case authority.ZoneNotFound:
		c.datasrc.Log(msgNotFound, f.Origin, f.Class, f.Source)
	case authority.UnknownType:
		c.datasrc.Log(msgLibrary, f.Source, f.Class, f.Err)
	case authority.DatabaseCreated:
		c.datasrc.Log(msgSQLiteSetup, f.Database)
	case authority.DatabaseUnavailable:
		c.datasrc.Log(msgSQLiteUnavailable, f.Database, f.Err)
	case authority.DatabaseReplaced:
		c.datasrc.Log(msgSQLiteOpened, f.Database)
		c.tellAllLoaded()
	case authority.DatabaseFailed:
		c.datasrc.Log(msgSQLiteFailed, f.Database, f.Err)
	case authority.ZoneLoaded:
		c.log.Log(msgLoaded, f.Origin, f.Class)
		c.tellLoaded(f.Origin, f.Class)
	}
}
