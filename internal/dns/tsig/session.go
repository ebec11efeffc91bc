package tsig

import (
	"crypto/hmac"
	"encoding/binary"
	"fmt"
	"time"

	"bundy/internal/dns/wire"
)

// Fudge is how many seconds the clocks of both sides may differ for messages that we sign.
const Fudge = 300

// Session is one signed request and its response: on the server's side made by Verify, on the client's by SignRequest.
// It is immutable.
type Session struct {
	key        Key // with the name and algorithm as the request spelled them; no secret when the key is unknown
	requestMAC []byte
	status     wire.Rcode // the TSIG error that the response must carry
	time       uint64     // when the request was signed, by its sender's clock
}

// Key is the name of the request's key, in lower case. Only a session that came without an error says who asked.
func (s *Session) Key() wire.Name { return s.key.Name.Lower() }

// Verify looks for a signature on a request. A message without one comes back as it is with a nil Session. A verified
// one comes back as a new slice without its TSIG record, with the id it arrived with (a forwarder may have changed the
// id: the digest was made with the original one, the reply must carry the present one).
//
// The error is always a *Error. Unless it is FORMERR, the session comes with it, and signs the error reply as the
// error wants: without MAC for BADKEY and BADSIG, with MAC for BADTRUNC, with MAC and our time for BADTIME (RFC 8945
// section 5.2). A good MAC that is shorter than the key says is BADTRUNC.
func (r *Ring) Verify(msg []byte, now time.Time) (body []byte, s *Session, err error) {
	off, bad := find(msg)
	if bad != nil {
		return nil, nil, bad
	}
	if off < 0 {
		return msg, nil, nil
	}
	rec, bad := parse(msg, off)
	if bad != nil {
		return nil, nil, bad
	}
	key, known := r.Find(rec.name)
	s = &Session{key: Key{Name: rec.name, Algorithm: rec.algorithm, Secret: key.Secret, Bits: key.Bits}, time: rec.time}
	if !known {
		return nil, s.fail(wire.RcodeBadKey), refused(wire.RcodeBadKey, "no key %s", rec.name)
	}
	if !key.Algorithm.Equal(rec.algorithm) {
		return nil, s.fail(wire.RcodeBadKey), refused(wire.RcodeBadKey, "key %s is not for %s", rec.name, rec.algorithm)
	}
	body = strip(msg, off)
	s.requestMAC = append([]byte(nil), rec.mac...)
	if bad := s.checkMAC(nil, body, rec); bad != nil {
		if bad.Rcode == wire.RcodeFormErr {
			return nil, nil, bad
		}
		return nil, s.fail(bad.TSIG), bad
	}
	if !inTime(rec, now) {
		return nil, s.fail(wire.RcodeBadTime), badTime(rec.time, uint64(rec.fudge), now)
	}
	return body, s, nil
}

func (s *Session) fail(code wire.Rcode) *Session {
	s.status = code
	return s
}

// Sign adds the TSIG record of the response to the message of the session's request, in the way of append: msg may
// be changed and its room used. It fails when the result would be longer than a message can be.
func (s *Session) Sign(msg []byte, now time.Time) ([]byte, error) {
	rec := record{name: s.key.Name, algorithm: s.key.Algorithm, time: unix48(now), fudge: Fudge, err: s.status}
	switch s.status {
	case wire.RcodeBadKey, wire.RcodeBadSig:
		return seal(msg, rec, nil)
	case wire.RcodeBadTime:
		rec.time, rec.other = s.time, append48(nil, unix48(now))
	}
	return seal(msg, rec, func(rec *record) { rec.mac = s.key.cut(s.digest(s.requestMAC, msg, *rec)) })
}

// SignRequest adds a TSIG record to a request, in the way of append, and gives the session that verifies its response.
func SignRequest(msg []byte, key Key, now time.Time) ([]byte, *Session, error) {
	if err := key.check(); err != nil {
		return nil, nil, err
	}
	s := &Session{key: Key{Name: key.Name.Lower(), Algorithm: key.Algorithm.Lower(), Secret: key.Secret, Bits: key.Bits}, time: unix48(now)}
	rec := record{name: s.key.Name, algorithm: s.key.Algorithm, time: s.time, fudge: Fudge}
	out, err := seal(msg, rec, func(rec *record) {
		s.requestMAC = s.key.cut(s.digest(nil, msg, *rec))
		rec.mac = s.requestMAC
	})
	if err != nil {
		return nil, nil, err
	}
	return out, s, nil
}

// VerifyResponse checks the response to the request of SignRequest and gives it back as a new slice without its TSIG
// record. Errors: ErrUnsigned when it has none; a *Error when the signature is bad, or when it is good (or, with
// BADKEY and BADSIG, cannot be made: then nothing proves who sent it) and reports that the server refused ours.
func (s *Session) VerifyResponse(msg []byte, now time.Time) (body []byte, err error) {
	body, _, err = s.verifyResponse(msg, now)
	return body, err
}

func (s *Session) verifyResponse(msg []byte, now time.Time) (body []byte, rec record, err error) {
	off, bad := find(msg)
	if bad != nil {
		return nil, rec, bad
	}
	if off < 0 {
		return nil, rec, ErrUnsigned
	}
	if rec, err = s.recordOf(msg, off); err != nil {
		return nil, rec, err
	}
	body = strip(msg, off)
	if bad := s.checkMAC(s.requestMAC, body, rec); bad != nil {
		return nil, rec, bad
	}
	return body, rec, judge(rec, now)
}

// recordOf reads the TSIG record of a response. An error is of one that is none of the session's, or that reports that the
// server refused our signature.
func (s *Session) recordOf(msg []byte, off int) (record, error) {
	rec, bad := parse(msg, off)
	if bad != nil {
		return rec, bad
	}
	if !rec.name.Equal(s.key.Name) || !rec.algorithm.Equal(s.key.Algorithm) {
		return rec, refused(wire.RcodeBadKey, "response signed with key %s (%s), not with %s", rec.name, rec.algorithm, s.key)
	}
	if len(rec.mac) == 0 && (rec.err == wire.RcodeBadKey || rec.err == wire.RcodeBadSig) {
		return rec, reported(rec)
	}
	return rec, nil
}

// judge takes what a record with a good MAC says.
func judge(rec record, now time.Time) error {
	switch {
	case !inTime(rec, now):
		return badTime(rec.time, uint64(rec.fudge), now)
	case rec.err != wire.RcodeNoError:
		return reported(rec)
	}
	return nil
}

// strip copies the message up to its TSIG record.
func strip(msg []byte, off int) []byte {
	body := append([]byte(nil), msg[:off]...)
	binary.BigEndian.PutUint16(body[10:], binary.BigEndian.Uint16(body[10:])-1)
	return body
}

// checkMAC compares the record's MAC with the one of body, in constant time.
func (s *Session) checkMAC(requestMAC, body []byte, rec record) *Error {
	return s.compare(s.digest(requestMAC, body, rec), rec)
}

// compare compares the record's MAC with what it ought to be.
func (s *Session) compare(want []byte, rec record) *Error {
	n := len(rec.mac)
	switch {
	case n > len(want):
		return malformed("the MAC is longer than the digest")
	case n < max(minMAC, len(want)/2): // RFC 8945 section 5.2.2.1
		return malformed("the MAC is too short")
	case !hmac.Equal(want[:n], rec.mac):
		return refused(wire.RcodeBadSig, "signature of key %s does not fit", rec.name)
	case n < len(s.key.cut(want)):
		return refused(wire.RcodeBadTrunc, "signature of key %s has %d octets, fewer than %d", rec.name, n, len(s.key.cut(want)))
	}
	return nil
}

// minMAC is the shortest MAC that can be one, whatever the algorithm.
const minMAC = 10

// digest is the MAC over the request's MAC (for a response), the message without TSIG under its original id, and the
// TSIG variables (RFC 8945 section 4.3).
func (s *Session) digest(requestMAC, msg []byte, rec record) []byte {
	h := s.key.mac()
	var buf [2]byte
	if requestMAC != nil {
		binary.BigEndian.PutUint16(buf[:], uint16(len(requestMAC)))
		h.Write(buf[:])
		h.Write(requestMAC)
	}
	binary.BigEndian.PutUint16(buf[:], rec.originalID)
	h.Write(buf[:])
	h.Write(msg[2:])
	vars := make([]byte, 0, len(rec.name)+len(rec.algorithm)+6+fixedRDATA+len(rec.other))
	vars = append(vars, rec.name.Lower()...)
	vars = binary.BigEndian.AppendUint16(vars, uint16(wire.ClassANY))
	vars = binary.BigEndian.AppendUint32(vars, 0)
	vars = append(vars, rec.algorithm.Lower()...)
	vars = append48(vars, rec.time)
	vars = binary.BigEndian.AppendUint16(vars, rec.fudge)
	vars = binary.BigEndian.AppendUint16(vars, uint16(rec.err))
	vars = binary.BigEndian.AppendUint16(vars, uint16(len(rec.other)))
	vars = append(vars, rec.other...)
	h.Write(vars)
	return h.Sum(nil)
}

// seal gives rec the id of msg, lets fill compute the MAC, and appends it.
func seal(msg []byte, rec record, fill func(*record)) ([]byte, error) {
	if len(msg) < wire.HeaderSize {
		return nil, fmt.Errorf("sign a message of %d bytes: shorter than its header", len(msg))
	}
	rec.originalID = binary.BigEndian.Uint16(msg)
	if fill != nil {
		fill(&rec)
	}
	if len(msg)+rec.size() > wire.MaxMessage {
		return nil, fmt.Errorf("sign a message of %d bytes: with its signature longer than %d", len(msg), wire.MaxMessage)
	}
	return rec.appendTo(msg), nil
}

func inTime(rec record, now time.Time) bool {
	n := unix48(now)
	return n <= rec.time+uint64(rec.fudge) && rec.time <= n+uint64(rec.fudge)
}

// unix48 is the time in the 48 bits that a TSIG has for it.
func unix48(now time.Time) uint64 { return uint64(now.Unix()) & (1<<48 - 1) }
