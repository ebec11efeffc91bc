package auth

import (
	"time"

	"bundy/internal/dns/cookie"
	"bundy/internal/dns/server"
	"bundy/internal/dns/wire"
)

// maxOptions has room for all options of a reply: NSID, COOKIE, TCP KEEPALIVE and an extended error.
const maxOptions = 4 + maxIdentity + 4 + cookie.Size + 6 + 6

// cookieState is what the cookie of a request proves.
type cookieState uint8

const (
	noCookie       cookieState = iota // there is none, or cookies are not answered
	cookieUnproven                    // the client wants one; where it is, is not known
	cookieOld                         // the client is where it says and needs a new one
	cookieFresh                       // the client is where it says and can keep the one it has
)

// checkCookie looks at the cookie of a request (RFC 7873 section 5.2).
func (r *responder) checkCookie(req *server.Request) {
	r.cookie = noCookie
	sent := r.query.Options.Cookie
	if sent == nil || r.policy.jar == nil || r.query.EDNS.Version != 0 {
		return
	}
	r.count.Inc(reqCookie)
	r.cookie = cookieUnproven
	if valid, fresh := r.policy.jar.Check(sent, req.Client.Addr(), r.now()); valid {
		r.count.Inc(reqGoodCookie)
		r.cookie = cookieOld
		if fresh {
			r.cookie = cookieFresh
		}
	}
}

// asksCookie tells whether a message without a question asks for a cookie only (RFC 7873 section 5.4).
func (r *responder) asksCookie() bool {
	h := &r.query.Header
	return r.cookie != noCookie && !r.query.TSIG && h.Flags.Opcode() == wire.OpcodeQuery &&
		h.Questions == 0 && h.Answers|h.Authorities == 0
}

// giveCookie answers such a message.
func (r *responder) giveCookie(req *server.Request, out []byte) []byte {
	rcode := wire.RcodeNoError
	if r.cookie == cookieUnproven && len(r.query.Options.Cookie) > wire.ClientCookieSize {
		rcode = wire.RcodeBadCookie
	}
	r.begin(req, out)
	return r.finish(req, out, 0, rcode, msgNormal)
}

// setOptions makes the options of the reply to a request with EDNS.
func (r *responder) setOptions(req *server.Request) {
	b := r.options[:0]
	asked := &r.query.Options
	if r.query.EDNS.Version != 0 { // what they mean there is not known
		r.length = 0
		return
	}
	if asked.NSID && len(r.policy.identity) > 0 {
		b = wire.AppendOption(b, wire.OptionNSID, r.policy.identity)
	}
	switch r.cookie {
	case cookieUnproven, cookieOld:
		var whole [cookie.Size]byte
		b = wire.AppendOption(b, wire.OptionCookie, r.policy.jar.Append(whole[:0], asked.Cookie, req.Client.Addr(), r.now()))
	case cookieFresh:
		b = wire.AppendOption(b, wire.OptionCookie, asked.Cookie)
	}
	if asked.Keepalive && req.TCP && r.policy.streams.Idle > 0 {
		req.Stay = true
		b = wire.AppendKeepalive(b, uint16(min(req.Idle/(100*time.Millisecond), 65535)))
	}
	if r.reason != 0 {
		b = wire.AppendError(b, r.reason)
	}
	r.length = len(b)
}
