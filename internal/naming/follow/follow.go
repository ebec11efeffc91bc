package follow

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
)

// pollInterval is how long a change may go unseen where the directory cannot be watched or an event was lost.
const pollInterval = time.Second

// Follower follows one lease file.
type Follower struct {
	// Path is the current lease file; the files of its clean-up lie beside it.
	Path string

	// Emit is called with news, from the goroutine of Run: first a snapshot, later changes or another snapshot. What
	// it was given is its own.
	Emit func(Event)

	// Report is called, from the same goroutine, when reading begins to fail, when it fails in another way, and with
	// nil when it works again. Meanwhile what was emitted is still the best that is known.
	Report func(error)

	poke   chan struct{}
	reread atomic.Bool
}

// New makes a follower.
func New(path string, emit func(Event), report func(error)) *Follower {
	return &Follower{Path: filepath.Clean(path), Emit: emit, Report: report, poke: make(chan struct{}, 1)}
}

// Poke makes the follower look at the file now. It never waits.
func (f *Follower) Poke() {
	select {
	case f.poke <- struct{}{}:
	default:
	}
}

// Reread makes the follower read the whole file again and emit a snapshot. It never waits.
func (f *Follower) Reread() {
	f.reread.Store(true)
	f.Poke()
}

// Run follows the file until ctx ends.
func (f *Follower) Run(ctx context.Context) {
	r := &reader{path: f.Path}
	defer r.close()
	watch := &watch{dir: filepath.Dir(f.Path)}
	defer watch.close()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	failing := ""
	for {
		watch.open() // before reading, so that nothing that comes later is missed
		if f.reread.Swap(false) {
			r.loaded = false
		}
		err := r.poll(f.Emit)
		switch {
		case err != nil && err.Error() != failing:
			failing = err.Error()
			f.Report(err)
		case err == nil && failing != "":
			failing = ""
			f.Report(nil)
		}
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return
			case <-f.poke:
				waiting = false
			case <-ticker.C:
				waiting = false
			case e, ok := <-watch.events():
				if !ok {
					watch.close()
				}
				waiting = ok && !strings.HasPrefix(e.Name, f.Path)
			case <-watch.errors():
				waiting = false // an overflow: events were lost, so look
			}
		}
	}
}

// watch is a directory watch that may fail to be made, and is tried again at each poll. A file cannot be watched
// instead, since that watch follows the old file through a rename.
type watch struct {
	dir string
	w   *fsnotify.Watcher
}

func (w *watch) open() {
	if w.w != nil {
		return
	}
	n, err := fsnotify.NewWatcher()
	if err != nil {
		return // the poll does it
	}
	if err := n.Add(w.dir); err != nil {
		n.Close()
		return
	}
	w.w = n
}

func (w *watch) close() {
	if w.w != nil {
		w.w.Close()
		w.w = nil
	}
}

func (w *watch) events() chan fsnotify.Event {
	if w.w == nil {
		return nil
	}
	return w.w.Events
}

func (w *watch) errors() chan error {
	if w.w == nil {
		return nil
	}
	return w.w.Errors
}
