package auth

import (
	"sync/atomic"

	"bundy/internal/dns/server"
	"bundy/internal/dns/wire"
	"bundy/internal/suite/stats"
)

// What is counted for each message: positions in definitions.
const (
	reqV4 = iota
	reqV6
	reqEDNS0
	reqBadVers
	reqTSIG
	reqSIG0
	reqBadSig
	reqUDP
	reqTCP
	reqDO
	reqCookie
	reqGoodCookie
	opQuery
	opIQuery
	opStatus
	opNotify
	opUpdate
	opOther
	responses
	respTruncated
	respEDNS0
	respTSIG
	respSIG0
	qrySuccess
	qryAuthAns
	qryNoAuthAns
	qryReferral
	qryNXRRset
	authQryRej
	qryRecursion
	aclRejected
	aclDropped
	rateTruncated
	rateDropped
	rcodeNoError // to NOTZONE in the order of the codes
)

const (
	rcodeBadVers = rcodeNoError + int(wire.RcodeNotZone) + 1 + iota
	rcodeOther
	// What the sockets count; it is not counted in shards.
	dropped
	tcpRefused
	tcpTimeouts
	udpUnsent
)

// definitions gives the counters. All stand below the entry _SERVER_ of zones, the only one there is.
func definitions() []stats.Definition {
	all := []stats.Definition{
		reqV4:         {Path: "request/v4", Title: "request.v4", Help: "Requests over IPv4."},
		reqV6:         {Path: "request/v6", Title: "request.v6", Help: "Requests over IPv6."},
		reqEDNS0:      {Path: "request/edns0", Title: "request.edns0", Help: "Requests with EDNS version 0."},
		reqBadVers:    {Path: "request/badednsver", Title: "request.badednsver", Help: "Requests answered BADVERS."},
		reqTSIG:       {Path: "request/tsig", Title: "request.tsig", Help: "Requests with TSIG."},
		reqSIG0:       {Path: "request/sig0", Title: "request.sig0", Help: "Always 0."},
		reqBadSig:     {Path: "request/badsig", Title: "request.badsig", Help: "Requests whose TSIG failed."},
		reqUDP:        {Path: "request/udp", Title: "request.udp", Help: "Requests over UDP."},
		reqTCP:        {Path: "request/tcp", Title: "request.tcp", Help: "Requests over TCP."},
		reqDO:         {Path: "request/dnssec_ok", Title: "request.dnssec_ok", Help: "Requests with DO."},
		reqCookie:     {Path: "request/cookie", Title: "request.cookie", Help: "Requests with a DNS cookie, when cookies are answered."},
		reqGoodCookie: {Path: "request/goodcookie", Title: "request.goodcookie", Help: "Requests with a valid server cookie."},
		opQuery:       {Path: "opcode/query", Title: "opcode.query", Help: "Requests with opcode 0."},
		opIQuery:      {Path: "opcode/iquery", Title: "opcode.iquery", Help: "Requests with opcode 1."},
		opStatus:      {Path: "opcode/status", Title: "opcode.status", Help: "Requests with opcode 2."},
		opNotify:      {Path: "opcode/notify", Title: "opcode.notify", Help: "Requests with opcode 4."},
		opUpdate:      {Path: "opcode/update", Title: "opcode.update", Help: "Requests with opcode 5."},
		opOther:       {Path: "opcode/other", Title: "opcode.other", Help: "Requests with any other opcode."},
		responses:     {Path: "responses", Title: "responses", Help: "Responses sent."},
		respTruncated: {Path: "response/truncated", Title: "response.truncated", Help: "Responses with TC."},
		respEDNS0:     {Path: "response/edns0", Title: "response.edns0", Help: "Responses with EDNS version 0."},
		respTSIG:      {Path: "response/tsig", Title: "response.tsig", Help: "Signed responses."},
		respSIG0:      {Path: "response/sig0", Title: "response.sig0", Help: "Always 0."},
		qrySuccess:    {Path: "qrysuccess", Title: "qrysuccess", Help: "Queries answered NOERROR with at least one record in the answer."},
		qryAuthAns:    {Path: "qryauthans", Title: "qryauthans", Help: "Queries answered with AA."},
		qryNoAuthAns:  {Path: "qrynoauthans", Title: "qrynoauthans", Help: "Queries answered without AA."},
		qryReferral:   {Path: "qryreferral", Title: "qryreferral", Help: "Queries answered NOERROR without AA and without answer."},
		qryNXRRset:    {Path: "qrynxrrset", Title: "qrynxrrset", Help: "Queries answered NOERROR with AA and without answer."},
		authQryRej:    {Path: "authqryrej", Title: "authqryrej", Help: "Queries without RD answered REFUSED."},
		qryRecursion:  {Path: "qryrecursion", Title: "qryrecursion", Help: "Queries with RD."},
		aclRejected:   {Path: "aclrejected", Title: "aclrejected", Help: "Queries that query_acl rejected."},
		aclDropped:    {Path: "acldropped", Title: "acldropped", Help: "Queries that query_acl dropped."},
		rateTruncated: {Path: "ratetruncated", Title: "ratetruncated", Help: "Answers truncated by rate_limit, or that would be without log_only."},
		rateDropped:   {Path: "ratedropped", Title: "ratedropped", Help: "Answers dropped by rate_limit, or that would be without log_only."},
		rcodeBadVers:  {Path: "rcode/badvers", Title: "rcode.badvers", Help: "Responses with code BADVERS."},
		rcodeOther:    {Path: "rcode/other", Title: "rcode.other", Help: "Responses with any other code."},
		dropped:       {Path: "dropped", Title: "dropped", Help: "Messages not looked at: responses, and what is too short or too long."},
		tcpRefused:    {Path: "tcprefused", Title: "tcprefused", Help: "TCP connections closed because there were too many."},
		tcpTimeouts:   {Path: "tcptimeouts", Title: "tcptimeouts", Help: "TCP connections closed because the client was too slow."},
		udpUnsent:     {Path: "udpunsent", Title: "udpunsent", Help: "Datagrams that the system would not send."},
	}
	for i, name := range []string{"noerror", "formerr", "servfail", "nxdomain", "notimp", "refused", "yxdomain", "yxrrset", "nxrrset", "notauth", "notzone"} {
		all[rcodeNoError+i] = stats.Definition{Path: "rcode/" + name, Title: "rcode." + name,
			Help: "Responses with code " + wire.Rcode(i).String() + "."}
	}
	for i := range all {
		all[i].Path = "zones/<_SERVER_>/" + all[i].Path
	}
	return all
}

// rcodeCounter gives the counter of a response code.
func rcodeCounter(r wire.Rcode) int {
	switch {
	case r <= wire.RcodeNotZone:
		return rcodeNoError + int(r)
	case r == wire.RcodeBadVers:
		return rcodeBadVers
	}
	return rcodeOther
}

// opcodeCounter gives the counter of an opcode.
func opcodeCounter(o wire.Opcode) int {
	switch o {
	case wire.OpcodeQuery:
		return opQuery
	case wire.OpcodeIQuery:
		return opIQuery
	case wire.OpcodeStatus:
		return opStatus
	case wire.OpcodeNotify:
		return opNotify
	case wire.OpcodeUpdate:
		return opUpdate
	}
	return opOther
}

// shardCount is about the number of processors of a large server; handlers beyond it share. Shards are made once,
// since handlers come and go with addresses and connections.
const shardCount = 16

// statistics are the counters of the component.
type statistics struct {
	counters *stats.Counters
	shards   [shardCount]*stats.Shard
	zones    zoneStatistics
	next     atomic.Uint32
}

func newStatistics() *statistics {
	s := &statistics{counters: stats.New(definitions())}
	for i := range s.shards {
		s.shards[i] = s.counters.Shard()
	}
	return s
}

// shard gives the number of the counters for one more handler.
func (s *statistics) shard() int { return int(s.next.Add(1) % shardCount) }

// snapshot gives all values, those of the sockets included.
func (s *statistics) snapshot(c *server.Counters) map[string]any {
	out := s.counters.Snapshot()
	values := out["zones"].(map[string]any)["_SERVER_"].(map[string]any)
	values["dropped"] = c.NotRequest.Load() + c.Oversize.Load()
	values["tcprefused"] = c.Refused.Load()
	values["tcptimeouts"] = c.TimedOut.Load()
	values["udpunsent"] = c.Unsent.Load()
	out["zone_queries"] = s.zones.snapshot()
	return out
}
