package parent

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/config"
	"bundy/internal/suite/host"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/sockets"
	"bundy/internal/suite/supervisor"
)

// suite is what the parent holds.
type suite struct {
	options  *options
	root     *logging.Root
	log      *logging.Logger
	paths    paths.Paths
	account  *account // nil without --user
	socket   string
	hub      *bus.Hub
	listener *bus.Listener
	conn     *bus.Conn
	config   *config.Keeper
	keeper   *sockets.Keeper
	table    []*module.Descriptor // Init is the last
	complete bool                 // start-up was
}

// serve runs the components until a signal, the command Init shutdown, or a failure of a required component; the last
// is an error.
func (s *suite) serve(signals <-chan os.Signal) error {
	accepting := make(chan error, 1)
	go func() { accepting <- s.listener.Serve(s.hub) }()
	launcher, done := s.launcher()
	defer done()
	sup := supervisor.New(supervisor.Options{
		Launcher: launcher,
		Bus:      s.conn,
		Log:      s.log,
		Release:  s.keeper.Release,
		NoKill:   s.options.noKill,
	})
	supervised := make(chan error, 1)
	go func() { supervised <- sup.Run(context.Background()) }()
	own, err := s.startOwn(sup)
	if err != nil {
		sup.Shutdown()
		return errors.Join(err, <-supervised)
	}
	s.log.Log(msgStartedCC)
	err = s.attend(sup, signals, accepting, supervised)
	s.notify(daemon.SdNotifyStopping)
	if lost := s.hub.Lost(); lost > 0 {
		s.log.Log(msgEventsLost, lost)
	}
	return errors.Join(err, own.StopAll())
}

// startOwn runs the module Init in this process. With it the supervisor gets the components to run.
func (s *suite) startOwn(sup *supervisor.Supervisor) (*host.Host, error) {
	descriptor := *s.table[len(s.table)-1]
	components := s.table[:len(s.table)-1]
	descriptor.New = func(doc schema.Document, deps module.Deps) (module.Component, error) {
		return newComponent(descriptor.Spec, components, sup, doc, deps.Log)
	}
	own := host.New(host.Options{
		Process:  ComponentName,
		Table:    []*module.Descriptor{&descriptor},
		Bus:      s.conn,
		Sockets:  s.keeper.For,
		Paths:    s.paths,
		Log:      s.root,
		OwnLog:   true,
		Document: s.document,
		Ended:    func(string, error) { sup.Shutdown() }, // by the command Init shutdown
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(max(1, s.options.wait))*time.Second)
	defer cancel()
	if err := own.ConfigureLog(ctx); err != nil {
		return nil, err
	}
	own.Follow() // as long as the process lives
	return own, own.Start(ctx, ComponentName)
}

func (s *suite) document(context.Context) (schema.Document, error) {
	doc, _ := s.config.Document()
	return doc, nil
}

// attend waits for the end.
func (s *suite) attend(sup *supervisor.Supervisor, signals <-chan os.Signal, accepting, supervised <-chan error) error {
	started := sup.Started()
	for {
		select {
		case <-started:
			started = nil
			if err := s.announce(); err != nil {
				sup.Shutdown()
				return errors.Join(err, <-supervised)
			}
		case received := <-signals:
			s.log.Log(msgReceivedSignal, received)
			if received == syscall.SIGHUP {
				s.refresh()
				continue
			}
			sup.Shutdown()
		case err := <-accepting:
			s.log.Log(msgListenerFailed, err)
			sup.Shutdown()
			return errors.Join(err, <-supervised)
		case err := <-supervised:
			s.unannounce()
			return err
		}
	}
}

// refresh asks all components to look again at their files, as other servers do on SIGHUP. So the suite also outlives the
// terminal that it was started from.
func (s *suite) refresh() {
	if err := s.conn.Publish(module.EventRefresh, nil); err != nil {
		s.log.Log(msgRefreshFailed, err)
	}
}

// announce tells the world that start-up is complete. It is not when what was asked for at start cannot be done.
func (s *suite) announce() error {
	if s.options.pidFile != "" {
		if err := writePID(s.options.pidFile); err != nil {
			return err
		}
	}
	s.complete = true
	s.log.Log(msgStartupComplete)
	s.notify(daemon.SdNotifyReady)
	return nil
}

// notify tells the service manager, if there is one. Service goes on when it cannot be told.
func (s *suite) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Log(msgNotifyError, state, err)
	}
}

func (s *suite) unannounce() {
	if s.options.pidFile == "" || !s.complete {
		return
	}
	if err := os.Remove(s.options.pidFile); err != nil {
		s.log.Log(msgPIDFile, err)
	}
}

// inside is the life of a process in placement single.
func (s *suite) inside(ctx context.Context, name string) error {
	conn := s.hub.Connect()
	defer conn.Close()
	return host.New(host.Options{
		Process:  name,
		Table:    s.table,
		Bus:      conn,
		Sockets:  s.keeper.For,
		Paths:    s.paths,
		Log:      s.root,
		Document: s.document,
		Ended:    host.Report(conn, name),
	}).Run(ctx)
}

// close gives up what newSuite took.
func (s *suite) close() {
	if s.listener != nil {
		// The error would say that the socket was closed before: there is nothing to repair.
		_ = s.listener.Close()
	}
	if s.conn != nil {
		s.conn.Close()
	}
	s.hub.Close()
	s.keeper.Close()
}
