package zonefile

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// directive handles a control entry.
func (f *file) directive(word []byte) error {
	switch strings.ToUpper(string(word)) {
	case "$ORIGIN":
		return f.setOrigin()
	case "$TTL":
		return f.setTTL()
	case "$INCLUDE":
		return f.include()
	case "$GENERATE":
		return f.generate()
	}
	return &fault{"unknown directive", word}
}

// arguments checks how many words follow the directive.
func (f *file) arguments(least, most int) error {
	n := len(f.scan.entry.tokens) - 1
	switch {
	case n < least:
		return &fault{"directive needs an argument", f.scan.entry.word(0)}
	case n > most:
		return &fault{"too many arguments of a directive", f.scan.entry.word(most + 1)}
	}
	return nil
}

func (f *file) setOrigin() error {
	if err := f.arguments(1, 1); err != nil {
		return err
	}
	n, err := parseName(f.scan.entry.word(1), f.origin)
	if err == nil {
		f.origin = n
	}
	return err
}

func (f *file) setTTL() error {
	if err := f.arguments(1, 1); err != nil {
		return err
	}
	text := f.scan.entry.word(1)
	ttl, err := parseSeconds(text)
	if errors.Is(err, errRange) {
		ttl, err = 1<<32-1, nil
	}
	if err != nil {
		return &fault{"bad TTL", text}
	}
	f.preset, f.hasPreset = f.limitTTL(ttl), true
	return nil
}

// include reads another file with an origin of its own. Afterwards the origin and the owner are as before (RFC 1035
// section 5.1). A relative path begins at the directory of the including file.
func (f *file) include() error {
	if err := f.arguments(1, 2); err != nil {
		return err
	}
	e := &f.scan.entry
	path := string(e.word(1))
	if path == "" || strings.ContainsRune(path, 0) {
		return &fault{"bad file name", e.word(1)}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(f.path), path)
	}
	origin := f.origin
	if len(e.tokens) == 3 {
		var err error
		if origin, err = parseName(e.word(2), f.origin); err != nil {
			return err
		}
	}
	// Only this line is in error then, and what else is wrong is told, too. Under another name of the file the depth ends it.
	for a := f; a != nil; a = a.above {
		if filepath.Clean(a.path) == filepath.Clean(path) {
			return &fault{"file includes itself", []byte(path)}
		}
	}
	if f.depth == MaxDepth {
		return fmt.Errorf("%w: %d files include one another", ErrLimit, MaxDepth)
	}
	stream, err := f.Open(path)
	if err != nil {
		return &fault{"cannot include: " + reason(err), []byte(path)}
	}
	f.reader.file(stream, path, origin, f.owner, f)
	return nil
}
