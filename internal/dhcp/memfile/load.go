package memfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"bundy/internal/dhcp/lease"
)

// scanned is what reading one file found.
type scanned struct {
	current bool     // its header is the one we write
	rows    int      // good rows
	bad     []string // rows that could not be read, as "file:line: why", at most maxReported
	badRows int
	whole   int64 // bytes up to the end of the last complete line
	size    int64
}

// maxReported bounds the bad rows that are named one by one; the rest is counted.
const maxReported = 20

// scan calls fn for each good row of the file at path. A last line without line feed is not read: it was never
// acknowledged. A missing file is fs.ErrNotExist; a file that does not begin with a header is lease.ErrHeader.
func scan(path string, fn func(offset int64, l lease.Lease)) (scanned, error) {
	var s scanned
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		s.size = info.Size()
	}
	in := bufio.NewReaderSize(f, lease.MaxLine)
	var columns lease.Columns
	for number := 1; ; number++ {
		line, err := in.ReadSlice('\n')
		if err == io.EOF {
			return s, nil
		}
		length := int64(len(line))
		if errors.Is(err, bufio.ErrBufferFull) {
			// Longer than any row: pass over the rest of the line.
			for errors.Is(err, bufio.ErrBufferFull) {
				line, err = in.ReadSlice('\n')
				length += int64(len(line))
			}
			if err == io.EOF {
				return s, nil
			}
			if err == nil {
				s.reject(path, number, fmt.Errorf("line longer than %d bytes", lease.MaxLine))
				s.whole += length
				continue
			}
		}
		if err != nil {
			return s, fmt.Errorf("read %s: %w", path, err)
		}
		text := string(line[:len(line)-1])
		if number == 1 {
			if columns, err = lease.ParseHeader(text); err != nil {
				return s, fmt.Errorf("%s:1: %w", path, err)
			}
			s.current = columns.Current()
		} else if l, err := columns.Parse(text); err != nil {
			s.reject(path, number, err)
		} else {
			s.rows++
			fn(s.whole, l)
		}
		s.whole += length
	}
}

func (s *scanned) reject(path string, line int, err error) {
	s.badRows++
	if len(s.bad) < maxReported {
		s.bad = append(s.bad, fmt.Sprintf("%s:%d: %v", path, line, err))
	}
}

// sources lists the files that hold the state before the journal itself, in the order they are read.
func sources(path string) []string {
	if _, err := os.Stat(path + ".completed"); err == nil {
		return []string{path + ".completed"}
	}
	return []string{path + ".2", path + ".1"}
}

// keepDamaged copies a file with unreadable rows or a torn end aside, once, so that repairing loses nothing.
func keepDamaged(path string) (string, error) {
	for n := 1; ; n++ {
		copyPath := fmt.Sprintf("%s.damaged.%d", path, n)
		out, err := os.OpenFile(copyPath, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		in, err := os.Open(path)
		if err == nil {
			_, err = io.Copy(out, in)
			in.Close()
		}
		if err == nil {
			err = out.Sync()
		}
		if cerr := out.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			os.Remove(copyPath)
			return "", fmt.Errorf("keep a copy of %s: %w", path, err)
		}
		return copyPath, nil
	}
}
