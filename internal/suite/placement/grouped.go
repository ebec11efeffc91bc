package placement

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"bundy/internal/suite/sockets"
)

// Grouped starts each process as a child that executes the same binary under the process's name. A child is in a
// process group of its own, so that Ctrl-C reaches the parent alone, and the kernel kills it when the parent dies.
type Grouped struct {
	keeper      *sockets.Keeper
	environment []string
	credential  *syscall.Credential
	forks       chan func()
}

// NewGrouped makes a launcher. The environment is added to that of the parent; with a credential, children run as
// that user.
func NewGrouped(keeper *sockets.Keeper, environment []string, credential *syscall.Credential) *Grouped {
	g := &Grouped{keeper: keeper, environment: environment, credential: credential, forks: make(chan func())}
	go func() {
		// The kernel sends a parent death signal when the thread that forked ends, not the process. So one thread
		// makes all children, and it is never given back to the runtime while the launcher is in use.
		runtime.LockOSThread()
		for fork := range g.forks {
			fork()
		}
	}()
	return g
}

// Close ends the thread that made the children, and with it all children. Nothing may be started afterwards.
func (g *Grouped) Close() { close(g.forks) }

// Start implements Launcher.
func (g *Grouped) Start(name string) (Process, error) {
	ours, theirs, err := sockets.Pair()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer theirs.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{name}
	cmd.Env = append(inherited(), g.environment...)
	cmd.Env = append(cmd.Env, EnvProcess+"="+name, EnvSockets+"=3") // the first of ExtraFiles
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: g.credential}
	started := make(chan error)
	g.forks <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		ours.Close()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &child{cmd: cmd, done: make(chan struct{})}
	go c.wait(g.keeper, ours)
	return c, nil
}

// inherited is the environment without what this process was told by a parent of its own.
func inherited() []string {
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case EnvProcess, EnvSocketFile, EnvSockets, EnvDataPath, EnvVerbose, EnvCmdctlPort, "NOTIFY_SOCKET":
		default:
			env = append(env, entry)
		}
	}
	return env
}

type child struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // set before done is closed
}

func (c *child) wait(keeper *sockets.Keeper, nc *net.UnixConn) {
	served := make(chan error, 1)
	go func() { served <- keeper.Serve(nc) }()
	c.err = c.cmd.Wait()
	nc.Close()
	c.err = errors.Join(c.err, <-served)
	close(c.done)
}

func (c *child) PID() int              { return c.cmd.Process.Pid }
func (c *child) Done() <-chan struct{} { return c.done }

func (c *child) Signal(s os.Signal) error {
	if err := c.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

func (c *child) Status() (string, bool) {
	if c.err == nil {
		return "exit status 0", true
	}
	return c.err.Error(), false
}
