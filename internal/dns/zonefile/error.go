package zonefile

import (
	"errors"
	"fmt"
)

// Error is a finding in a master file. It reads "file:line: what: text".
type Error struct {
	File string
	Line int // counted from 1; where the entry begins; 0 when the file could not be opened
	What string
	Text string // the offending text, quoted and shortened; may be empty
	Err  error  // the cause, when What stands for one; may be nil
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.What)
	if e.Line == 0 {
		s = e.File + ": " + e.What
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrLimit is wrapped by errors about files that exceed a bound of this package.
var ErrLimit = errors.New("limit exceeded")
