package follow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"bundy/internal/dhcp/lease"
)

const (
	// chunk is how much is read at once: some thousand rows, and room for the longest line.
	chunk = 256 << 10

	// maxReloads bounds how often one reload starts anew because the server's clean-up moved files under it.
	maxReloads = 5
)

// errMoved says that files were renamed while they were read.
var errMoved = errors.New("the lease files were cleaned up while they were read")

// Event is news of the lease file.
type Event struct {
	// Snapshot says that Rows are all there is, each address once; else they are changes in order, and the last row of
	// an address counts.
	Snapshot bool

	// Rows are leases as they stand in the file, active or not; one with lifetime 0 says that the address has no
	// lease any more.
	Rows []lease.Lease

	// Skipped counts rows that could not be read; like the server itself, a follower passes over them.
	Skipped int
}

// reader knows how far the file was read. One goroutine owns it.
type reader struct {
	path    string
	file    *os.File // the current file, or the one that was current; nil before the first load
	columns lease.Columns
	header  bool  // columns are known
	offset  int64 // behind the last whole line that was read
	buffer  []byte
	skip    bool // in the midst of a line that is too long
	loaded  bool
	parts   []fs.FileInfo // the files of the last snapshot, in the order of names
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close() // opened for reading: nothing can be lost
		r.file = nil
	}
}

// poll gives the next news to emit; false when there is none. It is to be called until it gives none. An error
// changes nothing: what was read so far stays valid, and the next call tries again.
func (r *reader) poll(emit func(Event)) error {
	if !r.loaded {
		return r.reload(emit)
	}
	if r.file == nil {
		now, err := identities(r.names())
		if err != nil || same(now, r.parts) {
			return err
		}
		return r.reload(emit)
	}
	current, err := os.Stat(r.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("follow lease file: %w", err)
	}
	ours, err := r.file.Stat()
	if err != nil {
		return fmt.Errorf("follow lease file %s: %w", r.path, err)
	}
	if ours.Size() < r.offset {
		return r.reload(emit)
	}
	if err := r.drain(emit); err != nil {
		return err
	}
	if current != nil && os.SameFile(current, ours) {
		return nil
	}
	// The file was renamed away, and now is read to its end. If it is the one handed to the clean-up, the new file goes
	// on where it stopped; else something was missed.
	previous, err := os.Stat(r.path + ".1")
	if err != nil || !os.SameFile(previous, ours) {
		return r.reload(emit)
	}
	if current == nil {
		return nil // the server has not made the new file yet
	}
	r.close()
	return r.start(emit)
}

// start opens the current file from its beginning.
func (r *reader) start(emit func(Event)) error {
	f, err := os.Open(r.path)
	if err != nil {
		return fmt.Errorf("follow lease file: %w", err)
	}
	r.close()
	r.file, r.header, r.offset, r.skip = f, false, 0, false
	return r.drain(emit)
}

// drain reads the open file on to its end and emits what it finds.
func (r *reader) drain(emit func(Event)) error {
	for {
		var e Event
		n, err := r.step(&e)
		if len(e.Rows) > 0 || e.Skipped > 0 {
			emit(e)
		}
		if err != nil || n == 0 {
			return err
		}
	}
}

// step reads at most a chunk and takes the whole lines from it. It returns how many octets it took. An incomplete
// line at the end is left in the file and read again, as a server that starts may cut it off.
func (r *reader) step(e *Event) (int, error) {
	if r.buffer == nil {
		r.buffer = make([]byte, chunk)
	}
	n, err := r.file.ReadAt(r.buffer, r.offset)
	if err != nil && err != io.EOF {
		return 0, fmt.Errorf("read lease file %s: %w", r.path, err)
	}
	text := r.buffer[:n]
	end := bytes.LastIndexByte(text, '\n') + 1
	if end == 0 {
		if n < lease.MaxLine {
			return 0, nil
		}
		r.skip = true // pass over the line piece by piece
		r.offset += int64(n)
		return n, nil
	}
	for rest := text[:end]; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if err := r.line(line, e); err != nil {
			return 0, err
		}
	}
	r.offset += int64(end)
	return end, nil
}

func (r *reader) line(line []byte, e *Event) error {
	switch {
	case r.skip:
		r.skip = false
		e.Skipped++
	case !r.header:
		columns, err := lease.ParseHeader(string(line))
		if err != nil {
			return fmt.Errorf("lease file %s: %w", r.path, err)
		}
		r.columns, r.header = columns, true
	case len(line) == 0:
	case len(line) > lease.MaxLine:
		e.Skipped++
	default:
		l, err := r.columns.Parse(string(line))
		if err != nil {
			e.Skipped++
			return nil
		}
		e.Rows = append(e.Rows, l)
	}
	return nil
}

// names are the files that hold the full state, in order: the last clean-up's result, or the one before with what
// was handed to the unfinished one, and the current file.
func (r *reader) names() []string {
	if _, err := os.Stat(r.path + ".completed"); err == nil {
		return []string{r.path + ".completed", r.path}
	}
	return []string{r.path + ".2", r.path + ".1", r.path}
}

// readable tells by an error that the directory cannot be listed: then a missing file says nothing.
func (r *reader) readable() error {
	dir, err := os.Open(filepath.Dir(r.path))
	if err != nil {
		return fmt.Errorf("follow lease file %s: %w", r.path, err)
	}
	defer dir.Close()
	if _, err := dir.Readdirnames(1); err != nil && err != io.EOF {
		return fmt.Errorf("follow lease file %s: %w", r.path, err)
	}
	return nil
}
