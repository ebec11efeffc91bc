package zonedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"modernc.org/sqlite"

	"bundy/internal/dns/wire"
)

const (
	fileMode = 0o640 // zones are no secret to the operator's group, but the keys of a mistaken paste may be in a TXT record

	busyTimeout = 30_000   // milliseconds to wait for another process that writes: the load of a zone of millions of names takes so long
	maxReaders  = 6        // connections to read with: loading and answering are bound by CPU, and each has a cache of its own
	maxLog      = 64 << 20 // octets that the write-ahead log keeps on disk after a large transaction
)

var (
	// ErrNoZone is wrapped when the database does not have the zone.
	ErrNoZone = errors.New("no such zone in the database")
	// ErrClosed is wrapped when the database was closed.
	ErrClosed = errors.New("database is closed")
	// ErrMoved is wrapped when the file was removed or replaced by another one since it was opened. What is written
	// then would be lost, so nothing is.
	ErrMoved = errors.New("the file was removed or replaced since it was opened")
)

// DB is an open database. All methods may be called from any goroutine.
type DB struct {
	path    string
	file    os.FileInfo // as it was opened
	created bool
	readers *sql.DB
	writer  *sql.DB // one connection
	insert  statements

	watchMu sync.Mutex // one poll at a time
	watch   *sql.Conn  // asks for changes: SQLite reports those that other connections made
	seen    int64

	commits chan *commit
	closing chan struct{}
	once    sync.Once
	writing sync.WaitGroup
}

// Open opens the database, and makes it, with file mode 0640, when the file is absent or empty. The directory must
// exist. A database of another schema gives a *VersionError.
func Open(path string) (*DB, error) {
	d, err := open(path)
	var version *VersionError
	if err != nil && !errors.As(err, &version) {
		err = fmt.Errorf("database %s: %w", path, err)
	}
	return d, err
}

func open(path string) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	info, err := touch(path)
	if err != nil {
		return nil, err
	}
	d := &DB{path: path, file: info, commits: make(chan *commit), closing: make(chan struct{})}
	if d.writer, err = connect(path, "_txlock", "immediate", "_pragma", "synchronous(FULL)"); err != nil {
		return nil, err
	}
	d.writer.SetMaxOpenConns(1)
	if d.readers, err = connect(path, "_pragma", "query_only(1)"); err != nil {
		return nil, errors.Join(err, d.writer.Close())
	}
	d.readers.SetMaxOpenConns(maxReaders)
	if err := d.start(context.Background()); err != nil {
		return nil, errors.Join(err, d.closeAll())
	}
	return d, nil
}

// touch makes the file exist. SQLite gives its log and index files the mode and owner of the database. A database that
// root makes in another user's directory is that user's, so that a suite which runs as that user can use it.
func touch(path string) (os.FileInfo, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	made := err == nil
	if errors.Is(err, os.ErrExist) {
		file, err = os.OpenFile(path, os.O_RDWR, 0)
	}
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, fmt.Errorf("cannot be opened: %w", err)
	}
	defer file.Close() // nothing is written to it here
	if made && os.Geteuid() == 0 {
		dir, err := os.Stat(filepath.Dir(path))
		if err != nil {
			return nil, err
		}
		if owner, ok := dir.Sys().(*syscall.Stat_t); ok {
			if err := file.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
				return nil, err
			}
		}
	}
	return file.Stat()
}

// inPlace tells with ErrMoved when the path does not lead to the open file any more.
func (d *DB) inPlace() error {
	now, err := os.Stat(d.path)
	if err != nil || !os.SameFile(now, d.file) {
		return ErrMoved
	}
	return nil
}

// connect makes a pool; more holds keys and values of the driver.
func connect(path string, more ...string) (*sql.DB, error) {
	q := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout), "journal_mode(WAL)", fmt.Sprintf("journal_size_limit(%d)", maxLog)}}
	for i := 0; i < len(more); i += 2 {
		q.Add(more[i], more[i+1])
	}
	connector, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func (d *DB) start(ctx context.Context) (err error) {
	if d.created, err = prepareSchema(ctx, d.writer, d.path); err != nil {
		return err
	}
	if err := d.insert.prepare(ctx, d.writer); err != nil {
		return err
	}
	if d.watch, err = d.readers.Conn(ctx); err != nil {
		return err
	}
	if _, err := d.Changed(ctx); err != nil {
		return err
	}
	d.writing.Go(d.write)
	return nil
}

// Path gives the absolute path.
func (d *DB) Path() string { return d.path }

// Created tells whether Open made the database.
func (d *DB) Created() bool { return d.created }

// Close waits for running commits and closes the files. Commits that wait fail with ErrClosed.
func (d *DB) Close() error {
	var err error
	d.once.Do(func() {
		close(d.closing)
		d.writing.Wait()
		err = d.closeAll()
	})
	return err
}

// Abandon closes a database whose file was removed or replaced. What its log holds goes into the file that is open still:
// left at the path, the log would be taken for that of the new file.
func (d *DB) Abandon() error {
	var err error
	d.once.Do(func() {
		close(d.closing)
		d.writing.Wait()
		_, err = d.writer.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
		err = errors.Join(err, d.closeAll())
	})
	return err
}

func (d *DB) closeAll() error {
	var errs []error
	d.watchMu.Lock()
	if d.watch != nil {
		errs = append(errs, d.watch.Close())
	}
	d.watchMu.Unlock()
	errs = append(errs, d.readers.Close(), d.writer.Close()) // the writer last: it moves the log into the database
	return errors.Join(errs...)
}

// wrap names the database and what was tried.
func (d *DB) wrap(err error, tried string, origin wire.Name, class wire.Class) error {
	if err == nil {
		return nil
	}
	if origin != "" {
		tried = fmt.Sprintf("%s zone %s/%s", tried, origin, class)
	}
	return fmt.Errorf("database %s: %s: %w", d.path, tried, err)
}

// Changed tells whether the database was changed since it was last asked, by this or another process. It costs some
// microseconds. The error wraps ErrMoved when the file is another one.
func (d *DB) Changed(ctx context.Context) (bool, error) {
	d.watchMu.Lock()
	defer d.watchMu.Unlock()
	if err := d.inPlace(); err != nil {
		return false, d.wrap(err, "asking for changes", "", 0)
	}
	var now int64
	if err := d.watch.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&now); err != nil {
		return false, d.wrap(err, "asking for changes", "", 0)
	}
	changed := now != d.seen
	d.seen = now
	return changed, nil
}
