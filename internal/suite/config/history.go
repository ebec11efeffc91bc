package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"bundy/internal/suite/schema"
)

// maxRevisions is how many revisions are kept: enough to go back some months at the pace of a careful operator.
const maxRevisions = 100

const dirMode = 0o750

// history is a directory with one file a revision, 00000001.json and so on.
type history struct{ dir string }

func (h history) path(number int) string {
	return filepath.Join(h.dir, fmt.Sprintf("%08d.json", number))
}

// numbers lists the revisions that are there, the newest first. Files with other names are left alone.
func (h history) numbers() ([]int, error) {
	entries, err := os.ReadDir(h.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("configuration history: %w", err)
	}
	var numbers []int
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if n, err := strconv.Atoi(name); ok && err == nil && n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	return numbers, nil
}

func (h history) read(number int) (Revision, error) {
	text, err := readBounded(h.path(number))
	if errors.Is(err, fs.ErrNotExist) {
		return Revision{}, fmt.Errorf("no revision %d in the history", number)
	}
	if err != nil {
		return Revision{}, fmt.Errorf("configuration history: %w", err)
	}
	rev, err := parseRevision(text)
	if err != nil {
		return Revision{}, fmt.Errorf("configuration history: %s: %w", h.path(number), err)
	}
	return rev, nil
}

// parseRevision reads the document with schema.Parse, so that its numbers have the form that all documents have.
func parseRevision(text []byte) (Revision, error) {
	v, err := schema.Parse(text)
	if err != nil {
		return Revision{}, err
	}
	var rev Revision
	if err := json.Unmarshal(text, &rev.Summary); err != nil {
		return Revision{}, err
	}
	all, _ := v.(map[string]any)
	sections, ok := all["document"].(map[string]any)
	if !ok {
		return Revision{}, errors.New("document is missing")
	}
	rev.Document = schema.Document{}
	for name, section := range sections {
		if rev.Document[name], ok = section.(map[string]any); !ok {
			return Revision{}, fmt.Errorf("%s: the section of a module should be a map", name)
		}
	}
	return rev, nil
}

// newest returns the newest revision, nil if there is none. One that cannot be read counts as a revision with an empty
// document: it must not keep the suite from starting, and its number must not be used again.
func (h history) newest() (*Revision, error) {
	numbers, err := h.numbers()
	if err != nil || len(numbers) == 0 {
		return nil, err
	}
	rev, err := h.read(numbers[0])
	if err != nil {
		return &Revision{Summary: Summary{Number: numbers[0]}}, nil
	}
	return &rev, nil
}

// list leaves out revisions that cannot be read.
func (h history) list() ([]Summary, error) {
	numbers, err := h.numbers()
	if err != nil {
		return nil, err
	}
	out := []Summary{}
	for _, n := range numbers {
		if rev, err := h.read(n); err == nil {
			out = append(out, rev.Summary)
		}
	}
	return out, nil
}

func (h history) write(rev Revision) error {
	if err := os.MkdirAll(h.dir, dirMode); err != nil {
		return fmt.Errorf("configuration history: %w", err)
	}
	text, err := json.Marshal(rev)
	if err != nil {
		return fmt.Errorf("configuration history: %w", err)
	}
	return replace(h.path(rev.Number), append(text, '\n'))
}

func (h history) remove(number int) error {
	if err := os.Remove(h.path(number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("configuration history: %w", err)
	}
	return nil
}

// prune removes what is older than the newest maxRevisions. A revision that cannot be removed is tried again at the next
// commit, which must not fail for it.
func (h history) prune(newest int) {
	numbers, err := h.numbers()
	if err != nil {
		return
	}
	for _, n := range numbers {
		if n <= newest-maxRevisions && h.remove(n) != nil {
			return
		}
	}
}
