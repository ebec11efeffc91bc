package ddns

import (
	"bundy/internal/dns/acl"
	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
)

const (
	// strangerLines a second, after a burst, is what clients without permission can write into the log.
	strangerLines = 10
	strangerBurst = 100
)

// check reads the request and finds whether its client may update its zone: NOERROR if so. It comes before the
// prerequisites, which would tell strangers what is in the zone (guide section 13.3). Without an answer the request is
// to be forgotten.
func (c *component) check(j *job) (code wire.Rcode, answered bool) {
	var err error
	if j.update, err = update.Parse(j.Message); err != nil {
		c.counters.Inc(malformed)
		if c.strangers.AllowN(c.now(), 1) {
			c.log.Log(msgParseFail, j.Client, err)
		}
		return update.Rcode(err), true
	}
	origin := j.update.Zone
	j.zone = zoneID{j.update.Class, origin.Lower()}
	if c.zones.Catalog().Get(j.zone.class, j.zone.origin) == nil {
		c.counters.Inc(notAuth)
		c.rules.Log(msgNotAuth, j.Client, origin, j.zone.class)
		return wire.RcodeNotAuth, true
	}
	var key wire.Name
	shown := "none"
	if j.TSIG != nil {
		key = j.TSIG.Key()
		shown = key.String()
	}
	list := (*c.policies.Load())[j.zone]
	switch list.Decide(j.Client.Addr(), key, acl.Reject) {
	case acl.Accept:
		c.rules.Log(msgApproved, j.Client, origin, j.zone.class)
		return wire.RcodeNoError, true
	case acl.Drop:
		c.counters.Inc(dropped)
		if c.strangers.AllowN(c.now(), 1) {
			c.rules.Log(msgDropped, j.Client, origin, j.zone.class, shown)
		}
		return wire.RcodeNoError, false
	}
	c.counters.Inc(denied)
	if c.strangers.AllowN(c.now(), 1) {
		c.rules.Log(msgDenied, j.Client, origin, j.zone.class, shown)
	}
	return wire.RcodeRefused, true
}
