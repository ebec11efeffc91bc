package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
)

const (
	// catchUpLimit bounds the work to bring a component to a configuration that it missed.
	catchUpLimit = time.Minute

	// abandonAfter frees a component whose change was neither applied nor discarded. The configuration manager lives
	// in the parent, whose end is ours too, so this is only reached when the command channel lost a message.
	abandonAfter = 2 * time.Minute
)

// change answers the configuration manager under the module's private name.
func (i *instance) change(ctx context.Context, command string, raw json.RawMessage) (any, error) {
	if command == CommandPrepare {
		var args PrepareArgs
		if err := json.Unmarshal(raw, &args); err != nil {
			return nil, fmt.Errorf("prepare: %w", err)
		}
		doc, err := ParseDocument(args.Document)
		if err != nil {
			return nil, fmt.Errorf("prepare: %w", err)
		}
		return nil, i.prepare(ctx, args.Ticket, doc)
	}
	var args TicketArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	switch command {
	case CommandApply:
		return nil, i.finish(args.Ticket, true)
	case CommandDiscard:
		return nil, i.finish(args.Ticket, false)
	}
	return nil, &bus.Error{Code: 2, Text: "unknown command " + command}
}

// ParseDocument reads an encoded document.
func ParseDocument(text []byte) (schema.Document, error) {
	value, err := schema.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	sections, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("document: not a map")
	}
	doc := make(schema.Document, len(sections))
	for name, value := range sections {
		section, ok := value.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("document: section %s is not a map", name)
		}
		doc[name] = section
	}
	return doc, nil
}

func (i *instance) prepare(ctx context.Context, ticket string, doc schema.Document) error {
	select {
	case <-i.turn:
	case <-i.done:
		return bus.ErrNotRunning
	case <-ctx.Done():
		return fmt.Errorf("another change of %s is under way: %w", i.descriptor.Spec.Name, ctx.Err())
	}
	p, err := i.try(ctx, ticket, i.part(doc))
	if err == nil && ctx.Err() != nil { // nobody waits for the answer, so nobody would apply or discard
		p.change.Discard()
		err = ctx.Err()
	}
	if err != nil {
		i.turn <- struct{}{}
		return err
	}
	i.mu.Lock()
	i.prepared = p
	i.mu.Unlock()
	time.AfterFunc(abandonAfter, func() { _ = i.finish(ticket, false) }) // an error is the usual case: it was finished
	return nil
}

func (i *instance) try(ctx context.Context, ticket string, doc schema.Document) (*prepared, error) {
	p := &prepared{ticket: ticket, doc: doc}
	err := i.protect(func() (err error) {
		p.change, err = i.component.Prepare(ctx, doc)
		return err
	})
	if err != nil {
		return nil, err
	}
	if p.change == nil {
		p.change = module.Swap(nil, nil)
	}
	return p, nil
}

// finish applies or discards what was prepared under the ticket and gives the turn back.
func (i *instance) finish(ticket string, apply bool) error {
	i.mu.Lock()
	p := i.prepared
	if p == nil || p.ticket != ticket {
		i.mu.Unlock()
		return fmt.Errorf("%s: no change %s is prepared", i.descriptor.Spec.Name, ticket)
	}
	i.prepared = nil
	i.mu.Unlock()
	defer func() { i.turn <- struct{}{} }()
	return i.protect(func() error {
		if apply {
			p.change.Apply()
			i.doc = p.doc
		} else {
			p.change.Discard()
		}
		return nil
	})
}

// giveUp discards what a component that ended had prepared.
func (i *instance) giveUp() {
	i.mu.Lock()
	p := i.prepared
	i.mu.Unlock()
	if p != nil {
		_ = i.finish(p.ticket, false) // an error means that the manager was quicker
	}
}

// catchUp brings the component to the stored configuration if it was given another one. When it refuses that, it
// fails: the supervisor then starts it anew from the stored configuration, and the reason is in the log.
func (i *instance) catchUp() {
	select {
	case <-i.ready:
	default:
		return // start does it
	}
	ctx, cancel := context.WithTimeout(i.ctx, catchUpLimit)
	defer cancel()
	select {
	case <-i.turn:
	case <-i.done:
		return
	case <-ctx.Done():
		return
	}
	defer func() { i.turn <- struct{}{} }()
	doc, err := i.host.options.Document(ctx)
	if i.ctx.Err() != nil {
		return // it is being stopped, perhaps by the same commit
	}
	if err != nil {
		i.host.log.Log(msgConfigGetFailed, err)
		return
	}
	if doc = i.part(doc); same(i.doc, doc) {
		return
	}
	p, err := i.try(ctx, "", doc)
	if err != nil {
		i.fail(fmt.Errorf("stored configuration refused: %w", err))
		return
	}
	if err := i.protect(func() error { p.change.Apply(); return nil }); err == nil {
		i.doc = doc
	}
}
