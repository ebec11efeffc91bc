package logging

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// writeTimeout bounds how long the system's logger may take for one message.
const writeTimeout = 5 * time.Second

// syslogSockets are the places where systems keep their logger's socket.
func syslogSockets() []string { return []string{"/dev/log", "/var/run/syslog", "/var/run/log"} }

// facility gives the number of a syslog facility (RFC 3164 section 4.1.1), without case; "LOG_LOCAL0" is "local0".
func facility(name string) (int, bool) {
	names := []string{
		"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
		"ntp", "security", "console", "solaris-cron",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	}
	i := slices.Index(names, strings.TrimPrefix(strings.ToLower(name), "log_"))
	return i, i >= 0
}

// syslogLevel gives the severity number of RFC 3164.
func syslogLevel(s Severity) int {
	switch s {
	case Fatal:
		return 2 // critical
	case Error:
		return 3
	case Warn:
		return 4
	case Info:
		return 6
	}
	return 7
}

// appendSyslog writes the datagram for the local logger (RFC 3164 section 4.1, without a host name as local sockets
// want it), and a line feed that ends it in the buffer:
//
//	<134>Nov 23 10:00:00 bundy-auth[1234]: INFO  [bundy-auth.auth] AUTH_SERVER_STARTED text
func (r *record) appendSyslog(dst []byte, facility, pid int) []byte {
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, int64(facility*8+syslogLevel(r.message.severity)), 10)
	dst = append(dst, '>')
	dst = r.time.AppendFormat(dst, time.Stamp)
	dst = append(dst, ' ')
	dst = append(dst, r.process...)
	dst = append(dst, '[')
	dst = strconv.AppendInt(dst, int64(pid), 10)
	dst = append(dst, "]: "...)
	dst = r.appendHead(dst, "")
	return append(dst, '\n')
}

// syslogWriter sends each line as one datagram to the local logger.
type syslogWriter struct {
	sockets []string
	conn    net.Conn
}

func (w *syslogWriter) write(lines []byte) (int, error) {
	taken := 0
	for taken < len(lines) {
		if err := w.connect(); err != nil {
			return taken, err
		}
		line := lines[taken : taken+bytes.IndexByte(lines[taken:], '\n')+1]
		w.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // fails only on a closed connection, as Write then does
		if _, err := w.conn.Write(line[:len(line)-1]); err != nil {
			w.close()
			return taken, err
		}
		taken += len(line)
	}
	return taken, nil
}

func (w *syslogWriter) connect() error {
	if w.conn != nil {
		return nil
	}
	var errs []error
	for _, path := range w.sockets {
		conn, err := net.Dial("unixgram", path)
		if err == nil {
			w.conn = conn
			return nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if errs == nil {
		return fmt.Errorf("no syslog socket at %s", strings.Join(w.sockets, ", "))
	}
	return errors.Join(errs...)
}

func (w *syslogWriter) close() {
	if w.conn != nil {
		w.conn.Close() // datagrams: nothing is left that could fail
		w.conn = nil
	}
}
