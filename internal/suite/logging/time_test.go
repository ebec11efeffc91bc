package logging

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestBrokenDestination: the other destination gets everything, standard error is told, and what waited is written when
// the destination works again.
func TestBrokenDestination(t *testing.T) { synctest.Test(t, testBrokenDestination) }

func testBrokenDestination(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	path := filepath.Join(dir, "log")
	r, stdout, stderr := newRoot(t, Options{})
	l := fileLogger(path, 0, 0)
	l.OutputOptions = append(l.OutputOptions, toConsole("stdout")...)
	configure(t, r, l)
	r.Logger("Auth").Log(testInfo, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := r.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("flush of a broken destination: %v", err)
	}
	if got := stdout.String(); !strings.HasSuffix(got, "value 1\n") {
		t.Errorf("stdout %q", got)
	}
	if got := stderr.String(); !strings.Contains(got, "ERROR [bundy.log/42] LOG_DESTINATION_FAILED cannot write to file "+path) {
		t.Errorf("stderr %q", got)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	flush(t, r)
	if text, err := os.ReadFile(path); err != nil || !strings.HasSuffix(string(text), "value 1\n") {
		t.Errorf("file %q, %v", text, err)
	}
}

// TestWithoutFlush: messages may wait for company, but not for ever; and when the process ends they are written.
func TestWithoutFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stdout, _ := newRoot(t, Options{})
		configure(t, r, LoggerConfig{Name: "*", Severity: "INFO", OutputOptions: []OutputConfig{{Destination: "console", Output: "stdout"}}})
		l := r.Logger("Auth")
		l.Log(testInfo, 1)
		time.Sleep(lingering / 2)
		if got := stdout.String(); got != "" {
			t.Errorf("written at once: %q", got)
		}
		l.Log(testInfo, 2)
		time.Sleep(lingering)
		if got := stdout.String(); strings.Count(got, "\n") != 2 {
			t.Errorf("after the pause %q", got)
		}
		l.Log(testInfo, 3)
		r.Close()
		if got := stdout.String(); strings.Count(got, "\n") != 3 {
			t.Errorf("after Close %q", got)
		}
	})
}

// TestFatalAndHangingDestination: the end of a process does not wait for a destination that takes nothing.
func TestFatalAndHangingDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stdout, _ := newRoot(t, Options{})
		stdout.hang = make(chan struct{})
		configure(t, r, LoggerConfig{Name: "*", Severity: "INFO", OutputOptions: toConsole("stdout")})
		begin := time.Now()
		r.Logger("Auth").Log(testFatal)
		if took := time.Since(begin); took != fatalWait {
			t.Errorf("Log took %v", took)
		}
		r.Close()
		if took := time.Since(begin); took != fatalWait+closeWait {
			t.Errorf("Log and Close took %v", took)
		}
		close(stdout.hang)
	})
}
