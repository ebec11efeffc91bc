package logging

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// atomicWrite is PIPE_BUF: writes up to that size are not mixed with those of other processes that share the pipe or
// terminal. So no lock file is needed.
const atomicWrite = 4096

// consoleWriter writes to standard output or standard error.
type consoleWriter struct {
	to   io.Writer
	file *os.File // what close has to close; nil: none
}

// openConsole duplicates the descriptor: a write that fails with EPIPE on descriptor 1 or 2 itself would end the
// process, and whoever read our output may well have gone. A descriptor that cannot be duplicated is closed, as it is
// for daemons that were started without one; what is written to it then fails, and is counted as lost.
func openConsole(f *os.File) *consoleWriter {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return &consoleWriter{to: closedConsole{err}}
	}
	dup := os.NewFile(uintptr(fd), f.Name())
	return &consoleWriter{to: dup, file: dup}
}

type closedConsole struct{ err error }

func (c closedConsole) Write([]byte) (int, error) { return 0, c.err }

func (c *consoleWriter) write(lines []byte) (int, error) {
	taken := 0
	for taken < len(lines) {
		n, err := c.to.Write(piece(lines[taken:], atomicWrite))
		taken += n
		if err != nil {
			return taken, err
		}
	}
	return taken, nil
}

func (c *consoleWriter) close() {
	if c.file != nil {
		c.file.Close() // nothing is buffered; an error here says nothing that write did not
	}
}
