package logging

import "sync/atomic"

// Logger writes messages under one name. All methods may be called from any goroutine; a nil Logger discards.
type Logger struct {
	process string // "bundy-auth"
	library string // "auth", or the library's name
	core    *core
	route   atomic.Pointer[resolved] // the answer of the newest table, so that Enabled costs two loads
}

type resolved struct {
	table *table
	route *route
}

// Log writes m with its placeholders filled by args in order. Values are escaped: control characters, line feeds and
// invalid UTF-8 never reach a destination as they are. Log does not wait for any destination; only after a Fatal
// message, since the process is about to end, it waits for a short time until the message has been written.
func (l *Logger) Log(m *Message, args ...any) {
	if l.Enabled(m) {
		l.core.write(l, m, args)
	}
}

// Enabled tells whether Log would write m, so that costly arguments need not be made.
func (l *Logger) Enabled(m *Message) bool {
	if l == nil {
		return false
	}
	t := l.core.table.Load()
	if t == nil {
		return true // kept until the configuration says where to
	}
	return l.resolve(t).passes(m)
}

func (l *Logger) resolve(t *table) *route {
	if r := l.route.Load(); r != nil && r.table == t {
		return r.route
	}
	r := t.route(l.process, l.library)
	l.route.Store(&resolved{table: t, route: r})
	return r
}

// Named returns the logger of a library used by this module: "datasrc" under "bundy-auth" is "bundy-auth.datasrc".
func (l *Logger) Named(library string) *Logger {
	if l == nil {
		return nil
	}
	return &Logger{process: l.process, library: library, core: l.core}
}
