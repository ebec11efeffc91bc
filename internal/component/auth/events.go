package auth

import (
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// eventLoaded is published when the content of a zone was replaced by something else than a dynamic update, so that
// those who put records into it can see whether they are still there.
const eventLoaded = "zone_loaded"

// loaded is the event's parameters. Origin "." without class means that all zones were loaded.
type loaded struct {
	Origin string      `json:"origin"`
	Class  string      `json:"class,omitempty"`
	Serial zone.Serial `json:"serial"`
}

func (c *component) tellLoaded(origin wire.Name, class wire.Class) {
	e := loaded{Origin: origin.String(), Class: class.String()}
	if entry := c.authority.Catalog().Get(class, origin); entry != nil && entry.Version() != nil {
		e.Serial = entry.Version().Serial()
	}
	c.publish(e)
}

func (c *component) tellAllLoaded() { c.publish(loaded{Origin: wire.Root.String()}) }

func (c *component) publish(e loaded) {
	if err := c.deps.Bus.Publish(eventLoaded, e); err != nil {
		c.log.Log(msgTellFailed, e.Origin, err)
	}
}
