package ncr

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	reopen := func(want ...string) *Journal {
		t.Helper()
		j, found, err := OpenJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { j.Close() })
		if len(found) != len(want) {
			t.Fatalf("found %q, want %q", found, want)
		}
		for i := range want {
			if string(found[i]) != want[i] {
				t.Fatalf("found %q, want %q", found, want)
			}
		}
		return j
	}
	add := func(j *Journal, datagrams ...string) {
		t.Helper()
		for _, d := range datagrams {
			if err := j.Append([]byte(d)); err != nil {
				t.Fatal(err)
			}
		}
	}
	j := reopen()
	add(j, "a", "", "bc")
	j = reopen("a", "", "bc")
	if err := j.Done(2); err != nil { // not all
		t.Fatal(err)
	}
	add(j, "d")
	reopen("a", "", "bc", "d")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(content) { // killed in the middle of a write
		if err := os.WriteFile(path, content[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		j, found, err := OpenJournal(path)
		if err != nil || len(found) >= 4 {
			t.Fatalf("cut at %d: %q %v", cut, found, err)
		}
		add(j, "x")
		j.Close()
		j, again, err := OpenJournal(path)
		if err != nil || len(again) != len(found)+1 || string(again[len(found)]) != "x" {
			t.Fatalf("cut at %d, after another: %q %v", cut, again, err)
		}
		j.Close()
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	j = reopen("a", "", "bc", "d")
	if err := j.Done(4); err != nil {
		t.Fatal(err)
	}
	<-j.Empty()
	j = reopen()
	large := bytes.Repeat([]byte("x"), MaxDatagram)
	for err = nil; err == nil; {
		err = j.Append(large)
	}
	if info, _ := os.Stat(path); !errors.Is(err, ErrJournalFull) || info.Size() > MaxJournal {
		t.Errorf("%v at %d octets", err, info.Size())
	}
}
