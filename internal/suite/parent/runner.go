package parent

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/config"
	"bundy/internal/suite/host"
	"bundy/internal/suite/schema"
)

const (
	// prepareLimit is how long a module may take to check a candidate: it may read zones or leases for it.
	prepareLimit = time.Minute

	// finishLimit bounds the wait for a module that swaps pointers.
	finishLimit = 10 * time.Second
)

// runner reaches the running modules for the configuration manager, through the hosts of their processes.
type runner struct {
	hub    *bus.Hub
	conn   *bus.Conn
	ticket atomic.Uint64
}

var _ config.Runner = (*runner)(nil)

// Running implements config.Runner.
func (r *runner) Running() []string {
	var names []string
	for _, name := range r.hub.Modules() {
		if module, ok := strings.CutPrefix(name, host.ModuleName("")); ok {
			names = append(names, module)
		}
	}
	return names
}

// Prepare implements config.Runner.
func (r *runner) Prepare(ctx context.Context, module string, doc schema.Document) (config.Prepared, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encode configuration of %s: %w", module, err)
	}
	p := prepared{r.conn, host.ModuleName(module), strconv.FormatUint(r.ticket.Add(1), 10)}
	ctx, cancel := context.WithTimeout(ctx, prepareLimit)
	defer cancel()
	err = r.conn.Call(ctx, p.module, host.CommandPrepare, host.PrepareArgs{Ticket: p.ticket, Document: text}, nil)
	if err != nil && ctx.Err() != nil {
		// The module may have prepared it just too late. It gives up by itself when this does not arrive.
		_ = p.Discard(context.WithoutCancel(ctx))
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

type prepared struct {
	conn           *bus.Conn
	module, ticket string
}

func (p prepared) Apply(ctx context.Context) error   { return p.finish(ctx, host.CommandApply) }
func (p prepared) Discard(ctx context.Context) error { return p.finish(ctx, host.CommandDiscard) }

func (p prepared) finish(ctx context.Context, command string) error {
	ctx, cancel := context.WithTimeout(ctx, finishLimit)
	defer cancel()
	return p.conn.Call(ctx, p.module, command, host.TicketArgs{Ticket: p.ticket}, nil)
}
