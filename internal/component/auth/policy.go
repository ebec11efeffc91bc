package auth

import (
	"fmt"
	"time"

	"bundy/internal/dns/acl"
	"bundy/internal/dns/cookie"
	"bundy/internal/dns/ratelimit"
	"bundy/internal/dns/server"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// policy is how queries are answered, as far as it does not depend on zones. It is immutable once it is in use.
type policy struct {
	streams server.Limits
	maxUDP  int
	queries acl.List
	zones   map[zoneID]acl.List // in the place of queries, by origin in lower case

	truncateANY bool // over UDP, for clients that have not proved where they are

	secrets       []cookie.Secret // configured; none: the server's own
	answerCookie  bool
	requireCookie bool
	jar           *cookie.Jar // nil when no cookies are given

	rates   ratelimit.Limits
	exempt  acl.List
	logOnly bool
	limiter *ratelimit.Limiter // nil when nothing is limited

	identity []byte                      // for NSID; empty when it is not told
	names    map[wire.Name]*zone.Version // of class CH, in lower case; nil refuses
}

// policy reads what does not concern sockets. It makes nothing that costs.
func (c Config) policy() (policy, []error) {
	p := policy{
		streams: server.Limits{
			Receive:     time.Duration(c.TCPTimeout) * time.Millisecond,
			Idle:        time.Duration(c.TCPKeepalive) * time.Millisecond,
			Connections: c.TCPClients,
			PerClient:   c.TCPPerAddress,
		},
		maxUDP:        c.MaxUDP,
		truncateANY:   c.TruncateANY,
		answerCookie:  c.AnswerCookie,
		requireCookie: c.RequireCookie,
		rates:         c.RateLimit.limits(),
		logOnly:       c.RateLimit.LogOnly,
	}
	queries, errs := acl.Parse(c.QueryACL, Name+"/query_acl")
	p.queries = queries
	zones, more := zoneLists(c.Zones)
	p.zones, errs = zones, append(errs, more...)
	exempt, more := acl.Parse(c.RateLimit.Exempt, Name+"/rate_limit/exempt_clients")
	p.exempt, errs = exempt, append(errs, more...)
	for i, text := range c.CookieSecrets {
		s, err := cookie.ParseSecret(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s/cookie_secrets[%d]: %w", Name, i, err))
		}
		p.secrets = append(p.secrets, s)
	}
	return p, append(errs, p.setIdentity(c)...)
}

// zoneLists reads the access control lists of zones.
func zoneLists(zones []Zone) (map[zoneID]acl.List, []error) {
	lists := make(map[zoneID]acl.List, len(zones))
	var errs []error
	for i, z := range zones {
		at := fmt.Sprintf("%s/zones[%d]", Name, i)
		list, bad := acl.Parse(z.QueryACL, at+"/query_acl")
		origin, err := wire.ParseName(z.Origin)
		if err != nil {
			bad = append(bad, fmt.Errorf("%s/origin: %w", at, err))
		}
		class, err := wire.ParseClass(z.Class)
		if err != nil {
			bad = append(bad, fmt.Errorf("%s/class: %w", at, err))
		}
		id := zoneID{class, origin.Lower()}
		if _, twice := lists[id]; twice {
			bad = append(bad, fmt.Errorf("%s: zone %s of class %s stands twice in the list", at, origin, class))
		}
		if len(bad) > 0 {
			errs = append(errs, bad...)
			continue
		}
		lists[id] = list
	}
	return lists, errs
}

// listOf gives the access control list that counts for a zone; e is nil when a name is in none.
func (p *policy) listOf(e *zone.Entry) acl.List {
	if len(p.zones) > 0 && e != nil {
		if list, ok := p.zones[zoneID{e.Class(), e.Key()}]; ok {
			return list
		}
	}
	return p.queries
}

func (r RateLimit) limits() ratelimit.Limits {
	l := ratelimit.Limits{
		Window:     time.Duration(r.Window) * time.Second,
		Slip:       r.Slip,
		IPv4Prefix: r.IPv4Prefix,
		IPv6Prefix: r.IPv6Prefix,
		Table:      r.Table,
	}
	l.PerSecond[ratelimit.Response] = r.Responses
	l.PerSecond[ratelimit.Referral] = r.Referrals
	l.PerSecond[ratelimit.NoData] = r.NoData
	l.PerSecond[ratelimit.NXDomain] = r.NXDomains
	l.PerSecond[ratelimit.Error] = r.Errors
	l.PerSecond[ratelimit.All] = r.All
	return l
}

// inUse gives the policy ready for use. What the one before has counted and handed out stays valid where it can; own is
// the jar of the server's own secret.
func (p policy) inUse(before *policy, own *cookie.Jar) *policy {
	switch {
	case !p.answerCookie:
	case len(p.secrets) > 0:
		p.jar = cookie.NewJar(p.secrets...)
	default:
		p.jar = own
	}
	if before != nil && before.rates == p.rates {
		p.limiter = before.limiter
	} else {
		p.limiter = ratelimit.New(p.rates)
	}
	return &p
}
