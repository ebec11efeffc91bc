package dhcpddns

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"bundy/internal/naming/ncr"
	"bundy/internal/naming/owned"
	"bundy/internal/suite/module"
)

// stateFile is the database of owned names in the state directory.
const stateFile = "dhcp-ddns.sqlite3"

// journalFile is that of name change requests on their way into the database.
const journalFile = "dhcp-ddns.requests"

// grace is how long transactions may go on after the component was told to stop. A server on the network answers well
// within it; what is cut off is repeated after the next start.
const grace = 2 * time.Second

// Run serves until ctx ends.
func (c *component) Run(ctx context.Context, ready func()) error {
	s := c.settings.Load()
	store, err := owned.Open(ctx, filepath.Join(c.deps.Paths.State, stateFile))
	if err != nil {
		return fmt.Errorf("DHCP-DDNS server: %w", err)
	}
	defer store.Close()
	journal, unread, err := ncr.OpenJournal(filepath.Join(c.deps.Paths.State, journalFile))
	if err != nil {
		return fmt.Errorf("DHCP-DDNS server: %w", err)
	}
	defer journal.Close()
	l, err := listen(ctx, c.deps.Sockets, s.listen)
	if err != nil {
		return fmt.Errorf("DHCP-DDNS server: %w", err)
	}
	wg := module.NewBackground()
	defer wg.Wait()
	inner, stop := context.WithCancel(ctx)
	defer stop()
	e := newEngine(c, store, journal, wg)
	e.configure(inner, change{settings: s, listener: l})
	e.replay(unread)
	defer c.deps.Bus.Subscribe(eventZoneLoaded, e.zoneLoaded(inner))()
	wg.Go(func() { c.node.Run(inner, c.deps.Bus, e.dutyChanged) })
	c.deps.Log.Log(msgStarted, s.listen, store.Len())
	ready()
	err = module.Protect(func() error { return e.run(inner) })
	e.stop()
	c.deps.Log.Log(msgShutdown, e.schedule.Len())
	return err
}
