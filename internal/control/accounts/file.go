package accounts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"bundy/internal/control/privatefile"
)

// maxFile bounds the accounts file: some five thousand users, far more than a suite has administrators.
const maxFile = 1 << 20

// Read reads an accounts file. The error wraps fs.ErrNotExist when there is none.
func Read(path string) (List, error) {
	f, err := os.Open(path)
	if err != nil {
		return List{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return List{}, err
	}
	if len(text) > maxFile {
		return List{}, fmt.Errorf("%s: larger than %d octets", path, maxFile)
	}
	l, err := Parse(text)
	if err != nil {
		return List{}, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// Update replaces the file with what change makes of its contents; a missing file is an empty list. It holds a lock
// against other programs meanwhile. The file is replaced at one stroke, durable on return and readable by its owner
// alone. When change fails, nothing is written and its error is returned.
func Update(path string, change func(List) (List, error)) error {
	unlock, err := privatefile.Lock(path)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := Read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l, err := change(old)
	if err != nil {
		return err
	}
	text, err := l.Format()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return privatefile.Replace(path, text, 0o600)
}
