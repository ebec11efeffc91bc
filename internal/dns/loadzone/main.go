package loadzone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonedb"
	"bundy/internal/dns/zonefile"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/paths"
)

// Notify tells a running server, whose state is in these paths, to look at a zone now.
type Notify func(ctx context.Context, p paths.Paths, class wire.Class, origin wire.Name) error

// Main runs the program with the arguments after its name, and returns its exit status: 0, or 1 when the zone was not
// loaded, checked and found good, exported, or removed. Messages go to stderr, progress and an exported zone to stdout. SIGINT and SIGTERM cancel the load.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer, p paths.Paths, notify Notify) int {
	log := logging.New(logging.Options{Process: "bundy-loadzone", Stderr: stderr})
	defer log.Close()
	l := &loader{log: log.Logger("bundy-loadzone"), stdin: stdin, stdout: stdout, now: time.Now}
	o, err := parse(args, stdout, p)
	switch {
	case errors.Is(err, errHelp):
		return 0
	case err != nil:
		l.log.Log(msgArgument, err)
		return 1
	}
	l.options = o
	if err := log.Configure(console(o.debug)); err != nil {
		l.log.Log(msgArgument, err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends a process that waits for its input
	run, failed := l.run, msgLoadError
	switch {
	case o.export:
		run, failed = l.export, msgExportError
	case o.check:
		run, failed = l.checkFile, msgCheckFailed
	case o.remove:
		run, failed = l.takeOut, msgRemoveError
	}
	if err := run(ctx); err != nil {
		if ctx.Err() != nil {
			err = errors.New("cancelled by a signal")
		}
		l.log.Log(failed, o.zone, wire.ClassIN, err)
		return 1
	}
	if o.notify {
		l.tell(ctx, notify)
	}
	return 0
}

// notifyTime is how long a server may take to answer that it was told: it only makes a note.
const notifyTime = 5 * time.Second

// tell notifies the server. The zone is loaded whether that works or not.
func (l *loader) tell(ctx context.Context, notify Notify) {
	ctx, cancel := context.WithTimeout(ctx, notifyTime)
	defer cancel()
	if err := notify(ctx, l.paths, wire.ClassIN, l.zone); err != nil {
		l.log.Log(msgNotifyError, l.zone, wire.ClassIN, err)
		return
	}
	l.log.Log(msgNotified, l.zone, wire.ClassIN)
}

// console sends messages to standard error: debug ones when their level is asked for.
func console(debug int) logging.Config {
	severity := "INFO"
	if debug > 0 {
		severity = "DEBUG"
	}
	return logging.Config{Loggers: []logging.LoggerConfig{{Name: "*", Severity: severity, DebugLevel: debug,
		OutputOptions: []logging.OutputConfig{{Destination: "console", Output: "stderr", Flush: true}}}}}
}

// loader is one run.
type loader struct {
	options
	log    *logging.Logger
	stdin  io.Reader
	stdout io.Writer
	now    func() time.Time

	size int64 // of the file, 0 if it is not known
	done atomic.Int64
}

func (l *loader) run(ctx context.Context) error {
	start := l.now()
	var records iter.Seq[wire.RR] = func(func(wire.RR) bool) {}
	count := 0
	if !l.empty {
		v, err := l.read(ctx)
		if err != nil {
			return err
		}
		records, count = v.All(), v.Len()
		l.log.Log(msgRead, count, l.seconds(start))
	}
	db, err := l.open()
	if err != nil {
		return err
	}
	if err := l.write(ctx, db, records, count); err != nil {
		return errors.Join(err, db.Close())
	}
	if err := db.Close(); err != nil {
		return err
	}
	if l.empty {
		l.log.Log(msgEmptyDone, l.zone, wire.ClassIN)
	} else {
		l.log.Log(msgDone, count, l.zone, wire.ClassIN, l.seconds(start))
	}
	return nil
}

// checkFile reads and validates the zone of the file, as a load does, and stores nothing.
func (l *loader) checkFile(ctx context.Context) error {
	v, err := l.read(ctx)
	if err != nil {
		return err
	}
	l.log.Log(msgChecked, l.zone, wire.ClassIN, v.Len(), v.Serial())
	return nil
}

func (l *loader) seconds(since time.Time) string {
	return fmt.Sprintf("%.2f", l.now().Sub(since).Seconds())
}

// read makes the zone of the file in memory. All errors of the file are logged; the one returned sums them up.
func (l *loader) read(ctx context.Context) (*zone.Version, error) {
	options := zonefile.Options{Class: wire.ClassIN, Open: l.openFile, Warn: func(e *zonefile.Error) { l.log.Log(msgFileWarning, e) }}
	failures := 0
	p := &progress{to: l.stdout, phase: "reading: ", interval: l.interval, now: l.now, start: l.now()}
	defer p.end()
	records := func(yield func(wire.RR, error) bool) {
		n := 0
		for rr, err := range zonefile.Read(l.file, l.zone, options) {
			if err != nil {
				failures++
				l.log.Log(msgFileError, err)
				continue
			}
			n++
			p.at(n, l.partRead)
			if n%ctxEvery == 0 && ctx.Err() != nil {
				yield(wire.RR{}, ctx.Err())
				return
			}
			if failures == 0 && !yield(rr, nil) {
				return
			}
		}
	}
	v, err := zone.Build(l.zone, wire.ClassIN, records)
	if err == nil && failures > 0 {
		err = fmt.Errorf("errors in %s: %d", l.file, failures)
	}
	if err != nil {
		return nil, err
	}
	return v, l.validate(v)
}

// ctxEvery is how many records are read between two looks at the context.
const ctxEvery = 1000

func (l *loader) validate(v *zone.Version) error {
	failures := 0
	for _, f := range v.Check() {
		if f.Fatal {
			failures++
			l.log.Log(msgCheckError, f.Text)
		} else {
			l.log.Log(msgCheckWarning, f.Text)
		}
	}
	if failures > 0 {
		return fmt.Errorf("the zone in %s is not valid", l.file)
	}
	return nil
}

// openFile opens a master file. The name "-" is standard input when it is the one of the command line.
func (l *loader) openFile(path string) (io.ReadCloser, error) {
	l.log.Log(msgReading, path)
	if path == "-" && l.file == path {
		return io.NopCloser(l.stdin), nil
	}
	f, err := os.Open(path)
	if err != nil || path != l.file {
		return f, err
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		l.size = info.Size()
	}
	return counted{f, &l.done}, nil
}

// partRead tells which part of the file was read; less than 0 when its size is not known.
func (l *loader) partRead() float64 {
	if l.size == 0 {
		return -1
	}
	return min(float64(l.done.Load())/float64(l.size), 1)
}

// open opens the database. The directory of the default one is made if need be, as the suite would at its first start.
func (l *loader) open() (*zonedb.DB, error) {
	if !l.named {
		l.log.Log(msgDefault, l.database)
		if err := os.MkdirAll(filepath.Dir(l.database), 0o750); err != nil {
			return nil, fmt.Errorf("directory of the database: %w", err)
		}
	}
	db, err := zonedb.Open(l.database)
	if err == nil && db.Created() {
		l.log.Log(msgDatabase, db.Path())
	}
	return db, err
}

func (l *loader) write(ctx context.Context, db *zonedb.DB, records iter.Seq[wire.RR], count int) error {
	created := false
	switch _, err := db.Edition(ctx, l.zone, wire.ClassIN); {
	case errors.Is(err, zonedb.ErrNoZone):
		created = true
		l.log.Log(msgCreated, l.zone, wire.ClassIN)
	case err != nil:
		return err
	default:
		l.log.Log(msgUpdating, l.zone, wire.ClassIN)
	}
	p := &progress{to: l.stdout, interval: l.interval, now: l.now, start: l.now()}
	_, err := db.Replace(ctx, l.zone, wire.ClassIN, func(yield func(wire.RR, error) bool) {
		n := 0
		for rr := range records {
			if !yield(rr, nil) {
				return
			}
			n++
			p.at(n, func() float64 { return float64(n) / float64(count) })
		}
	})
	p.end()
	if err != nil && created {
		l.log.Log(msgCancelCreate, l.zone, wire.ClassIN)
	}
	return err
}
