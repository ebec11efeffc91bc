package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"bundy/internal/suite/schema"
)

// currentVersion is the version of the file's form.
const currentVersion = 4

// maxFile bounds how much of a stored file is read: a hundred thousand subnets fit well.
const maxFile = 256 << 20

// FileError says that a stored document cannot be used. The suite ends with status 2: it must not start with an empty
// configuration in its place.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string {
	return fmt.Sprintf("configuration file %s cannot be used: %v", e.Path, e.Err)
}

func (e *FileError) Unwrap() error { return e.Err }

// file is the stored document: one JSON object with "version" and one member a module.
type file struct{ path string }

// read returns the document and the version it was stored in, brought up to the current version. No file is an empty
// document.
func (f file) read() (schema.Document, int, error) {
	text, err := readBounded(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return schema.Document{}, currentVersion, nil
	}
	if err != nil {
		return nil, 0, &FileError{f.path, err}
	}
	document, version, err := parseDocument(text)
	if err != nil {
		return nil, 0, &FileError{f.path, err}
	}
	return document, version, nil
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: larger than %d octets", path, maxFile)
	}
	return os.ReadFile(path)
}

func parseDocument(text []byte) (schema.Document, int, error) {
	v, err := schema.Parse(text)
	if err != nil {
		return nil, 0, err
	}
	all, ok := v.(map[string]any)
	if !ok {
		return nil, 0, errors.New("it should hold one JSON object")
	}
	stored, ok := all[schema.VersionKey]
	if !ok {
		return nil, 0, errors.New(`"version" is missing`)
	}
	version, ok := stored.(int64)
	if !ok {
		return nil, 0, fmt.Errorf(`"version" is %#v and should be a number from 1 to %d`, stored, currentVersion)
	}
	if version < 1 || version > currentVersion {
		return nil, 0, fmt.Errorf("version %d is not one of 1 to %d: it was written by another program, or a newer one", version, currentVersion)
	}
	delete(all, schema.VersionKey)
	document := schema.Document{}
	for name, section := range all {
		if document[name], ok = section.(map[string]any); !ok {
			return nil, 0, fmt.Errorf("%s: the section of a module should be a map", name)
		}
	}
	if err := upgrade(document, version); err != nil {
		return nil, 0, err
	}
	return document, int(version), nil
}

// upgrade brings a document to the current version: version 3 renamed the module Boss, version 4 added generations.
func upgrade(document schema.Document, version int64) error {
	if boss, ok := document["Boss"]; ok && version < 3 {
		if _, both := document["Init"]; both {
			return errors.New("both Boss and Init are there: one is the old name of the other")
		}
		document["Init"] = boss
		delete(document, "Boss")
	}
	if version >= 4 {
		return nil
	}
	for name, section := range document {
		for item := range section {
			if strings.HasPrefix(item, "_") {
				return fmt.Errorf("%s/%s: this name is reserved since version 4", name, item)
			}
		}
		section[schema.GenerationKey] = int64(1)
	}
	return nil
}

// write replaces the stored document. After a nil error it is durable.
func (f file) write(document schema.Document) error {
	all := map[string]any{schema.VersionKey: currentVersion}
	for name, section := range document {
		all[name] = section
	}
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return replace(f.path, append(text, '\n'))
}

// restore puts the old document back after a write failed so late that the new file may have its name already.
func (f file) restore(old schema.Document) error {
	if stored, _, err := f.read(); err == nil && schema.Equal(stored, old) {
		return nil
	}
	return f.write(old)
}

// clear moves the stored document out of the way: it gets the first free name of file.bak, file.bak.1, file.bak.2 and
// so on, which is returned. Without a file it returns "".
func (f file) clear() (string, error) {
	for i := 0; ; i++ {
		backup := f.path + ".bak"
		if i > 0 {
			backup += "." + strconv.Itoa(i)
		}
		err := os.Link(f.path, backup) // does not replace, as a rename would
		switch {
		case err == nil:
			if err := os.Remove(f.path); err != nil {
				return "", fmt.Errorf("clear configuration: %w", err)
			}
			return backup, syncDir(filepath.Dir(f.path))
		case errors.Is(err, fs.ErrNotExist):
			return "", nil
		case !errors.Is(err, fs.ErrExist):
			return "", fmt.Errorf("clear configuration: %w", err)
		}
	}
}

// sweep removes temporary files that a crash left behind in dir: those of files whose names begin with prefix.
func sweep(dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && strings.Contains(e.Name(), tempMark) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("configuration: %w", err)
			}
		}
	}
	return nil
}

// tempMark stands in the names of files that are being written; a crash may leave one behind.
const tempMark = ".tmp"

// replace writes a file so that after a crash either the old or the new content is there: a temporary file, fsync,
// rename, fsync of the directory. The files hold keys, so only their owner may read them.
func replace(path string, text []byte) error {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, filepath.Base(path)+tempMark)
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	defer os.Remove(temp.Name()) // after the rename there is none, and nothing to report
	_, err = temp.Write(text)
	if err == nil {
		err = temp.Sync()
	}
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("fsync %s: %w", dir, err)
	}
	return nil
}
