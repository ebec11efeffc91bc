package archtest

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestSQLiteHasItsLibc compares the version of modernc.org/libc in go.mod with the one that modernc.org/sqlite was made
// for: another one compiles and then fails at run time.
func TestSQLiteHasItsLibc(t *testing.T) {
	const library, libc = "modernc.org/sqlite", "modernc.org/libc"
	out, err := exec.Command("go", "list", "-m", "-f", "{{.GoMod}}", library).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", library, err)
	}
	want, have := required(t, strings.TrimSpace(string(out)), libc), required(t, "../../go.mod", libc)
	if want == "" || want != have {
		t.Errorf("%s is %s in go.mod, but %s wants %s", libc, have, library, want)
	}
}

// required gives the version that a go.mod file requires of a module.
func required(t *testing.T, file, module string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	for in.Scan() {
		if fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(in.Text()), "require ")); len(fields) >= 2 && fields[0] == module {
			return fields[1]
		}
	}
	return ""
}
