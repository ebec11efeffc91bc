package logging

import (
	"slices"
	"sync"
	"time"
)

// Entry is a message that a Recorder has seen.
type Entry struct {
	Logger   string // "bundy-auth.auth"
	ID       string
	Severity Severity
	Text     string // with its values
}

// Recorder keeps messages of all severities in memory, for tests.
type Recorder struct {
	core core

	mu      sync.Mutex
	entries []Entry
}

// NewRecorder makes an empty recorder.
func NewRecorder() *Recorder {
	r := &Recorder{}
	r.core.now = time.Now
	r.core.tap = func(rec record) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.entries = append(r.entries, Entry{
			Logger: rec.process + "." + rec.library, ID: rec.message.id,
			Severity: rec.message.severity, Text: rec.text,
		})
	}
	return r
}

// Logger returns a logger that is recorded, under the name that Root would give it.
func (r *Recorder) Logger(module string) *Logger {
	process := processName(module)
	return &Logger{process: process, library: ownLogger(process), core: &r.core}
}

// Entries returns what has been logged so far, in order.
func (r *Recorder) Entries() []Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.entries)
}

// Count tells how often a message has been logged.
func (r *Recorder) Count(id string) int {
	n := 0
	for _, e := range r.Entries() {
		if e.ID == id {
			n++
		}
	}
	return n
}
