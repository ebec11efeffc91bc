package module

import (
	"context"
	"encoding/json"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/sockets"
)

// EventRefresh is published when the operator asks the suite to look again at the files it was given (SIGHUP to the parent):
// components that serve the contents of files read those that have changed. It has no parameters.
const EventRefresh = "refresh"

// Descriptor is one row of the table of components (cmd/bundy). Everything in it but New is a pure function of the
// binary and the paths, so that a module can be shown, configured and checked while it is not running.
type Descriptor struct {
	Component string         // name in Init/components and in the log, as "bundy-auth"
	Special   string         // value of the item special that selects it ("auth"), or ""
	Process   string         // process that hosts it by default, as "bundy-dns"
	Spec      *schema.Module // name ("Auth"), configuration items, commands, statistics
	Virtual   bool           // only a section of the configuration (tsig_keys, Logging, data_sources): never runs

	// Watches names the other sections whose changes the component must see, as "tsig_keys".
	Watches []string

	// Check finds what the schema cannot: it sees the whole candidate document after every section passed its schema,
	// and returns all that is wrong with the module's section, each error beginning with the path of the item. It
	// must be pure: no files, no sockets, no state. It may be nil.
	Check func(doc schema.Document) []error

	// Messages is the module's part of the message catalogue.
	Messages func() []*logging.Message

	// New makes the component from its first configuration. It binds nothing and starts nothing. Nil when Virtual.
	New func(doc schema.Document, deps Deps) (Component, error)
}

// Deps is what a component is given by the suite.
type Deps struct {
	Bus     bus.Client
	Log     *logging.Logger
	Sockets sockets.Source
	Paths   paths.Paths
}

// Component is a module at work. All methods may be called from any goroutine; Prepare and Call only after Run called
// ready and before Run returned; Prepare is never called twice at once.
type Component interface {
	// Run serves until ctx ends, then stops in order and returns nil. It calls ready once, when it serves. An error
	// or a return before ctx ends is a failure of the component.
	Run(ctx context.Context, ready func()) error

	// Prepare checks a candidate configuration against the running state (can the address be bound, can the file be
	// read) and does all that can fail, with no effect that others can see. Exactly one method of the returned
	// change is called afterwards. The document holds the module's own section and those it watches.
	Prepare(ctx context.Context, doc schema.Document) (Change, error)

	// Call runs a command of the module's specification. Arguments have been checked against the specification and
	// hold defaults. The result is encoded as JSON; nil is the empty success. "shutdown" is handled by the host and
	// never arrives here; "getstats" is answered from Stats when the specification lists it.
	Call(ctx context.Context, command string, args map[string]json.RawMessage) (any, error)

	// Stats returns the values of the module's statistics items by item name, encoded as JSON by the caller.
	Stats() map[string]any
}

// Change is a prepared configuration change.
type Change interface {
	Apply()   // swaps the new state in; cannot fail
	Discard() // gives up what Prepare took
}

// Swap makes a Change of two functions; either may be nil.
func Swap(apply, discard func()) Change { return swap{apply, discard} }

type swap struct{ apply, discard func() }

func (s swap) Apply() {
	if s.apply != nil {
		s.apply()
	}
}

func (s swap) Discard() {
	if s.discard != nil {
		s.discard()
	}
}
