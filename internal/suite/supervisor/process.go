package supervisor

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"bundy/internal/suite/host"
	"bundy/internal/suite/placement"
)

const (
	// announceLimit is how long a new process may take until it answers on the command channel: many times what the
	// slowest machine needs.
	announceLimit = 30 * time.Second

	// endGrace is how long a process may take after it was told to end; its components have host.StopGrace of it.
	endGrace = host.StopGrace + 2*time.Second

	// termGrace is how long it may take after SIGTERM, before SIGKILL.
	termGrace = 2 * time.Second

	// askLimit bounds the wait for the answer to a command that is answered at once.
	askLimit = time.Second
)

// process is one process that was started. All but up and gone belong to Run.
type process struct {
	name     string
	process  placement.Process // nil when it could not be started
	up       chan struct{}     // closed when it takes commands
	once     sync.Once
	gone     chan struct{} // closed when it has ended
	how      string        // set before gone is closed
	stopping bool
}

func (p *process) announced() { p.once.Do(func() { close(p.up) }) }

func (s *Supervisor) launch(name string) *process {
	p := &process{name: name, up: make(chan struct{}), gone: make(chan struct{})}
	s.options.Log.Log(msgStartingProcess, name)
	running, err := s.options.Launcher.Start(name)
	if err != nil {
		s.options.Log.Log(msgStartException, name, err)
		p.how = err.Error()
		close(p.gone)
		return p // not in the table: the next start tries anew
	}
	p.process = running
	s.processes[name] = p
	s.options.Log.Log(msgStartedProcess, name, running.PID())
	go func() {
		select {
		case <-running.Done():
			s.post(func() { s.processEnded(p) })
		case <-s.ended: // it was given up
		}
	}()
	return p
}

func (s *Supervisor) processEnded(p *process) {
	if s.processes[p.name] != p {
		return // given up before
	}
	status := "given up"
	select {
	case <-p.process.Done():
		status, _ = p.process.Status()
	default:
	}
	p.how = status
	close(p.gone)
	delete(s.processes, p.name)
	s.options.Log.Log(msgProcessEnded, p.name, p.process.PID(), status)
	for c, run := range s.state.Active() {
		if c.Process == p.name {
			s.componentEnded(c, run, fmt.Sprintf("process %s: %s", p.name, status))
		}
	}
}

// end stops a process in order: the command, then SIGTERM, then SIGKILL. It runs in a goroutine of its own.
func (s *Supervisor) end(p *process) {
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	grace := endGrace
	if err := s.options.Bus.Call(ctx, host.ProcessName(p.name), host.CommandShutdown, nil, nil); err != nil {
		grace = askLimit // it ended before it answered, or cannot be asked
	}
	if s.options.NoKill || s.wait(p, grace) {
		return
	}
	s.kill(p, syscall.SIGTERM)
	if s.wait(p, termGrace) || s.kill(p, os.Kill) == nil {
		return
	}
	s.post(func() { s.processEnded(p) }) // it shares ours, or the system refuses (EPERM): it ends with us
}

func (s *Supervisor) wait(p *process, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.gone:
		return true
	case <-timer.C:
		return false
	}
}

func (s *Supervisor) kill(p *process, signal os.Signal) error {
	message := msgSendSigterm
	if signal == os.Kill {
		message = msgSendSigkill
	}
	s.options.Log.Log(message, p.name, p.process.PID())
	return p.process.Signal(signal)
}
