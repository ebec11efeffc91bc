package tsig

import (
	"errors"
	"fmt"
	"time"

	"bundy/internal/dns/wire"
)

// ErrUnsigned is returned for a response without TSIG to a request that had one (RFC 8945 section 5.3.2).
var ErrUnsigned = errors.New("response to a signed request is not signed")

// Error is why a signature was refused.
type Error struct {
	Rcode wire.Rcode // for the header of the reply: FORMERR when the record itself is malformed, else NOTAUTH
	TSIG  wire.Rcode // for the TSIG record of the reply: BADSIG, BADKEY or BADTIME; 0 with FORMERR
	Text  string

	// Reported is set when the server says so of our request, and clear when we say so of a message.
	Reported bool
}

func (e *Error) Error() string {
	switch e.TSIG {
	case wire.RcodeBadSig:
		return "TSIG error BADSIG: " + e.Text
	case wire.RcodeBadKey:
		return "TSIG error BADKEY: " + e.Text
	case wire.RcodeBadTime:
		return "TSIG error BADTIME: " + e.Text
	case wire.RcodeBadTrunc:
		return "TSIG error BADTRUNC: " + e.Text
	case wire.RcodeNoError:
		return "malformed TSIG: " + e.Text
	}
	return fmt.Sprintf("TSIG error %d: %s", e.TSIG, e.Text)
}

func malformed(text string) *Error { return &Error{Rcode: wire.RcodeFormErr, Text: text} }

func refused(code wire.Rcode, format string, args ...any) *Error {
	return &Error{Rcode: wire.RcodeNotAuth, TSIG: code, Text: fmt.Sprintf(format, args...)}
}

func reported(rec record) *Error {
	e := refused(rec.err, "the server says so of key %s", rec.name)
	e.Reported = true
	return e
}

func badTime(signed, fudge uint64, now time.Time) *Error {
	return refused(wire.RcodeBadTime, "signed at %d, it is %d here, and only %d s are allowed between", signed, now.Unix(), fudge)
}
