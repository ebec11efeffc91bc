package auth

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"bundy/internal/dns/acl"
	"bundy/internal/dns/authority"
	"bundy/internal/dns/ratelimit"
	"bundy/internal/dns/server"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/stats"
)

const (
	// minUDP is the smallest limit of a datagram (RFC 1035 section 4.2.1), whatever the client says.
	minUDP = 512
	// tsigRoom is the largest TSIG record without the key's name: ten octets before the RDATA, the longest name of an
	// algorithm, the fixed fields, a MAC of SHA-512 and six octets of other data (RFC 8945 section 4.2).
	tsigRoom = 10 + 26 + 16 + 64 + 6
	// handlerTime is how long after the start an update handler may still come: the component that has it is started
	// after this one.
	handlerTime = 5 * time.Second

	// strangerLines a second, after a burst, is what clients without a good signature can write into the log.
	strangerLines = 1
	strangerBurst = 20
)

// responder answers messages from the zones of an authority. It owns the memory that it works in; with signatures and
// the logging of debug messages left out it allocates nothing.
type responder struct {
	authority *authority.Authority
	log       *logging.Logger
	now       func() time.Time
	count     *stats.Shard
	zones     *zoneStatistics
	shard     int // of zones
	lastZone  counted
	policies  *atomic.Pointer[policy]
	strangers *rate.Limiter // of log lines that anybody can cause
	serving   *atomic.Int64 // since when the component answers, in Unix nanoseconds; nil for long

	stored *storedQueries   // for those that need a zone which is not in memory; nil: answered SERVFAIL
	clerk  *authority.Clerk // of who answers them; the request was counted before

	query   wire.Query
	answer  zone.Answer
	builder wire.Builder
	foresight
	options [maxOptions]byte

	// Of the message at hand.
	policy   *policy
	session  *tsig.Session // nil if it is not signed
	verified bool          // the signature is good
	cookie   cookieState
	reason   wire.ErrorCode // why it is refused, for EDNS; 0 if there is nothing to say
	category ratelimit.Category
	source   wire.Name // what answers like this one are counted by, with the category
	length   int       // of the options of the reply
	client   netip.Addr
	signer   wire.Name              // whose signature is good; "" if there is none
	permits  func(*zone.Entry) bool // permitsZone, made once
}

// countIn lets the responder count in one shard of s.
func (r *responder) countIn(s *statistics) {
	r.zones, r.shard = &s.zones, s.shard()
	r.count = s.shards[r.shard]
}

// Handle answers one message.
func (r *responder) Handle(req *server.Request, out []byte) []byte {
	rcode := r.query.Parse(req.Message)
	r.policy = r.policies.Load()
	r.session, r.verified, r.reason = nil, false, 0
	r.category, r.source = ratelimit.Error, ""
	if r.clerk == nil {
		r.countRequest(req)
	}
	r.checkCookie(req)
	if r.log.Enabled(msgPacket) {
		r.log.Log(msgPacket, req.Client, len(req.Message), r.query.Name, r.query.Type, r.query.Class)
	}
	opcode := r.query.Header.Flags.Opcode()
	switch opcode {
	case wire.OpcodeQuery, wire.OpcodeNotify, wire.OpcodeUpdate:
	default:
		if r.log.Enabled(msgOpcode) {
			r.log.Log(msgOpcode, opcode, req.Client)
		}
		r.reason = wire.ErrorNotSupported
		return r.refuse(req, out, wire.RcodeNotImp)
	}
	if rcode != wire.RcodeNoError {
		if r.asksCookie() {
			return r.giveCookie(req, out)
		}
		return r.malformed(req, out, rcode)
	}
	body := req.Message
	if r.query.TSIG {
		var reply []byte
		if body, reply = r.verify(req, out); body == nil {
			return reply
		}
	}
	if r.clerk == nil {
		r.countEDNS()
	}
	switch opcode {
	case wire.OpcodeNotify:
		return r.notify(req, out)
	case wire.OpcodeUpdate:
		return r.update(req, body, out)
	}
	return r.lookup(req, out)
}

// malformed answers a message that cannot be understood.
func (r *responder) malformed(req *server.Request, out []byte, rcode wire.Rcode) []byte {
	if rcode == wire.RcodeBadVers {
		r.count.Inc(reqBadVers)
	}
	if r.query.Header.Questions != 1 {
		msg := msgBadQuestions
		if r.query.Header.Flags.Opcode() == wire.OpcodeNotify {
			msg = msgNotifyQuestions
		}
		if r.log.Enabled(msg) {
			r.log.Log(msg, req.Client, r.query.Header.Questions)
		}
	}
	if r.log.Enabled(msgProtocol) {
		r.log.Log(msgProtocol, req.Client, rcode)
	}
	return r.refuse(req, out, rcode)
}

// verify checks the signature of a message and gives it without; or no body and the reply that refuses it.
func (r *responder) verify(req *server.Request, out []byte) (body, reply []byte) {
	if r.clerk == nil {
		r.count.Inc(reqTSIG)
	}
	body, session, err := r.authority.Keys().Verify(req.Message, r.now())
	r.session = session
	if r.verified = err == nil; r.verified {
		return body, nil
	}
	r.count.Inc(reqBadSig)
	if r.log.Enabled(msgTSIG) && r.strangers.Allow() {
		r.log.Log(msgTSIG, req.Client, err)
	}
	rcode := wire.RcodeFormErr
	var bad *tsig.Error
	if errors.As(err, &bad) {
		rcode = bad.Rcode
	}
	return nil, r.refuse(req, out, rcode)
}

// notify answers a NOTIFY. All zones are primary here, so there is nothing to fetch; the sender must learn that we have
// heard it, or it would go on sending (RFC 1996 section 3.6).
func (r *responder) notify(req *server.Request, out []byte) []byte {
	q := &r.query
	if q.Type != wire.TypeSOA {
		if r.log.Enabled(msgNotifyType) {
			r.log.Log(msgNotifyType, req.Client, q.Type)
		}
		return r.refuse(req, out, wire.RcodeFormErr)
	}
	if r.authority.Catalog().Get(q.Class, q.Name) == nil {
		if r.log.Enabled(msgNotifyNotAuth) {
			r.log.Log(msgNotifyNotAuth, q.Name, q.Class, req.Client)
		}
		return r.refuse(req, out, wire.RcodeNotAuth)
	}
	if r.log.Enabled(msgNotify) {
		r.log.Log(msgNotify, q.Name, q.Class, req.Client)
	}
	r.category = ratelimit.All
	r.begin(req, out)
	return r.finish(req, out, wire.FlagAA, wire.RcodeNoError, msgNormal)
}

// starting tells whether the update handler may only be late. Who gets NOTIMP then would give up for good.
func (r *responder) starting() bool {
	return r.serving != nil && r.now().Sub(time.Unix(0, r.serving.Load())) < handlerTime
}

// update hands an UPDATE on. The handler must not wait; its reply goes out when it is there.
func (r *responder) update(req *server.Request, body, out []byte) []byte {
	handle := r.authority.UpdateHandler()
	if handle == nil && r.starting() {
		if req.TCP {
			return r.refuse(req, out, wire.RcodeServFail)
		}
		return nil // the client asks again soon
	}
	if handle == nil {
		r.reason = wire.ErrorNotSupported
		return r.refuse(req, out, wire.RcodeNotImp)
	}
	handle(authority.Request{
		Message: append([]byte(nil), body...),
		Client:  req.Client,
		TCP:     req.TCP,
		TSIG:    r.session,
	}, req.Later())
	return nil
}

// lookup answers a question.
func (r *responder) lookup(req *server.Request, out []byte) []byte {
	q := &r.query
	if q.Header.Flags&wire.FlagRD != 0 && r.clerk == nil {
		r.count.Inc(qryRecursion)
	}
	switch r.permit(req) {
	case acl.Accept:
	case acl.Drop:
		r.count.Inc(aclDropped)
		return nil
	default:
		r.count.Inc(aclRejected)
		return r.reject(req, out)
	}
	if r.policy.requireCookie && r.cookie == cookieUnproven && !req.TCP && !r.verified {
		return r.refuse(req, out, wire.RcodeBadCookie)
	}
	switch q.Type {
	case wire.TypeAXFR, wire.TypeIXFR:
		if !req.TCP {
			if r.log.Enabled(msgAXFRUDP) {
				r.log.Log(msgAXFRUDP, q.Name, req.Client)
			}
			return r.refuse(req, out, wire.RcodeFormErr)
		}
		return r.reject(req, out)
	case wire.TypeOPT, wire.TypeTSIG: // types that are never data
		return r.refuse(req, out, wire.RcodeFormErr)
	case wire.TypeTKEY, wire.TypeMAILA, wire.TypeMAILB:
		r.reason = wire.ErrorNotSupported
		return r.refuse(req, out, wire.RcodeNotImp)
	}
	a := &r.answer
	do := q.EDNS.Present && q.EDNS.DO
	if own, ok := r.ownName(); !ok {
		r.authority.Catalog().Lookup(q.Class, q.Name, q.Type, do, a)
		if a.Unread {
			return r.putOff(req, out)
		}
		if r.clerk != nil {
			if err := r.clerk.Done(); err != nil {
				return r.unreadable(req, out, err)
			}
		}
	} else if own != nil {
		own.Lookup(q.Name, q.Type, do, a)
	} else {
		return r.reject(req, out)
	}
	r.classify()
	r.begin(req, out)
	var flags wire.Flags
	if a.AA {
		flags |= wire.FlagAA
	}
	if r.policy.truncateANY && q.Type == wire.TypeANY && a.Answers() > 0 && !r.proven(req) {
		flags |= wire.FlagTC
	} else if a.Write(&r.builder) {
		flags |= wire.FlagTC
		if r.session != nil {
			r.begin(req, out) // a signed reply that says TC is taken for its header only (RFC 8945 section 5.3)
		}
	}
	reply := r.finish(req, out, flags, a.Rcode, msgNormal)
	if reply != nil {
		r.countAnswer(a)
		r.countZone(a)
	}
	a.Release()
	return reply
}

// proven tells that the client is where it says. An attacker cannot ask in its name.
func (r *responder) proven(req *server.Request) bool {
	return req.TCP || r.verified || r.cookie >= cookieOld
}

// permit asks the access control list of the zone that the question is for.
func (r *responder) permit(req *server.Request) acl.Action {
	r.client, r.signer = req.Client.Addr(), ""
	if r.verified {
		r.signer = r.session.Key()
	}
	var e *zone.Entry
	r.answer.Permits = nil
	if len(r.policy.zones) > 0 {
		e = r.authority.Catalog().ZoneFor(r.query.Class, r.query.Name, r.query.Type)
		if r.permits == nil {
			r.permits = r.permitsZone
		}
		r.answer.Permits = r.permits
	}
	action := r.policy.listOf(e).Decide(r.client, r.signer, acl.Reject)
	if action != acl.Accept && r.log.Enabled(msgRefusedByACL) {
		r.log.Log(msgRefusedByACL, r.query.Name, r.query.Type, r.query.Class, req.Client, action)
	}
	return action
}

// permitsZone tells whether the client may see what is in a zone.
func (r *responder) permitsZone(e *zone.Entry) bool {
	return r.policy.listOf(e).Decide(r.client, r.signer, acl.Reject) == acl.Accept
}

// ownName finds a name of class CH that the configuration speaks for: false if it is none, nil if it shall be refused.
func (r *responder) ownName() (own *zone.Version, ok bool) {
	if r.query.Class != wire.ClassCH {
		return nil, false
	}
	own, ok = r.policy.names[r.query.Name]
	return own, ok
}

// reject answers REFUSED, for the client may not ask this.
func (r *responder) reject(req *server.Request, out []byte) []byte {
	r.reason = wire.ErrorProhibited
	reply := r.refuse(req, out, wire.RcodeRefused)
	if reply != nil {
		r.count.Inc(qryNoAuthAns)
		if r.query.Header.Flags&wire.FlagRD == 0 {
			r.count.Inc(authQryRej)
		}
	}
	return reply
}

// refuse answers with an error, the question and nothing else.
func (r *responder) refuse(req *server.Request, out []byte, rcode wire.Rcode) []byte {
	r.begin(req, out)
	return r.finish(req, out, 0, rcode, msgErrorReply)
}

// begin starts the reply: the question as it came, and room for what ends it.
func (r *responder) begin(req *server.Request, out []byte) {
	limit := wire.MaxMessage
	if !req.TCP {
		limit = min(max(int(r.query.EDNS.Size), minUDP), r.policy.maxUDP)
	}
	r.builder.Reset(out, limit)
	if r.query.EDNS.Present {
		r.setOptions(req)
		r.builder.Reserve(wire.OPTSize + r.length)
	}
	if r.session != nil {
		r.builder.Reserve(len(r.session.Key()) + tsigRoom)
	}
	if r.query.Name != "" && r.query.Header.Flags.Opcode() != wire.OpcodeUpdate {
		r.builder.CopyQuestion(req.Message[wire.HeaderSize:r.query.End])
	}
}

// finish ends the reply with header, OPT and signature. It may hold the reply back.
func (r *responder) finish(req *server.Request, out []byte, flags wire.Flags, rcode wire.Rcode, msg *logging.Message) []byte {
	b, q := &r.builder, &r.query
	switch r.limit(req) {
	case ratelimit.Drop:
		return nil
	case ratelimit.Truncate:
		r.begin(req, out)
		flags |= wire.FlagTC
	}
	flags |= wire.FlagQR | q.Header.Flags&(wire.FlagRD|wire.FlagCD)
	b.SetHeader(q.Header.ID, flags.WithOpcode(q.Header.Flags.Opcode()).WithRcode(rcode))
	if q.EDNS.Present {
		b.Reserve(-wire.OPTSize - r.length)
		b.AddOPT(wire.EDNS{Size: uint16(r.policy.maxUDP), Rcode: rcode, DO: q.EDNS.DO}, r.options[:r.length])
		r.count.Inc(respEDNS0)
	}
	reply := b.Bytes()
	if r.session != nil {
		signed, err := r.session.Sign(reply, r.now())
		if err != nil {
			return nil // cannot be: room was kept. An unsigned reply would be refused
		}
		reply = signed
		r.count.Inc(respTSIG)
	}
	r.count.Inc(responses)
	r.count.Inc(rcodeCounter(rcode))
	if flags&wire.FlagTC != 0 {
		r.count.Inc(respTruncated)
	}
	if r.log.Enabled(msg) {
		r.log.Log(msg, req.Client, len(reply), rcode)
	}
	return reply
}

func (r *responder) countRequest(req *server.Request) {
	c := r.count
	c.Inc(opcodeCounter(r.query.Header.Flags.Opcode()))
	if req.TCP {
		c.Inc(reqTCP)
	} else {
		c.Inc(reqUDP)
	}
	if req.Client.Addr().Is4() {
		c.Inc(reqV4)
	} else {
		c.Inc(reqV6)
	}
}

// countEDNS counts what a message says in EDNS, once its signature, if it has one, is known to be good.
func (r *responder) countEDNS() {
	if e := &r.query.EDNS; e.Present && e.Version == 0 {
		r.count.Inc(reqEDNS0)
		if e.DO {
			r.count.Inc(reqDO)
		}
	}
}

func (r *responder) countAnswer(a *zone.Answer) {
	c := r.count
	if a.AA {
		c.Inc(qryAuthAns)
	} else {
		c.Inc(qryNoAuthAns)
	}
	switch {
	case a.Rcode == wire.RcodeRefused && r.query.Header.Flags&wire.FlagRD == 0:
		c.Inc(authQryRej)
	case a.Rcode != wire.RcodeNoError:
	case a.Answers() > 0:
		c.Inc(qrySuccess)
	case a.AA:
		c.Inc(qryNXRRset)
	default:
		c.Inc(qryReferral)
	}
}
