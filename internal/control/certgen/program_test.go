package certgen

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bundy/internal/control/certificate"
)

func TestProgram(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	files := []string{"-c", cert, "-k", key}
	run := func(want int, extra ...string) {
		t.Helper()
		var out bytes.Buffer
		if got := Main(append(files, extra...), &out, &out); got != want {
			t.Errorf("%v: exit %d instead of %d: %s", extra, got, want, &out)
		}
	}
	contents := func() string {
		t.Helper()
		text, err := os.ReadFile(cert)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}

	run(statusNoFile)
	run(statusOptions, "--nonsense")
	run(0, "-w")
	first := contents()
	run(0)
	run(0, "-w")
	if contents() != first {
		t.Error("a valid certificate was replaced without --force")
	}
	run(0, "-w", "-f")
	second := contents()
	if second == first {
		t.Error("--force did not replace the certificate")
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	run(0, "-w")
	if contents() == second {
		t.Error("a certificate without key was kept")
	}
	if err := certificate.Make(cert, key, time.Now().AddDate(-20, 0, 0)); err != nil {
		t.Fatal(err)
	}
	run(statusExpired)
	if err := os.WriteFile(cert, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(statusDecoding)
	var out bytes.Buffer
	if got := Main(append(files, "-q"), &out, &out); got != statusDecoding || out.Len() > 0 {
		t.Errorf("quiet: exit %d, printed %q", got, &out)
	}
	files = []string{"-c", filepath.Join(dir, "absent", "c.pem"), "-k", key}
	run(statusNoFile, "-w")
}
