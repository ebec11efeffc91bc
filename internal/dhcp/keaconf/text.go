package keaconf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"bundy/internal/suite/schema"
)

// Limits of what is read: more than any server has.
const (
	maxText     = 64 << 20 // octets of all files together
	maxIncludes = 256
)

var errSize = errors.New("the files are too large together")

// plain puts blanks in the place of what Kea's files have and JSON has not: comments of the three kinds and commas behind
// the last element. Places do not move.
func plain(text []byte) []byte {
	out := append([]byte(nil), text...)
	blank := func(from, to int) {
		for i := from; i < to; i++ {
			if out[i] != '\n' {
				out[i] = ' '
			}
		}
	}
	comma := -1 // the last one, if nothing came behind it yet
	for i := 0; i < len(out); i++ {
		rest := string(out[i:min(i+2, len(out))])
		switch {
		case out[i] == '"':
			for i++; i < len(out) && out[i] != '"'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
			comma = -1
		case out[i] == '#' || rest == "//":
			end := i
			for end < len(out) && out[end] != '\n' {
				end++
			}
			blank(i, end)
		case rest == "/*":
			end := i + 2
			for end < len(out) && string(out[end:min(end+2, len(out))]) != "*/" {
				end++
			}
			blank(i, min(end+2, len(out)))
		case out[i] == ',':
			comma = i
		case (out[i] == '}' || out[i] == ']') && comma >= 0:
			blank(comma, comma+1)
			comma = -1
		case out[i] != ' ' && out[i] != '\t' && out[i] != '\r' && out[i] != '\n':
			comma = -1
		}
	}
	return out
}

var include = regexp.MustCompile(`<\?include\s+"([^"\n]+)"\s*\?>`)

// loader reads a file with those that it includes.
type loader struct {
	read  int
	files int
}

// load gives the text of a file without comments. Names of included files are relative to the working directory in Kea;
// here also to the file's folder.
func (l *loader) load(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, int64(maxText-l.read)+1))
	if err != nil {
		return nil, err
	}
	if l.read += len(text); l.read > maxText {
		return nil, errSize
	}
	text = plain(text)
	for {
		at := include.FindSubmatchIndex(text)
		if at == nil {
			return text, nil
		}
		if l.files++; l.files > maxIncludes {
			return nil, fmt.Errorf("%s: more than %d files are included", path, maxIncludes)
		}
		name := string(text[at[2]:at[3]])
		if _, err := os.Stat(name); err != nil && !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		inner, err := l.load(name)
		if err != nil {
			return nil, fmt.Errorf("included by %s: %w", path, err)
		}
		if l.read += len(text); l.read > maxText { // as it is copied
			return nil, errSize
		}
		text = append(append(append([]byte(nil), text[:at[0]]...), inner...), text[at[1]:]...)
	}
}

// parse reads the text of a configuration: a map with a map for each server.
func parse(text []byte) (map[string]map[string]any, error) {
	v, err := schema.Parse(text)
	if err != nil {
		return nil, err
	}
	all, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("it is no map of servers")
	}
	out := map[string]map[string]any{}
	for name, v := range all {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s is no map", name)
		}
		out[name] = m
	}
	return out, nil
}
