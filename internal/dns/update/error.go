package update

import (
	"errors"
	"fmt"

	"bundy/internal/dns/wire"
)

// Error is why a request was refused: the rcode for its reply and a text for the log. The text holds names and types
// of the request in escaped form.
type Error struct {
	Rcode wire.Rcode
	Text  string
}

func (e *Error) Error() string { return e.Rcode.String() + ": " + e.Text }

// Rcode gives the response code for what Parse or Evaluate returned: NOERROR for nil, that of an Error, and SERVFAIL
// for any other error.
func Rcode(err error) wire.Rcode {
	var refusal *Error
	switch {
	case err == nil:
		return wire.RcodeNoError
	case errors.As(err, &refusal):
		return refusal.Rcode
	}
	return wire.RcodeServFail
}

func refuse(code wire.Rcode, format string, args ...any) *Error {
	return &Error{Rcode: code, Text: fmt.Sprintf(format, args...)}
}
