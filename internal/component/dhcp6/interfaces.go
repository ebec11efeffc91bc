package dhcp6

import (
	"context"

	"bundy/internal/dhcp/netif"
)

// observer serves the configured interfaces that are there, and logs what changes about them.
func (c *component) observer() *netif.Observer {
	log := c.deps.Log
	look := func(ctx context.Context) (netif.Sight, error) {
		set := c.current.Load()
		return c.links.Look(ctx, set.interfaces, set.serverPort)
	}
	return netif.NewObserver(look, netif.News{
		DetectFailed: func(err error) { log.Log(msgDetectFail, err) },
		Absent:       func(entry, reason string) { log.Log(msgInterfaceAbsent, entry, reason) },
		Closed:       func(name string) { log.Log(msgDeactivateInterface, name) },
		Opened:       func(name string) { log.Log(msgActivateInterface, name) },
		Failed:       func(name, reason string) { log.Log(msgOpenSocketFail, name, reason) },
		NothingOpen:  func() { log.Log(msgNoSocketsOpen) },
	})
}
