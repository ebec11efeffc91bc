package terminal

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	s := Lines(strings.NewReader("one\r\ntwo\nthree"))
	for _, want := range []string{"one", "two", "three"} {
		if got, err := s.Line("> "); got != want || err != nil {
			t.Errorf("%q, %v instead of %q", got, err, want)
		}
	}
	if _, err := s.Line("> "); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if s.Interactive() {
		t.Error("a text is a person")
	}
}

func TestLineOfAnyLengthEnds(t *testing.T) {
	s := Lines(strings.NewReader(strings.Repeat("x", maxLine+1)))
	if _, err := s.Line(""); err == nil || err == io.EOF {
		t.Errorf("a line beyond the bound: %v", err)
	}
}

func TestOpenOfFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := Open(f, nil, "")
	if got, err := s.Password("Password: "); got != "hello" || err != nil || s.Interactive() {
		t.Errorf("%q, %v, interactive %v", got, err, s.Interactive())
	}
}
