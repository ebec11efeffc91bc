package tsig

import (
	"encoding/binary"
	"hash"
	"time"

	"bundy/internal/dns/wire"
)

// maxUnsigned is how many messages in a row may be without signature in a stream (RFC 8945 section 5.3.1).
const maxUnsigned = 99

// Stream verifies a response of several messages, as of a zone transfer (RFC 8945 section 5.3.1). The first one and the last
// are signed, and between them at least every hundredth. A message without signature is proven by the next one with it: what
// came in it counts only when Proven says so. One goroutine owns it.
type Stream struct {
	session  *Session
	digest   hash.Hash // of the last signed message's MAC, and of what came since; nil before the first
	unsigned int       // messages since
}

// Stream makes the verifier of the response to the request of SignRequest.
func (s *Session) Stream() *Stream { return &Stream{session: s} }

// Proven tells whether every message so far was signed, or is proven by one that was.
func (st *Stream) Proven() bool { return st.digest != nil && st.unsigned == 0 }

// Verify takes the next message and gives it back without its TSIG record, if it has one. Errors are those of
// Session.VerifyResponse; ErrUnsigned is for a first message without TSIG, and for too many of them later.
func (st *Stream) Verify(msg []byte, now time.Time) (body []byte, err error) {
	if st.digest == nil {
		body, rec, err := st.session.verifyResponse(msg, now)
		if err != nil {
			return nil, err
		}
		st.begin(rec.mac)
		return body, nil
	}
	off, bad := find(msg)
	if bad != nil {
		return nil, bad
	}
	if off < 0 {
		if st.unsigned++; st.unsigned > maxUnsigned {
			return nil, ErrUnsigned
		}
		st.digest.Write(msg)
		return msg, nil
	}
	rec, err := st.session.recordOf(msg, off)
	if err != nil {
		return nil, err
	}
	body = strip(msg, off)
	head := binary.BigEndian.AppendUint16(nil, rec.originalID)
	st.digest.Write(head)
	st.digest.Write(body[len(head):])
	st.digest.Write(binary.BigEndian.AppendUint16(append48(nil, rec.time), rec.fudge)) // the TSIG timers
	if bad := st.session.compare(st.digest.Sum(nil), rec); bad != nil {
		return nil, bad
	}
	if err := judge(rec, now); err != nil {
		return nil, err
	}
	st.begin(rec.mac)
	return body, nil
}

// begin starts the digest of the next signature with the MAC of the last one.
func (st *Stream) begin(mac []byte) {
	st.digest, st.unsigned = st.session.key.mac(), 0
	st.digest.Write(binary.BigEndian.AppendUint16(make([]byte, 0, wire.HeaderSize), uint16(len(mac))))
	st.digest.Write(mac)
}
