package config

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
)

// Options is what a Keeper stands on.
type Options struct {
	File    string               // the stored document, "bundy-config.db"
	Clear   bool                 // --clear-config: move the file out of the way first
	Modules []*module.Descriptor // all modules of this binary, virtual ones too
	Runner  Runner
	Publish func(event string, params any) error // tells all processes; must not wait
	Log     *logging.Logger
	Now     func() time.Time // nil: time.Now
}

// Keeper is the configuration manager: it owns the stored document and its history. All methods may be called from any
// goroutine; one commit runs at a time.
type Keeper struct {
	options Options
	file    file
	history history
	byName  map[string]*module.Descriptor
	state   atomic.Pointer[state]
	turn    chan struct{} // holds one token; a commit takes it
}

// state is what is committed. It is immutable.
type state struct {
	number   int
	document schema.Document
}

// Open reads the stored document, an empty one if there is no file, and checks it against all modules of the binary.
// Sections of unknown modules are kept. A document that cannot be used is a *FileError: the operator must mend or
// remove the file, and the suite ends with status 2.
func Open(o Options) (*Keeper, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	k := &Keeper{
		options: o, file: file{path: o.File}, history: history{dir: strings.TrimSuffix(o.File, ".db") + ".history"},
		byName: map[string]*module.Descriptor{}, turn: make(chan struct{}, 1),
	}
	k.turn <- struct{}{}
	for _, d := range o.Modules {
		k.byName[d.Spec.Name] = d
	}
	if o.Clear {
		backup, err := k.file.clear()
		if err != nil {
			return nil, err
		}
		if backup != "" {
			o.Log.Log(msgBackedUp, o.File, backup)
		}
	}
	if err := errors.Join(sweep(filepath.Dir(o.File), filepath.Base(o.File)+tempMark), sweep(k.history.dir, "")); err != nil {
		return nil, err
	}
	document, version, err := k.file.read()
	if err != nil {
		o.Log.Log(msgDataReadError, err)
		return nil, err
	}
	o.Log.Log(msgConfigFile, o.File)
	if version < currentVersion {
		o.Log.Log(msgDatabaseUpdate, version, currentVersion)
	}
	for _, name := range slices.Sorted(maps.Keys(document)) {
		if k.byName[name] == nil {
			o.Log.Log(msgUnknownModule, name, o.File)
		}
	}
	if errs := k.validate(document, nil); len(errs) > 0 {
		err := &FileError{Path: o.File, Err: errors.Join(errs...)}
		o.Log.Log(msgDataReadError, err)
		return nil, err
	}
	number, err := k.found(document)
	if err != nil {
		return nil, err
	}
	k.state.Store(&state{number: number, document: document})
	return k, nil
}

// found makes sure that the newest revision of the history is the document that is in force. It is not after the first
// start, after the file was put in place by hand, and when a crash came between the two writes of a commit.
func (k *Keeper) found(document schema.Document) (int, error) {
	newest, err := k.history.newest()
	if err != nil {
		return 0, err
	}
	if newest != nil && schema.Equal(newest.Document, document) {
		return newest.Number, nil
	}
	rev := Revision{Document: document, Summary: Summary{
		Number: 1, Time: k.options.Now().UTC(), Modules: slices.Sorted(maps.Keys(document)),
		Author: Author{Name: "bundy", Comment: "found at start"},
	}}
	if newest != nil {
		rev.Number = newest.Number + 1
		rev.Modules = changedModules(newest.Document, document)
	}
	if err := k.history.write(rev); err != nil {
		return 0, err
	}
	return rev.Number, nil
}

// Document returns the committed document and its number.
func (k *Keeper) Document() (schema.Document, int) {
	s := k.state.Load()
	return s.document, s.number
}

// DocumentFor returns what a module sees: its own section and those that it watches, as far as they are stored, with
// the number of the revision.
func (k *Keeper) DocumentFor(name string) (schema.Document, int, error) {
	d := k.byName[name]
	if d == nil {
		return nil, 0, fmt.Errorf("unknown module %q", name)
	}
	s := k.state.Load()
	return visible(d, s.document), s.number, nil
}

func visible(d *module.Descriptor, document schema.Document) schema.Document {
	out := schema.Document{}
	for _, name := range append([]string{d.Spec.Name}, d.Watches...) {
		if section, ok := document[name]; ok {
			out[name] = section
		}
	}
	return out
}

// History lists the revisions that are kept, the newest first.
func (k *Keeper) History() ([]Summary, error) { return k.history.list() }

// Show returns one revision of the history, and how it differs from the one before.
func (k *Keeper) Show(number int) (Shown, error) {
	rev, err := k.history.read(number)
	if err != nil {
		return Shown{}, err
	}
	shown := Shown{Revision: rev}
	before, err := k.history.read(number - 1)
	if err != nil {
		return shown, nil // the oldest that is kept, or the one before cannot be read: then show what there is
	}
	shown.Changes = schema.Document{}
	for _, name := range changedModules(before.Document, rev.Document) {
		if d := k.byName[name]; d != nil {
			shown.Changes[name] = d.Spec.Diff(before.Document[name], rev.Document[name])
		}
	}
	return shown, nil
}

// Commit lays changes over the document and puts the result in force everywhere, or changes nothing anywhere. Changes
// are sections by module; a nil value removes an item. When it returns nil, the document is durable and every running
// module uses it. Else the error joins everything that was found wrong, with paths.
func (k *Keeper) Commit(ctx context.Context, changes map[string]schema.Section, by Author) error {
	release, err := k.begin(ctx)
	if err != nil {
		return err
	}
	defer release()
	candidate := maps.Clone(k.state.Load().document)
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		d := k.byName[name]
		if d == nil {
			errs = append(errs, fmt.Errorf("%s: unknown module", name))
			continue
		}
		for _, item := range slices.Sorted(maps.Keys(changes[name])) {
			if strings.HasPrefix(item, "_") {
				errs = append(errs, fmt.Errorf("%s/%s: system reserved items cannot be set manually", name, item))
			}
		}
		candidate[name] = d.Spec.Merge(candidate[name], changes[name])
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	return k.commit(ctx, candidate, by)
}

// Rollback puts the document of an earlier revision in force, by a commit of its own that makes a new revision.
func (k *Keeper) Rollback(ctx context.Context, number int, by Author) error {
	rev, err := k.history.read(number)
	if err != nil {
		return err
	}
	release, err := k.begin(ctx)
	if err != nil {
		return err
	}
	defer release()
	if by.Comment == "" {
		by.Comment = fmt.Sprintf("rollback to %d", number)
	}
	// The generations go on: a module must not take a number that it has seen for a document that it has seen.
	candidate := maps.Clone(rev.Document)
	for name, section := range k.state.Load().document {
		candidate[name] = withGeneration(candidate[name], section[schema.GenerationKey])
	}
	return k.commit(ctx, candidate, by)
}

func (k *Keeper) begin(ctx context.Context) (release func(), err error) {
	select {
	case <-k.turn:
		return func() { k.turn <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("another commit is at work: %w", ctx.Err())
	}
}

func withGeneration(s schema.Section, generation any) schema.Section {
	out := maps.Clone(s)
	if out == nil {
		out = schema.Section{}
	}
	if generation == nil {
		delete(out, schema.GenerationKey)
	} else {
		out[schema.GenerationKey] = generation
	}
	return out
}

// changedModules lists the sections that differ, apart from their generations.
func changedModules(a, b schema.Document) []string {
	names := maps.Clone(a)
	maps.Copy(names, b)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(names)), func(name string) bool {
		return schema.Equal(withGeneration(a[name], nil), withGeneration(b[name], nil))
	})
}
