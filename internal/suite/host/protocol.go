package host

import (
	"encoding/json"
	"time"
)

// Names that begin with "@" are private to the suite: no operator can reach them.
const (
	// SupervisorName answers Announce and Ended.
	SupervisorName = "@supervisor"

	processPrefix = "@process/"
	modulePrefix  = "@module/"
)

// ProcessName is the name under which a process takes Start, Stop and Shutdown.
func ProcessName(process string) string { return processPrefix + process }

// ModuleName is the name under which a running module takes Prepare, Apply and Discard.
func ModuleName(module string) string { return modulePrefix + module }

// Commands of a process.
const (
	CommandStart    = "start"    // ComponentArgs; answers when the component serves or could not
	CommandStop     = "stop"     // ComponentArgs; answers when the component has ended
	CommandShutdown = "shutdown" // answers at once
)

// Commands of a running module.
const (
	CommandPrepare = "prepare" // PrepareArgs
	CommandApply   = "apply"   // TicketArgs
	CommandDiscard = "discard" // TicketArgs
)

// Commands of the supervisor.
const (
	CommandAnnounce = "announce" // ProcessArgs: the process takes commands
	CommandEnded    = "ended"    // EndedArgs: a component ended without being told to
)

// Limits of time.
const (
	// StopGrace is how long a component may take to stop: long enough to write out what it holds, short enough that
	// an operator waits for it.
	StopGrace = 5 * time.Second

	// StartLimit is how long a component may take until it serves: loading some million records from disk fits.
	StartLimit = 5 * time.Minute

	// announceLimit covers the death of a process of the same name whose connection the hub has not noticed yet.
	announceLimit = 3 * time.Second
	announcePause = 50 * time.Millisecond
)

// ComponentArgs names a component of the table ("bundy-auth").
type ComponentArgs struct {
	Component string `json:"component"`
}

// PrepareArgs is a candidate configuration. The ticket, unique to the commit, is named again by apply or discard.
type PrepareArgs struct {
	Ticket   string          `json:"ticket"`
	Document json.RawMessage `json:"document"`
}

// TicketArgs names what was prepared.
type TicketArgs struct {
	Ticket string `json:"ticket"`
}

// ProcessArgs names a process.
type ProcessArgs struct {
	Process string `json:"process"`
}

// EndedArgs tells how a component ended.
type EndedArgs struct {
	Process   string `json:"process"`
	Component string `json:"component"`
	Reason    string `json:"reason"`
}
