package config

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
)

const (
	// prepareTimeout bounds how long a commit waits for the modules: one that loads large zones takes its time.
	prepareTimeout = 60 * time.Second

	// applyTimeout bounds how long it waits for a module to answer that it has swapped.
	applyTimeout = 10 * time.Second

	// maxAuthor bounds author and comment of a commit, which every listing of the history repeats.
	maxAuthor = 2000

	// initModule is the module that starts and stops the others.
	initModule = "Init"
)

// commit is all of a commit but the merge. The caller holds the turn.
func (k *Keeper) commit(ctx context.Context, candidate schema.Document, by Author) error {
	if len(by.Name)+len(by.Comment) > maxAuthor {
		return fmt.Errorf("author and comment of a commit may have %d octets", maxAuthor)
	}
	old := k.state.Load()
	changed := changedModules(old.document, candidate)
	if len(changed) == 0 {
		return nil
	}
	for _, name := range changed {
		if section, ok := candidate[name]; ok {
			candidate[name] = withGeneration(section, nextGeneration(old.document[name]))
		}
	}
	if errs := k.validate(candidate, changed); len(errs) > 0 {
		return errors.Join(errs...)
	}
	prepared, err := k.prepare(ctx, candidate, changed)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // whoever asked was told that it failed, so it must not succeed
		k.settle(ctx, prepared, Prepared.Discard)
		return fmt.Errorf("commit given up: %w", err)
	}
	next := &state{number: old.number + 1, document: candidate}
	if err := k.store(old, next, changed, by); err != nil {
		k.options.Log.Log(msgWriteError, err)
		k.settle(ctx, prepared, Prepared.Discard)
		return err
	}
	k.state.Store(next)
	k.apply(ctx, prepared)
	k.options.Log.Log(msgCommitted, next.number, by.Name, changed)
	if err := k.options.Publish(EventChanged, Changed{Number: next.number, Modules: changed}); err != nil {
		k.options.Log.Log(msgPublishError, next.number, err)
	}
	return nil
}

func nextGeneration(s schema.Section) any {
	generation, _ := s[schema.GenerationKey].(int64)
	return generation + 1
}

// validate finds all that is wrong with a candidate: the schema of the sections named (of all when changed is nil), and
// if that is right, the checks of all modules, since a change of one section may break another.
func (k *Keeper) validate(candidate schema.Document, changed []string) []error {
	if changed == nil {
		changed = slices.Sorted(maps.Keys(candidate))
	}
	var errs []error
	for _, name := range changed {
		if d := k.byName[name]; d != nil {
			errs = append(errs, schema.Validate(d.Spec, candidate[name])...)
		}
	}
	if len(errs) > 0 {
		return errs
	}
	for _, d := range k.options.Modules {
		errs = append(errs, runCheck(d, candidate)...)
	}
	return errs
}

// runCheck calls a module's check. One that panics must not end the parent: the candidate is what an operator typed.
func runCheck(d *module.Descriptor, candidate schema.Document) (errs []error) {
	if d.Check == nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			errs = []error{fmt.Errorf("%s: the check of this section failed: %v", d.Spec.Name, r)}
		}
	}()
	return d.Check(candidate)
}

// member is a module that takes part in a commit.
type member struct {
	name string
	Prepared
}

// prepare asks all running modules that a change concerns, at the same time. If one refuses, the others give up what
// they prepared, and the error joins all refusals.
func (k *Keeper) prepare(ctx context.Context, candidate schema.Document, changed []string) ([]member, error) {
	var concerned []*module.Descriptor
	for _, name := range k.options.Runner.Running() {
		if d := k.byName[name]; d != nil && concerns(d, changed) {
			concerned = append(concerned, d)
		}
	}
	prepareCtx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	answers := make([]Prepared, len(concerned))
	errs := make([]error, len(concerned))
	var wg sync.WaitGroup
	for i, d := range concerned {
		wg.Go(func() {
			answers[i], errs[i] = k.options.Runner.Prepare(prepareCtx, d.Spec.Name, visible(d, candidate))
			if errors.Is(errs[i], bus.ErrNotRunning) {
				answers[i], errs[i] = nil, nil // it will read the document when it starts
			}
		})
	}
	wg.Wait()
	var prepared []member
	for i, p := range answers {
		if p != nil && errs[i] == nil {
			prepared = append(prepared, member{concerned[i].Spec.Name, p})
		}
	}
	if err := errors.Join(errs...); err != nil {
		k.settle(ctx, prepared, Prepared.Discard)
		return nil, err
	}
	return prepared, nil
}

func concerns(d *module.Descriptor, changed []string) bool {
	return !d.Virtual && (slices.Contains(changed, d.Spec.Name) ||
		slices.ContainsFunc(d.Watches, func(w string) bool { return slices.Contains(changed, w) }))
}

// apply puts the change in force. Init comes last: it may stop a module that this very commit concerns, which then
// could not answer.
func (k *Keeper) apply(ctx context.Context, prepared []member) {
	isInit := func(m member) bool { return m.name == initModule }
	k.settle(ctx, slices.DeleteFunc(slices.Clone(prepared), isInit), Prepared.Apply)
	if i := slices.IndexFunc(prepared, isInit); i >= 0 {
		k.settle(ctx, prepared[i:i+1], Prepared.Apply)
	}
}

// settle applies or discards, even when whoever asked for the commit has gone meanwhile.
func (k *Keeper) settle(ctx context.Context, prepared []member, do func(Prepared, context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), applyTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for _, m := range prepared {
		wg.Go(func() {
			// One that has ended meanwhile reads the stored document when it starts again.
			if err := do(m.Prepared, ctx); err != nil && !errors.Is(err, bus.ErrNotRunning) {
				k.options.Log.Log(msgBadUpdateResponse, m.name, err)
			}
		})
	}
	wg.Wait()
}

// store makes the new document durable: the revision first, then the document, whose rename decides. If the second
// fails, the revision is taken back; if a crash prevents that, the next start records what it finds.
func (k *Keeper) store(old, next *state, changed []string, by Author) error {
	rev := Revision{Document: next.document, Summary: Summary{
		Number: next.number, Time: k.options.Now().UTC(), Modules: changed, Author: by,
	}}
	if err := k.history.write(rev); err != nil {
		return err
	}
	if err := k.file.write(next.document); err != nil {
		return errors.Join(err, k.file.restore(old.document), k.history.remove(next.number))
	}
	k.history.prune(next.number)
	return nil
}
