package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSkipsAreTold runs tools/test on a package of its own: what fails is shown as go test shows it, what is skipped with
// the reason.
func TestSkipsAreTold(t *testing.T) {
	t.Parallel()
	tool, err := filepath.Abs("../tools/test")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, body string
		want, not  []string
		fails      bool
	}{
		{"skipped", `t.Run("one", func(t *testing.T) { t.Parallel(); t.Log("first"); t.Skip("no such program") })
			t.Run("two", func(t *testing.T) { t.Parallel(); t.SkipNow() })`,
			[]string{"ok  \tx", "skipped TestX/one: x_test.go:6: no such program", "skipped TestX/two: no reason given"}, []string{"RUN", "PASS"}, false},
		{"failed", `t.Error("broken")`, []string{"x_test.go:6: broken", "--- FAIL: TestX", "FAIL\tx"}, []string{"RUN"}, true},
		{"not built", `t.NoSuchMethod()`, []string{"NoSuchMethod", "FAIL\tx"}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			source := "package x\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {\n" + c.body + "\n}\n"
			for name, text := range map[string]string{"go.mod": "module x\n", "x_test.go": source} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(tool, "-count=1", "./...")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
			out, err := cmd.CombinedOutput()
			if (err != nil) != c.fails {
				t.Errorf("ended with %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("%q is not in:\n%s", want, out)
				}
			}
			for _, not := range c.not {
				if strings.Contains(string(out), not) {
					t.Errorf("%q is in:\n%s", not, out)
				}
			}
		})
	}
}

// TestNeedWithoutPrograms: on a machine without any of the programs, and without a network to install them from, the
// tests run all the same, and what cannot be done without says what is missing.
func TestNeedWithoutPrograms(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/usr/sbin/sh"); err == nil {
		t.Skip("/usr/sbin, where tools/need looks too, is /usr/bin here")
	}
	bin := t.TempDir()
	for _, name := range []string{"sort", "tr", "id", "rm", "chmod"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for target, status := range map[string]int{"test": 0, "race": 1, "demo": 1, "bench": 1, "bench-auth": 1, "other": 2} {
		cmd := exec.Command(shell, "../tools/need", target)
		cmd.Env = []string{"PATH=" + bin}
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != status {
			t.Errorf("%s: status %d, want %d:\n%s", target, got, status, out)
		}
		if text := string(out); status < 2 && !strings.Contains(text, "missing Debian packages: ") {
			t.Errorf("%s does not say what is missing:\n%s", target, text)
		}
	}
}
