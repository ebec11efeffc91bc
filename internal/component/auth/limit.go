package auth

import (
	"bundy/internal/dns/acl"
	"bundy/internal/dns/ratelimit"
	"bundy/internal/dns/server"
	"bundy/internal/dns/wire"
)

// classify says of the answer what it is counted as and by, for the limits of rates, and why it is an error. Negative
// answers count for their zone, and those that a wildcard, DNAME or delegation gives to any name below count as one, so
// that an attacker gains nothing by asking for names that nobody asked for before.
func (r *responder) classify() {
	a := &r.answer
	zoneName := wire.Name("")
	if e := a.Zone(); e != nil {
		zoneName = e.Origin()
	}
	r.source = a.Source()
	switch {
	case a.Rcode == wire.RcodeNXDomain:
		r.category, r.source = ratelimit.NXDomain, zoneName
	case a.Rcode == wire.RcodeRefused:
		r.reason = wire.ErrorNotAuthoritative
	case a.Rcode == wire.RcodeServFail:
		r.reason = wire.ErrorNotReady
	case a.Rcode != wire.RcodeNoError:
	case a.Answers() > 0:
		r.category = ratelimit.Response
	case a.AA:
		r.category, r.source = ratelimit.NoData, zoneName
	default:
		r.category = ratelimit.Referral
	}
	if r.source == "" {
		r.source = r.query.Name
	}
}

// limit says whether the reply at hand goes out. Clients that have proved where they are, are not limited.
func (r *responder) limit(req *server.Request) ratelimit.Verdict {
	p := r.policy
	if p.limiter == nil || r.proven(req) {
		return ratelimit.Send
	}
	if p.exempt.Decide(req.Client.Addr(), "", acl.Reject) == acl.Accept {
		return ratelimit.Send
	}
	verdict := p.limiter.Decide(req.Client.Addr(), r.category, r.source, r.query.Type, r.now())
	switch verdict {
	case ratelimit.Send:
		return verdict
	case ratelimit.Drop:
		r.count.Inc(rateDropped)
	case ratelimit.Truncate:
		r.count.Inc(rateTruncated)
	}
	if r.log.Enabled(msgRateLimited) {
		r.log.Log(msgRateLimited, r.query.Name, r.query.Type, r.query.Class, req.Client)
	}
	if p.logOnly {
		return ratelimit.Send
	}
	return verdict
}
