package config

import (
	"context"

	"bundy/internal/suite/schema"
)

// Runner reaches the modules that run. Keeper calls it from one goroutine a commit, Prepare from several.
type Runner interface {
	// Running lists the modules that run and can be asked, by module name ("Auth").
	Running() []string

	// Prepare asks a running module to check a candidate: doc holds its own section and those it watches. It returns
	// when the module has answered; nothing that others can see has changed then. A module that stopped meanwhile is
	// told by an error that wraps bus.ErrNotRunning: the commit goes on without it.
	Prepare(ctx context.Context, module string, doc schema.Document) (Prepared, error)
}

// Prepared is what one module prepared. Exactly one of the methods is called, once. An error says that the module could
// not be told: it has stopped, and reads the stored document when it starts again.
type Prepared interface {
	Apply(ctx context.Context) error
	Discard(ctx context.Context) error
}
