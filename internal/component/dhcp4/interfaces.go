package dhcp4

import (
	"context"

	"bundy/internal/dhcp/netif"
)

// observer serves the configured interfaces that are there, and logs what changes about them.
func (c *component) observer() *netif.Observer {
	log, echo := c.deps.Log, pingOpener{component: c}
	look := func(ctx context.Context) (netif.Sight, error) {
		set := c.current.Load()
		seen, err := c.links.Look(ctx, set.interfaces, set.ports)
		if err == nil && set.ping.timeout > 0 {
			echo.open(ctx)
		}
		return seen, err
	}
	return netif.NewObserver(look, netif.News{
		DetectFailed: func(err error) { log.Log(msgDetectFail, err) },
		Absent:       func(entry, reason string) { log.Log(msgInterfaceAbsent, entry, reason) },
		Closed:       func(name string) { log.Log(msgDeactivateInterface, name) },
		Opened:       func(name string) { log.Log(msgActivateInterface, name) },
		NoFrames:     func(name string, err error) { log.Log(msgNoFrames, name, err) },
		Failed:       func(name, reason string) { log.Log(msgOpenSocketFail, name, reason) },
		NothingOpen:  func() { log.Log(msgNoSocketsOpen) },
	})
}

// pingOpener opens the socket for pings, and remembers what it logged.
type pingOpener struct {
	*component
	failed string
}

func (p *pingOpener) open(ctx context.Context) {
	if err := p.echo.open(ctx, opener{p.deps.Sockets}); err != nil && p.failed != err.Error() {
		p.failed = err.Error()
		p.deps.Log.Log(msgPingFail, "of any client", err)
	}
}
