package auth

import (
	"bundy/internal/dns/acl"
	"bundy/internal/dns/ratelimit"
	"bundy/internal/dns/server"
	"bundy/internal/dns/wire"
)

// classify says of the answer what it is counted as and by, for the limits of rates, and why it is an error.
func (r *responder) classify() {
	a, q := &r.answer, &r.query
	switch {
	case a.Rcode == wire.RcodeNXDomain:
		r.category, r.source = ratelimit.NXDomain, r.zoneName()
	case a.Rcode == wire.RcodeRefused:
		r.reason = wire.ErrorNotAuthoritative
	case a.Rcode == wire.RcodeServFail:
		r.reason = wire.ErrorNotReady
	case a.Rcode != wire.RcodeNoError:
	case a.Answers() > 0:
		r.category, r.source = ratelimit.Response, q.Name
	case a.AA:
		r.category, r.source = ratelimit.NoData, r.zoneName()
	default:
		r.category, r.source = ratelimit.Referral, r.zoneName()
	}
}

// zoneName gives the zone that answered.
func (r *responder) zoneName() wire.Name {
	if r.policy.limiter == nil {
		return ""
	}
	if e := r.authority.Catalog().Find(r.query.Class, r.query.Name); e != nil {
		return e.Origin()
	}
	return r.query.Name
}

// limit says whether the reply at hand goes out. Clients that have proved where they are, are not limited: an attacker
// cannot ask in their name.
func (r *responder) limit(req *server.Request) ratelimit.Verdict {
	p := r.policy
	if p.limiter == nil || req.TCP || r.verified || r.cookie >= cookieOld {
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
