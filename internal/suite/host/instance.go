package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
)

// instance is one run of a component.
type instance struct {
	host       *Host
	descriptor *module.Descriptor
	component  module.Component
	ctx        context.Context
	cancel     context.CancelCauseFunc
	ready      chan struct{}
	done       chan struct{} // closed when Run has returned and the module's names are given up
	err        error         // why it ended; set before done is closed

	// turn holds a token while nobody prepares a change. Who takes it owns doc and prepared.
	turn     chan struct{}
	doc      schema.Document // what the component was last given
	prepared *prepared

	mu      sync.Mutex
	told    bool // to stop: its end is no failure
	serving bool // Start has returned without error: its end is reported
}

// prepared is a change that waits for apply or discard. The turn is held meanwhile.
type prepared struct {
	ticket string
	change module.Change
	doc    schema.Document
}

// errStopped is the cause with which a component is told to stop.
var errStopped = errors.New("stopped by command")

func newInstance(h *Host, d *module.Descriptor) *instance {
	i := &instance{host: h, descriptor: d, ready: make(chan struct{}), done: make(chan struct{}), turn: make(chan struct{}, 1)}
	i.ctx, i.cancel = context.WithCancelCause(context.Background())
	i.turn <- struct{}{}
	return i
}

// start makes the component, runs it, and returns when it serves and answers for its module.
func (i *instance) start(ctx context.Context) error {
	abort := func(err error) error {
		i.cancel(errStopped)
		i.host.forget(i)
		i.err = err
		close(i.done)
		return err
	}
	doc, err := i.host.options.Document(ctx)
	if err != nil {
		return abort(fmt.Errorf("configuration of %s: %w", i.descriptor.Component, err))
	}
	i.doc = i.part(doc)
	err = i.protect(func() (err error) {
		i.component, err = i.descriptor.New(i.doc, module.Deps{
			Bus:     i.host.options.Bus,
			Log:     i.host.logger(i.descriptor.Spec.Name),
			Sockets: i.host.options.Sockets(i.descriptor.Component),
			Paths:   i.host.options.Paths,
		})
		return err
	})
	if err != nil {
		return abort(err)
	}
	go i.run()
	select {
	case <-i.ready:
	case <-i.done:
		return i.outcome()
	case <-ctx.Done():
		err := fmt.Errorf("%s does not serve: %w", i.descriptor.Component, ctx.Err())
		return errors.Join(err, i.stop(context.Background()))
	}
	i.catchUp() // a commit may have passed since the document was fetched
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case <-i.done:
		return i.outcome()
	default:
		i.serving = true // from here on its end is reported
		return nil
	}
}

// outcome is why the component ended; never nil. Only after done.
func (i *instance) outcome() error {
	if i.err == nil {
		return errStopped
	}
	return i.err
}

// run is the life of the component. The module's names are on the command channel from ready to the end.
func (i *instance) run() {
	ready := make(chan struct{})
	var once sync.Once
	ended := make(chan error, 1)
	go func() {
		err := i.protect(func() error {
			return i.component.Run(i.ctx, func() { once.Do(func() { close(ready) }) })
		})
		if err == nil && i.ctx.Err() == nil {
			err = errors.New("ended without being told to")
		}
		ended <- err
	}()
	var err error
	var unregister func()
	select {
	case <-ready:
		if unregister, err = i.register(); err != nil {
			i.fail(err)
			err = errors.Join(err, <-ended)
		} else {
			close(i.ready)
			err = <-ended
		}
	case err = <-ended:
	}
	if cause := context.Cause(i.ctx); cause != nil && !errors.Is(cause, errStopped) {
		err = cause // the panic or the refusal because of which it was told to stop
	}
	i.cancel(errStopped)
	if unregister != nil {
		unregister()
	}
	i.giveUp()
	i.host.forget(i)
	i.mu.Lock()
	i.err = err
	close(i.done)
	report := i.serving && !i.told
	i.mu.Unlock()
	if report {
		if err == nil {
			err = errStopped
		}
		i.host.options.Ended(i.descriptor.Component, err)
	}
}

// stop tells the component to end and waits for it, for StopGrace at most.
func (i *instance) stop(ctx context.Context) error {
	i.mu.Lock()
	i.told = true
	i.mu.Unlock()
	i.cancel(errStopped)
	timer := time.NewTimer(StopGrace)
	defer timer.Stop()
	select {
	case <-i.done:
		if i.err != nil && !errors.Is(i.err, context.Canceled) {
			i.host.log.Log(msgComponentStopFailed, i.descriptor.Component, i.err)
		}
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return fmt.Errorf("%s did not stop within %v", i.descriptor.Component, StopGrace)
}

// fail ends the component for a reason found outside Run. One that panicked may hold a lock that its Run waits for: then
// its process has to go.
func (i *instance) fail(reason error) {
	i.cancel(reason)
	time.AfterFunc(StopGrace, func() {
		select {
		case <-i.done:
			return
		default:
		}
		select {
		case i.host.stuck <- fmt.Errorf("%s failed and did not end within %v: %w", i.descriptor.Component, StopGrace, reason):
		default: // one reason to end is enough
		}
	})
}

// protect turns a panic of the component's code into an error, with the stack in the log.
func (i *instance) protect(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			i.host.log.Log(msgComponentPanic, i.descriptor.Component, value, string(debug.Stack()))
			err = fmt.Errorf("panic: %v", value)
			i.fail(err)
		}
	}()
	return f()
}

// part is what the component may see of a document.
func (i *instance) part(doc schema.Document) schema.Document {
	out := make(schema.Document, 1+len(i.descriptor.Watches))
	for _, name := range append([]string{i.descriptor.Spec.Name}, i.descriptor.Watches...) {
		if section, ok := doc[name]; ok {
			out[name] = section
		}
	}
	return out
}

// same tells whether two documents say the same, whatever commits made them.
func same(a, b schema.Document) bool {
	return reflect.DeepEqual(items(a), items(b))
}

func items(doc schema.Document) schema.Document {
	out := make(schema.Document, len(doc))
	for name, section := range doc {
		section = maps.Clone(section)
		delete(section, schema.VersionKey)
		delete(section, schema.GenerationKey)
		if len(section) > 0 {
			out[name] = section
		}
	}
	return out
}
