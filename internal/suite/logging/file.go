package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	logMode  = 0o640
	lockMode = 0o660
)

// fileWriter appends to a file that other processes append to as well. With a size limit the file is rolled: f becomes
// f.1, f.1 becomes f.2, and so on up to keep. Whoever writes with a size limit holds a lock on f.lock meanwhile, so
// that two processes cannot roll at once, and looks first whether the name still stands for the file it has open.
// That also finds a file that was moved away by the operator's own rotation.
type fileWriter struct {
	path    string
	maxSize int64
	keep    int
	file    *os.File
}

func (w *fileWriter) write(lines []byte) (int, error) {
	if w.maxSize > 0 {
		unlock, err := w.lock()
		if err != nil {
			return 0, err
		}
		defer unlock()
	}
	taken := 0
	for taken < len(lines) {
		size, err := w.reopen()
		if err != nil {
			return taken, err
		}
		next := lines[taken:]
		if w.maxSize > 0 {
			next = piece(next, int(min(w.maxSize-size, maxPending)))
			if size > 0 && size+int64(len(next)) > w.maxSize {
				if err := w.roll(); err != nil {
					return taken, err
				}
				continue
			}
		}
		n, err := w.file.Write(next)
		taken += n
		if err != nil {
			return taken, err
		}
	}
	return taken, nil
}

// lock is held by one process at a time. The lock file stays: removing it would let two processes lock two files.
func (w *fileWriter) lock() (unlock func(), err error) {
	f, err := os.OpenFile(w.path+".lock", os.O_RDWR|os.O_CREATE, lockMode)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil // closing unlocks
}

// reopen makes sure that the open file is the one that has the name, and returns its size.
func (w *fileWriter) reopen() (int64, error) {
	if w.file != nil {
		named, err := os.Stat(w.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		open, openErr := w.file.Stat()
		if err == nil && openErr == nil && os.SameFile(named, open) {
			return open.Size(), nil
		}
		w.close()
	}
	f, err := os.OpenFile(w.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, logMode)
	if err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return 0, err
	}
	w.file = f
	return info.Size(), nil
}

// roll moves the files on by one; with nothing to keep it empties the file.
func (w *fileWriter) roll() error {
	if w.keep == 0 {
		return os.Truncate(w.path, 0)
	}
	name := func(i int) string {
		if i == 0 {
			return w.path
		}
		return w.path + "." + strconv.Itoa(i)
	}
	for i := w.keep - 1; i >= 0; i-- {
		if err := os.Rename(name(i), name(i+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (w *fileWriter) close() {
	if w.file != nil {
		w.file.Close() // written with O_APPEND and unbuffered: nothing is left that could fail
		w.file = nil
	}
}
