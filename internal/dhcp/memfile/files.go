package memfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

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
