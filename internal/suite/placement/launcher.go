package placement

import (
	"errors"
	"fmt"
	"os"
)

// Launcher starts processes.
type Launcher interface {
	// Start starts the process of that name. The process then announces itself over the command channel.
	Start(name string) (Process, error)
}

// Process is a process that was started.
type Process interface {
	PID() int

	// Signal sends SIGTERM or SIGKILL. The error is ErrShared when the process cannot be ended from outside.
	Signal(s os.Signal) error

	// Done is closed when the process has ended and nothing of it is left.
	Done() <-chan struct{}

	// Status tells in words how it ended, and whether that was in order. Only after Done.
	Status() (text string, clean bool)
}

// ErrShared is returned for a signal to a process that is only a group of goroutines of the parent.
var ErrShared = errors.New("shares the process of the parent")

// SetTitle sets the name under which ps -e, top and pgrep know this process; the kernel keeps 15 octets of it.
func SetTitle(name string) error {
	if err := os.WriteFile("/proc/self/comm", []byte(name), 0); err != nil {
		return fmt.Errorf("process title %q: %w", name, err)
	}
	return nil
}

// Names of variables in the environment of a child.
const (
	EnvProcess    = "BUNDY_PROCESS"          // its name; its presence says that this program is to be a child
	EnvSocketFile = "BUNDY_MSGQ_SOCKET_FILE" // the command channel
	EnvSockets    = "BUNDY_SOCKETS_FD"       // number of the inherited descriptor over which it gets sockets
	EnvDataPath   = "BUNDY_DATA_PATH"        // value of --data-path, if given
	EnvVerbose    = "BUNDY_VERBOSE"          // "1" with --verbose
	EnvCmdctlPort = "BUNDY_CMDCTL_PORT"      // value of --cmdctl-port, if given
)
