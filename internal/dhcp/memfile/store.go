package memfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"bundy/internal/dhcp/lease"
)

// Errors of a store.
var (
	ErrLocked = errors.New("lease file is in use by another server")
	ErrBusy   = errors.New("too many lease changes wait for the disk")
	ErrFull   = errors.New("too many leases")
	ErrFamily = errors.New("the lease file is of the other family")
	ErrClosed = errors.New("lease store is closed")
)

// maxWaiting bounds the changes that wait for the disk: some seconds of a disk's group commits. A server that gets
// ErrBusy drops the request; the client asks again.
const maxWaiting = 65536

// compactFactor and compactFloor say when the journal is compacted: when it holds that many rows for each lease, and
// at least compactFloor rows, so that small servers do not rewrite their file all the time.
const (
	compactFactor = 4
	compactFloor  = 10000
)

// manyLeases are so many that memory which reading them needed is given back to the system at once.
const manyLeases = 100000

// Options are the settings of a store.
type Options struct {
	// Family is what the leases are of. A file of the other family is refused.
	Family lease.Family
	// Volatile keeps leases in memory only (the configuration item persist is false); path is not touched.
	Volatile bool
	// Report is told what the operator should know: repairs at Open, failed compactions. May be nil.
	Report func(text string)

	// Open opens the files that are written. Nil: os.OpenFile. Tests put a disk that fails in its place.
	Open func(path string, flag int) (File, error)

	// CompactAt is how many rows the journal must have before it is compacted. 0: compactFloor.
	CompactAt int
}

// File is what the journal needs of an open file.
type File interface {
	io.Writer
	Truncate(size int64) error
	Sync() error
	Close() error
}

// Store is a lease.Store. Create it with Open.
type Store struct {
	path string
	opts Options

	mu      sync.RWMutex
	index   *index
	waiting []change
	closed  bool
	failed  error // first failure since the last Flush

	afterBatch func()

	wake    chan struct{}
	stopped chan struct{}

	// Owned by the writer goroutine.
	journal    File
	lock       *os.File
	size       int64 // bytes of complete rows in the journal
	rows       int
	torn       bool // the journal may hold more than size bytes
	compacting chan error
	lastBatch  int           // changes
	lastSync   time.Duration // how long it took
	buffer     []byte
	spare      []change // memory for the next to wait
}

// change is one Put, Delete or Flush on its way to the disk.
type change struct {
	row  lease.Lease // the row to write; no address: nothing to write
	past past        // what the address was, for going back
	done func(error)
}

var (
	_ lease.Store   = (*Store)(nil)
	_ lease.Batcher = (*Store)(nil)
)

// Open reads the leases of the file at path and its companions, repairs what a crash left, and starts the writer.
// It fails, changing nothing, when the file belongs to another server, does not look like a lease file, or cannot be
// read or written. Rows that cannot be read are reported and left out, and the file they stand in is kept aside.
func Open(path string, opts Options) (*Store, error) {
	if opts.Report == nil {
		opts.Report = func(string) {}
	}
	if opts.Open == nil {
		opts.Open = func(path string, flag int) (File, error) { return os.OpenFile(path, flag, 0o640) }
	}
	if opts.CompactAt == 0 {
		opts.CompactAt = compactFloor
	}
	s := &Store{path: path, opts: opts, index: newIndex(), wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	if !opts.Volatile {
		if err := s.load(); err != nil {
			if s.lock != nil {
				s.lock.Close()
			}
			return nil, fmt.Errorf("lease file %s: %w", path, err)
		}
	}
	go s.write()
	return s, nil
}

func (s *Store) load() error {
	lock, err := os.OpenFile(s.path+".lock", os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	s.lock = lock
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("%w (%v)", ErrLocked, err)
	}
	upgrade := false
	for _, name := range sources(s.path) {
		got, err := s.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		upgrade = upgrade || !got.current
	}
	got, err := s.read(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if s.journal, err = s.opts.Open(s.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE); err != nil {
		return err
	}
	s.size, s.rows = got.whole, got.rows
	if got.whole < got.size {
		s.opts.Report(fmt.Sprintf("%s: an incomplete row of %d bytes at the end was cut off; it was never acknowledged", s.path, got.size-got.whole))
		if err := s.journal.Truncate(got.whole); err != nil {
			return err
		}
	}
	switch {
	case s.size == 0:
		err = s.begin()
	case !got.current: // our rows have columns that its header does not name
		upgrade, err = true, s.beginAnew()
	}
	if err != nil {
		return err
	}
	if upgrade {
		s.rows = s.opts.CompactAt + compactFactor*s.index.leases // an older form: compact at the first chance
	}
	if s.index.leases > manyLeases {
		debug.FreeOSMemory() // reading needed more than keeping does
	}
	return syncDir(s.path)
}

// read takes one file into the index and reports what is wrong with it.
func (s *Store) read(name string) (scanned, error) {
	full := false
	got, err := scan(name, s.opts.Family, func(_ int, l *lease.Lease) {
		p, ok := s.index.set(l)
		full = full || !ok
		s.index.forget(&p)
	})
	switch {
	case err != nil:
		return got, err
	case full:
		return got, fmt.Errorf("%s: %w", name, ErrFull)
	}
	return got, s.reportBad(name, got)
}

// reportBad keeps a copy of a file that has rows we cannot read and names them.
func (s *Store) reportBad(name string, got scanned) error {
	if got.badRows == 0 {
		return nil
	}
	kept, err := keepDamaged(name)
	if err != nil {
		return err
	}
	for _, text := range got.bad {
		s.opts.Report(text)
	}
	s.opts.Report(fmt.Sprintf("%s: %d rows could not be read and are left out; the file is kept as %s", name, got.badRows, kept))
	return nil
}

// begin writes the header of an empty journal.
func (s *Store) begin() error {
	header := lease.AppendHeader(nil, s.opts.Family)
	if _, err := s.journal.Write(header); err != nil {
		return errors.Join(err, s.journal.Truncate(0))
	}
	if err := s.journal.Sync(); err != nil {
		return err
	}
	s.size, s.rows = int64(len(header)), 0
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
