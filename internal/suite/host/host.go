package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/config"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/sockets"
)

// Options are what a host is given.
type Options struct {
	Process string               // its name, as "bundy-dns"
	Table   []*module.Descriptor // all components of the binary
	Bus     *bus.Conn
	Sockets func(component string) sockets.Source
	Paths   paths.Paths
	Log     *logging.Root // nil: nothing is logged
	OwnLog  bool          // the section Logging is put in force here, not by another host of the same process

	// Document fetches the stored configuration.
	Document func(ctx context.Context) (schema.Document, error)

	// Ended is called when a component ended without being told to.
	Ended func(component string, reason error)
}

// Host runs components.
type Host struct {
	options Options
	log     *logging.Logger
	quit    chan struct{}
	stuck   chan error // a component that failed and does not end
	once    sync.Once

	mu        sync.Mutex
	instances map[string]*instance // by component
	closed    bool
}

// New makes a host without components.
func New(o Options) *Host {
	h := &Host{options: o, quit: make(chan struct{}), stuck: make(chan error, 1), instances: make(map[string]*instance)}
	h.log = h.logger("Init")
	return h
}

func (h *Host) logger(name string) *logging.Logger {
	if h.options.Log == nil {
		return nil
	}
	return h.options.Log.Logger(name)
}

// Run answers the supervisor until ctx ends, the command shutdown arrives, or the command channel ends. Then it stops
// the components; only in the last case at once, and with an error. A component that failed and does not end is an
// error as well: the process is not fit to start it again.
func (h *Host) Run(ctx context.Context) error {
	defer h.Follow()()
	leave, err := h.enter(ctx)
	defer leave()
	if err != nil && ctx.Err() == nil { // else it was told to stop meanwhile, and some components may run by now
		return errors.Join(fmt.Errorf("%s: %w", h.options.Process, err), h.StopAll())
	}
	var stuck error
	select {
	case <-ctx.Done():
	case <-h.quit:
	case stuck = <-h.stuck:
	case <-h.options.Bus.Done():
		return h.options.Bus.Err()
	}
	err = errors.Join(stuck, h.StopAll())
	if lost := h.options.Bus.Lost(); lost > 0 {
		h.log.Log(msgEventsLost, lost)
	}
	return err
}

// enter configures the log and tells the supervisor that this process takes commands, until leave is called.
func (h *Host) enter(ctx context.Context) (leave func(), err error) {
	leave = func() {}
	if err := h.ConfigureLog(ctx); err != nil {
		return leave, err
	}
	unregister, err := h.register(ctx)
	if err != nil {
		return leave, err
	}
	return unregister, h.options.Bus.Call(ctx, SupervisorName, CommandAnnounce, ProcessArgs{h.options.Process}, nil)
}

// register takes the process's name on the command channel, which the one that died before may still hold.
func (h *Host) register(ctx context.Context) (func(), error) {
	deadline := time.Now().Add(announceLimit)
	for {
		unregister, err := h.options.Bus.Register(ctx, ProcessName(h.options.Process), h.command)
		if err == nil || time.Now().After(deadline) {
			return unregister, err
		}
		select {
		case <-time.After(announcePause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (h *Host) command(ctx context.Context, command string, raw json.RawMessage) (any, error) {
	var args ComponentArgs
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &args); err != nil {
			return nil, fmt.Errorf("%s: %w", command, err)
		}
	}
	switch command {
	case CommandStart:
		return nil, h.Start(ctx, args.Component)
	case CommandStop:
		return nil, h.Stop(ctx, args.Component)
	case CommandShutdown:
		h.once.Do(func() { close(h.quit) })
		return nil, nil
	}
	return nil, &bus.Error{Code: 2, Text: "unknown command " + command}
}

// Start runs a component and returns when it serves. When it does not get that far, the error tells why and nothing
// of it is left.
func (h *Host) Start(ctx context.Context, component string) error {
	d := h.find(component)
	if d == nil || d.New == nil {
		return fmt.Errorf("no component %s in this program", component)
	}
	i := newInstance(h, d)
	h.mu.Lock()
	_, running := h.instances[component]
	if !running && !h.closed {
		h.instances[component] = i
	}
	closed := h.closed
	h.mu.Unlock()
	switch {
	case closed:
		return fmt.Errorf("%s: the process is stopping", h.options.Process)
	case running:
		return fmt.Errorf("%s is running already", component)
	}
	return i.start(ctx)
}

// Stop ends a component and returns when it has ended. One that does not run is no error.
func (h *Host) Stop(ctx context.Context, component string) error {
	h.mu.Lock()
	i := h.instances[component]
	h.mu.Unlock()
	if i == nil {
		return nil
	}
	return i.stop(ctx)
}

// StopAll ends all components at once, and no more can be started.
func (h *Host) StopAll() error {
	h.mu.Lock()
	h.closed = true
	list := make([]*instance, 0, len(h.instances))
	for _, i := range h.instances {
		list = append(list, i)
	}
	h.mu.Unlock()
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for n, i := range list {
		wg.Go(func() { errs[n] = i.stop(context.Background()) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (h *Host) find(component string) *module.Descriptor {
	for _, d := range h.options.Table {
		if d.Component == component && !d.Virtual {
			return d
		}
	}
	return nil
}

func (h *Host) forget(i *instance) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.instances[i.descriptor.Component] == i {
		delete(h.instances, i.descriptor.Component)
	}
}

// Follow keeps every component and the log at the stored configuration until cancel is called. Run does this itself.
func (h *Host) Follow() (cancel func()) {
	return h.options.Bus.Subscribe(config.EventChanged, func(json.RawMessage) { h.catchUp() })
}

// catchUp reaches the components that the configuration manager did not, as they were just starting.
func (h *Host) catchUp() {
	ctx, cancel := context.WithTimeout(context.Background(), bus.DefaultTimeout)
	defer cancel()
	if err := h.ConfigureLog(ctx); err != nil {
		h.log.Log(msgConfigGetFailed, err)
	}
	h.mu.Lock()
	list := make([]*instance, 0, len(h.instances))
	for _, i := range h.instances {
		list = append(list, i)
	}
	h.mu.Unlock()
	for _, i := range list {
		i.catchUp()
	}
}

// ConfigureLog puts the stored section Logging in force, if the log is this host's to configure.
func (h *Host) ConfigureLog(ctx context.Context) error {
	if !h.options.OwnLog || h.options.Log == nil {
		return nil
	}
	doc, err := h.options.Document(ctx)
	if err != nil {
		return fmt.Errorf("configuration of the log: %w", err)
	}
	c, err := config.LoggingConfig(doc)
	if err != nil {
		return fmt.Errorf("configuration of the log: %w", err)
	}
	return h.options.Log.Configure(c)
}
