package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrNotRunning is returned (wrapped, with the module's name) by Call when nobody answers for a module.
var ErrNotRunning = errors.New("module unknown or not running")

// Error is a refusal by the called module: code 1 general, 2 no such command (spec: command channel, bodies).
type Error struct {
	Code int
	Text string
}

func (e *Error) Error() string { return e.Text }

// Errorf makes an Error of code 1.
func Errorf(format string, args ...any) *Error {
	return &Error{Code: 1, Text: fmt.Sprintf(format, args...)}
}

// Client is one component's view of the command channel.
type Client interface {
	// Call runs a command of the module named to. args and result are encoded as JSON; either may be nil. A context
	// without deadline gets DefaultTimeout.
	Call(ctx context.Context, to, command string, args, result any) error

	// Publish tells every subscriber of event, in all processes, without waiting. A subscriber whose queue is full
	// loses the oldest event; the loss is counted. Events are hints: the reader opens the store.
	Publish(event string, params any) error

	// Subscribe calls fn for each published event of that name, one at a time, in a goroutine of its own, until
	// cancel is called. After the connection was lost and made again, fn is called with nil params: look anew.
	Subscribe(event string, fn func(params json.RawMessage)) (cancel func())
}
