package ddns

import (
	"context"
	"errors"

	"bundy/internal/dns/authority"
	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// eventUpdated is published when a zone has changed.
const eventUpdated = "zone_updated"

// updated is the event's parameters.
type updated struct {
	Origin string      `json:"origin"`
	Class  string      `json:"class"`
	Serial zone.Serial `json:"serial"`
}

// carryOut changes the zone and gives the response code. NOERROR is on disk.
func (c *component) carryOut(ctx context.Context, j *job) wire.Rcode {
	var before *zone.Version
	var diff zone.Diff
	err := c.zones.Update(ctx, j.zone.class, j.zone.origin, func(v *zone.Version) (d zone.Diff, err error) {
		d, err = update.Evaluate(v, j.update)
		before, diff = v, d
		return d, err
	})
	if err != nil {
		return c.refuse(j.Client, j.update, err)
	}
	c.done(j.Client, before, diff)
	return wire.RcodeNoError
}

// refuse counts and logs why an update was not carried out, and gives the response code.
func (c *component) refuse(client any, r update.Request, err error) wire.Rcode {
	var refusal *update.Error
	switch {
	case errors.Is(err, authority.ErrNotServed):
		c.counters.Inc(notAuth)
		c.rules.Log(msgNotAuth, client, r.Zone, r.Class)
		return wire.RcodeNotAuth
	case !errors.As(err, &refusal) || refusal.Rcode == wire.RcodeServFail:
		c.counters.Inc(failed)
		c.rules.Log(msgCommitFailed, client, r.Zone, r.Class, err)
		return wire.RcodeServFail
	}
	message, counter := msgProcessingFailed, refused
	switch refusal.Rcode {
	case wire.RcodeNXDomain:
		message, counter = msgNameNotInUse, unmet
	case wire.RcodeYXDomain:
		message, counter = msgNameInUse, unmet
	case wire.RcodeNXRRSet:
		message, counter = msgRRsetMissing, unmet
	case wire.RcodeYXRRSet:
		message, counter = msgRRsetExists, unmet
	case wire.RcodeRefused:
		message = msgZoneInvalid
	}
	c.counters.Inc(counter)
	c.rules.Log(message, client, r.Zone, r.Class, refusal.Text)
	return refusal.Rcode
}

// done counts and logs a change by one request.
func (c *component) done(client any, before *zone.Version, d zone.Diff) {
	c.counters.Inc(applied)
	if len(d.Added) == 0 {
		c.counters.Inc(unchanged)
		return
	}
	c.changed(client, before, d)
}

// changed logs a change of a zone, and tells the suite of it.
func (c *component) changed(client any, before *zone.Version, d zone.Diff) {
	origin, class := before.Origin(), before.Class()
	c.log.Log(msgUpdateDone, client, origin, class, d.To)
	c.warn(before)
	if err := c.bus.Publish(eventUpdated, updated{origin.String(), class.String(), d.To}); err != nil {
		c.log.Log(msgUpdateNotifyFail, "the suite", origin, class, err)
		return
	}
	c.log.Log(msgUpdateNotify, origin, class)
}

// warn logs what is not well with the zone's servers and was well before the change.
func (c *component) warn(before *zone.Version) {
	entry := c.zones.Catalog().Get(before.Class(), before.Origin())
	if entry == nil || !c.rules.Enabled(msgZoneWarning) {
		return
	}
	after := entry.Version()
	if after == nil {
		return
	}
	known := make(map[string]bool)
	for _, f := range before.CheckChange(zone.Diff{}) {
		known[f.Text] = true
	}
	for _, f := range after.CheckChange(zone.Diff{}) {
		if !known[f.Text] {
			c.rules.Log(msgZoneWarning, before.Origin(), before.Class(), f.Text)
		}
	}
}
