package leasetest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// Disk is where a store keeps its files in a test: one that can fail, and whose power can be cut.
type Disk struct {
	mu     sync.Mutex
	broken error
	room   int // octets until it breaks by itself; negative: no bound
	full   error
	synced map[uint64]int64 // of open files, by inode, since files are renamed: octets that a power cut leaves
}

// NewDisk makes a disk that works.
func NewDisk() *Disk { return &Disk{room: -1, synced: map[uint64]int64{}} }

// Break makes every write fail with err, until it is called with nil.
func (d *Disk) Break(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken, d.room = err, -1
}

// BreakAfter lets so many more octets be written. The write that goes beyond is cut short, and fails with err as all do
// after it.
func (d *Disk) BreakAfter(octets int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room, d.full = octets, err
}

// Works tells whether the next write succeeds, whatever its length.
func (d *Disk) Works() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.broken == nil && d.room < 0
}

// Open opens a file for writing.
func (d *Disk) Open(path string, flag int) (*DiskFile, error) {
	f, err := os.OpenFile(path, flag, 0o640)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.synced[inode(info)] = info.Size()
	return &DiskFile{f, d, inode(info)}, nil
}

// Cut copies the files of a directory to another as a crash of the machine leaves them: of what was written and not
// synced, the part that keep says of so many octets. Files that come and go meanwhile, as those of a compaction do, are
// all copied as they are at one time.
func (d *Disk) Cut(from, to string, keep func(unsynced int64) int64) error {
	for {
		before, err := entries(from)
		if err != nil {
			return err
		}
		whole, err := d.copyAll(from, to, before, keep)
		if err != nil {
			return err
		}
		after, err := entries(from)
		if err != nil {
			return err
		}
		if whole && slices.Equal(before, after) {
			return nil
		}
		for _, e := range before {
			if err := os.Remove(filepath.Join(to, e.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
}

// entry is a file of a directory.
type entry struct {
	name  string
	inode uint64
}

func entries(dir string) ([]entry, error) {
	list, err := os.ReadDir(dir)
	var out []entry
	for _, e := range list {
		if info, err := e.Info(); err == nil { // else it is gone, and the next look differs
			out = append(out, entry{e.Name(), inode(info)})
		}
	}
	return out, err
}

// copyAll copies files; false: one is gone.
func (d *Disk) copyAll(from, to string, files []entry, keep func(unsynced int64) int64) (bool, error) {
	for _, f := range files {
		name := filepath.Join(from, f.name)
		d.mu.Lock()
		synced, known := d.synced[f.inode]
		data, err := os.ReadFile(name)
		d.mu.Unlock()
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if size := int64(len(data)); known && size > synced {
			data = data[:synced+keep(size-synced)]
		}
		if err := os.WriteFile(filepath.Join(to, f.name), data, 0o640); err != nil {
			return false, err
		}
	}
	return true, nil
}

// DiskFile is an open file of a Disk.
type DiskFile struct {
	*os.File
	disk  *Disk
	inode uint64
}

// inode is the number of a file.
func inode(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ino
	}
	return 0
}

// Close closes the file. What is closed is on disk.
func (f *DiskFile) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	delete(f.disk.synced, f.inode) // another file may get the number
	return f.File.Close()
}

// Write writes, as far as the disk lets it.
func (f *DiskFile) Write(b []byte) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	d := f.disk
	switch {
	case d.broken != nil:
		n, _ := f.File.Write(b[:len(b)/2])
		return n, d.broken
	case d.room >= 0 && len(b) > d.room:
		n, _ := f.File.Write(b[:d.room])
		d.broken, d.room = d.full, -1
		return n, d.broken
	case d.room >= 0:
		d.room -= len(b)
	}
	return f.File.Write(b)
}

// Truncate cuts the file.
func (f *DiskFile) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.broken != nil {
		return f.disk.broken
	}
	f.disk.synced[f.inode] = min(f.disk.synced[f.inode], size)
	return f.File.Truncate(size)
}

// Sync notes what a power cut leaves, and does not bother the real disk.
func (f *DiskFile) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.broken != nil {
		return f.disk.broken
	}
	info, err := f.File.Stat()
	if err == nil {
		f.disk.synced[f.inode] = info.Size()
	}
	return err
}
