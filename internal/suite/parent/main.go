package parent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/config"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/placement"
	"bundy/internal/suite/sockets"
	"bundy/internal/version"
)

// Exit statuses.
const (
	exitOK       = 0
	exitFailure  = 1
	exitDocument = 2 // the stored configuration cannot be used
)

// Main is the program bundy; the result is its exit status. args are those behind the program's name; table makes all
// components of the binary, without Init, which is added here.
func Main(args []string, table func(paths.Paths) []*module.Descriptor) int {
	o, err := parse(args, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, errHelp):
		return exitOK
	case err != nil:
		return exitFailure
	}
	if o.prettyName != "" {
		if err := placement.SetTitle(o.prettyName); err != nil {
			fmt.Fprintf(os.Stderr, "bundy: --pretty-name: %v\n", err)
			return exitFailure
		}
	}
	signal.Ignore(syscall.SIGPIPE) // a reader of our log that goes away must not end the service
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	log := logging.New(logging.Options{Process: ComponentName, Verbose: o.verbose})
	defer log.Close()
	return run(o, log, signals, os.Stdout, table)
}

// run starts the suite and stays until it has stopped.
func run(o *options, log *logging.Root, signals <-chan os.Signal, out io.Writer, table func(paths.Paths) []*module.Descriptor) int {
	own := log.Logger(ModuleName)
	own.Log(msgStarting, version.Version)
	s, err := newSuite(o, log, out, table)
	if err == nil {
		defer s.close()
		err = s.serve(signals)
	}
	if err == nil {
		own.Log(msgShutdownComplete)
		return exitOK
	}
	switch _, unusable := errors.AsType[*config.FileError](err); {
	case unusable: // the configuration manager has said so
		return exitDocument
	case errors.Is(err, bus.ErrAlreadyRunning):
		own.Log(msgAlreadyRunning, err)
	case errors.Is(err, errUser):
		own.Log(msgInvalidUser, err)
	case s == nil || !s.complete:
		own.Log(msgStartupError, err)
	default:
		own.Log(msgShutdownComplete)
	}
	return exitFailure
}

// errUser marks errors about --user.
var errUser = errors.New("--user")

// newSuite does all that needs no process: directories, user, command channel, configuration.
func newSuite(o *options, log *logging.Root, out io.Writer, table func(paths.Paths) []*module.Descriptor) (_ *suite, err error) {
	own := log.Logger(ModuleName)
	s := &suite{options: o, root: log, log: own, hub: bus.NewHub(), keeper: sockets.NewKeeper(own)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.paths, err = o.paths(); err != nil {
		return nil, err
	}
	if o.user != "" {
		if s.account, err = lookup(o.user); err != nil {
			return nil, fmt.Errorf("%w %w", errUser, err)
		}
	}
	if err = makeDirectories(s.paths, s.account); err != nil {
		return nil, err
	}
	if o.placement == placementSingle {
		if err = s.account.become(); err != nil {
			return nil, fmt.Errorf("%w %w", errUser, err)
		}
		if o.cmdctlPort != 0 { // where the component looks for it in a process of its own
			if err = os.Setenv(placement.EnvCmdctlPort, fmt.Sprint(o.cmdctlPort)); err != nil {
				return nil, fmt.Errorf("--cmdctl-port: %w", err)
			}
		}
	}
	if s.socket, err = o.socket(s.paths); err != nil {
		return nil, err
	}
	var users []int
	if s.account != nil {
		users = []int{s.account.uid}
	}
	if s.listener, err = bus.Listen(s.socket, users...); err != nil {
		return nil, err
	}
	components := table(s.paths)
	s.table = append(components, Describe(s.paths, components))
	s.conn = s.hub.Connect()
	file, err := o.config(s.paths)
	if err != nil {
		return nil, err
	}
	s.config, err = config.Open(config.Options{
		File:    file,
		Clear:   o.clearConfig,
		Modules: s.table,
		Runner:  &runner{hub: s.hub, conn: s.conn},
		Publish: s.conn.Publish,
		Log:     log.Logger(config.ModuleName),
	})
	if err != nil {
		return nil, err
	}
	if _, err = s.conn.Register(context.Background(), config.ModuleName, s.config.Call); err != nil {
		return nil, err
	}
	if err = welcome(out, s.paths, o); err != nil { // only now: nothing is to be typed for a suite that cannot start
		return nil, fmt.Errorf("write to standard output: %w", err)
	}
	return s, nil
}

// launcher makes processes where --placement wants them.
func (s *suite) launcher() (placement.Launcher, func()) {
	if s.options.placement == placementSingle {
		return placement.NewSingle(s.inside), func() {}
	}
	g := placement.NewGrouped(s.keeper, s.options.environment(s.socket), s.account.credential())
	return g, g.Close
}
