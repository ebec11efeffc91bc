package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/config"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/placement"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/sockets"
)

// connectLimit bounds the first steps of a child. The parent listens before it starts one.
const connectLimit = 10 * time.Second

// Wanted tells whether this program was started by the parent as one of its children.
func Wanted() bool { return os.Getenv(placement.EnvProcess) != "" }

// Main is the whole life of a child process; the result is its exit status. What it needs to know is in its
// environment: see package placement.
func Main(table func(paths.Paths) []*module.Descriptor) int {
	process := os.Getenv(placement.EnvProcess)
	// A reader of our log that goes away must not end the service; and SIGHUP is the parent's to understand.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	log := logging.New(logging.Options{Process: process, Verbose: os.Getenv(placement.EnvVerbose) == "1"})
	defer log.Close()
	if err := child(process, log, table); err != nil {
		log.Logger(process).Log(msgConnError, err)
		return 1
	}
	return 0
}

func child(process string, log *logging.Root, table func(paths.Paths) []*module.Descriptor) error {
	// Executed by way of /proc, it would be known as "exe".
	if err := placement.SetTitle(process); err != nil {
		return err
	}
	number, err := strconv.Atoi(os.Getenv(placement.EnvSockets))
	if err != nil {
		return fmt.Errorf("%s: %w", placement.EnvSockets, err)
	}
	remote, err := sockets.NewRemote(os.NewFile(uintptr(number), "sockets of the parent"))
	if err != nil {
		return err
	}
	defer remote.Close()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	dialing, stop := context.WithTimeout(ctx, connectLimit)
	defer stop()
	path := os.Getenv(placement.EnvSocketFile)
	conn, err := bus.Dial(dialing, path)
	if err != nil {
		return err
	}
	defer conn.Close()
	log.Logger(process).Log(msgConnEstablished, path)
	where := paths.Default()
	if dir := os.Getenv(placement.EnvDataPath); dir != "" {
		where = paths.Below(dir)
	}
	serving, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	go func() {
		<-remote.Done()
		lose(errors.New("the connection over which the parent hands out sockets is lost"))
	}()
	err = New(Options{
		Process:  process,
		Table:    table(where),
		Bus:      conn,
		Sockets:  remote.For,
		Paths:    where,
		Log:      log,
		OwnLog:   true,
		Document: Fetch(conn),
		Ended:    Report(conn, process),
	}).Run(serving)
	if ctx.Err() == nil && serving.Err() != nil { // a process that gets no sockets any more is not fit to serve
		err = errors.Join(context.Cause(serving), err)
	}
	return err
}

// Fetch gives a function that asks the configuration manager for the stored configuration. A revision that was fetched
// before is not sent again: each component of a process asks when it starts and once more when it serves.
func Fetch(conn bus.Client) func(context.Context) (schema.Document, error) {
	type revision struct {
		number   int
		document schema.Document
	}
	var last atomic.Pointer[revision]
	last.Store(&revision{})
	return func(ctx context.Context) (schema.Document, error) {
		known := last.Load()
		var got struct {
			Number   int             `json:"number"`
			Document json.RawMessage `json:"document"` // read by ParseDocument, which keeps integers what they are
		}
		if err := conn.Call(ctx, config.ModuleName, "get_document", config.Known{Number: known.number}, &got); err != nil {
			return nil, err
		}
		if len(got.Document) == 0 && got.Number == known.number {
			return known.document, nil
		}
		document, err := ParseDocument(got.Document)
		if err == nil {
			last.Store(&revision{got.Number, document})
		}
		return document, err
	}
}

// Report gives a function that tells the supervisor of the end of a component.
func Report(conn *bus.Conn, process string) func(string, error) {
	return func(component string, reason error) {
		args := EndedArgs{Process: process, Component: component, Reason: reason.Error()}
		if err := conn.Call(context.Background(), SupervisorName, CommandEnded, args, nil); err != nil {
			// A supervisor that cannot be told would never start the component again. The end of the process tells
			// it too.
			conn.Close()
		}
	}
}
