package shell

import (
	"errors"
	"fmt"
	"io"

	"bundy/internal/shell/rest"
	"bundy/internal/shell/tree"
)

// The ways in which a command fails. Each is reported in its own form, which scripts know.
type (
	// misuse is a line that cannot be understood; help says how it should look.
	misuse struct{ reason, help string }

	// refused is the answer of a module to a command, as JSON.
	refused struct{ answer string }

	// notCommitted is a commit that the configuration manager or a module refused.
	notCommitted struct{ reason string }

	// stopped is a script that ended early; the reason has been reported.
	stopped struct{}
)

func (e misuse) Error() string       { return e.reason }
func (e refused) Error() string      { return e.answer }
func (e notCommitted) Error() string { return e.reason + "\nConfiguration not committed" }
func (e stopped) Error() string      { return "the script has been stopped" }

// report tells the user why a command failed.
func report(out io.Writer, err error) {
	switch e := err.(type) {
	case misuse:
		fmt.Fprintf(out, "Error!  %s\n%s\n", e.reason, e.help)
	case tree.TypeError:
		fmt.Fprintf(out, "Error!  %s\n", e)
	case refused:
		fmt.Fprintln(out, e.answer)
	case stopped:
	case *rest.ConnectionError:
		fmt.Fprintf(out, "Error:  %v\n", e)
	default:
		fmt.Fprintf(out, "Error: %v\n", err)
	}
}

// lost tells whether the control interface can no longer be reached.
func lost(err error) bool {
	var e *rest.ConnectionError
	return errors.As(err, &e)
}
