package logging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxHeld bounds what is kept before the configuration is known.
	maxHeld = 4096

	// fatalWait is how long Log waits for a Fatal message to be written.
	fatalWait = time.Second

	// closeWait is how long Close and Configure wait for a destination that is given up.
	closeWait = 2 * time.Second
)

// Options say what a process logs before, and beside, its configuration. The zero value is useful.
type Options struct {
	Process string // whose log the messages about the log itself are; "bundy" when empty
	Verbose bool   // begin with DEBUG 99 rather than INFO (option -v)
	PID     int    // shown in each line; 0: this process

	Stdout, Stderr io.Writer        // nil: those of the process
	Now            func() time.Time // nil: time.Now
	SyslogSocket   string           // "": where the system has it
}

// Root owns the destinations of one process. Until the first Configure it keeps messages, so that what happened at the
// start appears where the configuration wants it.
type Root struct {
	core    core
	options Options

	mu      sync.Mutex // serialises Configure and Close
	outputs map[OutputConfig]*output
	stderr  *output
	closed  bool
}

// core is what all loggers of a process share.
type core struct {
	pid   int
	now   func() time.Time
	table atomic.Pointer[table] // nil until configured
	tap   func(record)          // of a Recorder; nil otherwise

	mu   sync.Mutex
	held []record // while table is nil
	lost int
}

// New makes the log of a process. Close it before the process ends.
func New(options Options) *Root {
	if options.Process == "" {
		options.Process = "bundy"
	}
	if options.PID == 0 {
		options.PID = os.Getpid()
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	r := &Root{options: options, outputs: map[OutputConfig]*output{}}
	r.core.pid, r.core.now = options.PID, options.Now
	stderr := OutputConfig{Destination: "console", Output: "stderr", Flush: true}
	r.stderr = newOutput(stderr, r.console(options.Stderr, os.Stderr), func(*Message, ...any) {})
	return r
}

// Logger returns the logger of a module, by the module's name ("Auth"), or of a program by its process name.
func (r *Root) Logger(module string) *Logger {
	process := processName(module)
	return &Logger{process: process, library: ownLogger(process), core: &r.core}
}

// Configure puts a configuration in force at once for all loggers; destinations that it shares with the one before stay
// open. A configuration that Check refuses changes nothing. A destination that cannot be opened is not an error: it is
// reported in the log and tried again.
func (r *Root) Configure(c Config) error {
	if errs := c.Check(); len(errs) > 0 {
		return errors.Join(errs...)
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return errors.New("logging: configured after it was closed")
	}
	t := r.newTable()
	used := map[OutputConfig]*output{}
	for _, l := range c.Loggers {
		e := entry{additive: l.Additive}
		e.threshold, _ = l.threshold(t.start) // Check has seen it
		for _, o := range l.OutputOptions {
			out := r.output(o)
			used[out.options] = out
			e.outputs = append(e.outputs, out)
		}
		t.entries[entryName(l.Name)] = e
	}
	var unused []*output
	for key, o := range r.outputs {
		if used[key] == nil {
			unused = append(unused, o)
			delete(r.outputs, key)
		}
	}
	r.core.use(t)
	r.mu.Unlock()
	closeAll(unused)
	return nil
}

// Flush waits until everything logged so far has been written, or ctx ends.
func (r *Root) Flush(ctx context.Context) error {
	r.mu.Lock()
	outputs := []*output{r.stderr}
	for _, o := range r.outputs {
		outputs = append(outputs, o)
	}
	r.mu.Unlock()
	var errs []error
	for _, o := range outputs {
		if err := o.drain(ctx); err != nil {
			errs = append(errs, fmt.Errorf("log to %s: %w", o.name(), err))
		}
	}
	return errors.Join(errs...)
}

// Close writes what is left, to standard error if no configuration was ever known, and closes all destinations. It does
// not wait long for one that hangs. What is logged later is lost.
func (r *Root) Close() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.closed = true
	if r.core.table.Load() == nil {
		r.core.use(r.newTable())
	}
	outputs := []*output{r.stderr}
	for _, o := range r.outputs {
		outputs = append(outputs, o)
	}
	r.mu.Unlock()
	closeAll(outputs)
}

func closeAll(outputs []*output) {
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	for _, o := range outputs {
		close(o.quit)
	}
	for _, o := range outputs {
		select {
		case <-o.ended:
		case <-ctx.Done():
		}
	}
}

func (r *Root) newTable() *table {
	t := &table{entries: map[string]entry{}, start: threshold{severity: Info}, fallback: r.stderr}
	if r.options.Verbose {
		t.start = threshold{severity: Debug, level: 99}
	}
	return t
}

// entryName turns the name of a logger in the configuration into its name in the table.
func entryName(name string) string {
	module, library, dotted := strings.Cut(name, ".")
	if module != "*" {
		module = processName(module)
	}
	if dotted {
		return module + "." + library
	}
	return module
}

// output returns the destination, the one that is open already if there is one.
func (r *Root) output(options OutputConfig) *output {
	options.Destination = strings.ToLower(options.Destination)
	if o := r.outputs[options]; o != nil {
		return o
	}
	var to writer
	switch options.Destination {
	case "file":
		to = &fileWriter{path: options.Output, maxSize: options.MaxSize, keep: options.MaxVer}
	case "syslog":
		sockets := syslogSockets()
		if r.options.SyslogSocket != "" {
			sockets = []string{r.options.SyslogSocket}
		}
		to = &syslogWriter{sockets: sockets}
	default:
		if options.Output == "stdout" {
			to = r.console(r.options.Stdout, os.Stdout)
		} else {
			to = r.console(r.options.Stderr, os.Stderr)
		}
	}
	o := newOutput(options, to, r.report)
	r.outputs[options] = o
	return o
}

func (r *Root) console(given io.Writer, standard *os.File) writer {
	if given != nil {
		return &consoleWriter{to: given}
	}
	return openConsole(standard)
}

// report tells standard error about a destination, whatever the configuration says: the message must not go to the
// destination it is about.
func (r *Root) report(m *Message, args ...any) {
	rec := record{
		time: r.core.now(), process: processName(r.options.Process), library: "log",
		message: m, text: fill(m.text, args),
	}
	r.stderr.add(rec.appendLine(nil, r.core.pid))
}
