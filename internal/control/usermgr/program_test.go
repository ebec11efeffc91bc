package usermgr

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bundy/internal/control/accounts"
	"bundy/internal/suite/paths"
)

func TestProgram(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "accounts.csv")
	for _, c := range []struct {
		args  string
		input string
		want  int
		say   string // part of the output
	}{
		{"add", "", statusArguments, "Username to add: "},
		{"", "", statusArguments, "add or delete"},
		{"rename x", "", statusArguments, "unknown command"},
		{"add a b c", "", statusArguments, "too many"},
		{"delete root", "", statusUnknown, "does not exist"},
		{"add root", "secret\nsecret\n", 0, "Using accounts file: " + file},
		{"add root", "", statusExists, "exists"},
		{"-q add root", "", statusExists, "exists"},
		{"add", "\nroot\nsecond\n\none\ntwo\npw\npw\n", 0, "do not match"},
		{"add third pw3", "", 0, ""},
		{"--digest=false add fourth pw4", "", 0, ""},
		{"add a:b pw", "", statusArguments, "colon"},
		{"delete", "nobody\nthird\n", 0, "Username to delete: "},
		{"-f /nonexistent/x add u pw", "", statusFile, ""},
	} {
		args := append([]string{"-f", file}, strings.Fields(c.args)...)
		var out bytes.Buffer
		if got := Main(args, paths.Below(dir), strings.NewReader(c.input), &out, &out); got != c.want {
			t.Errorf("%s: exit %d instead of %d: %s", c.args, got, c.want, &out)
		}
		if !strings.Contains(out.String(), c.say) {
			t.Errorf("%s: %q is not in the output:\n%s", c.args, c.say, &out)
		}
	}
	l, err := accounts.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := l.Find("third"); ok || l.Len() != 3 {
		t.Errorf("%d users, third %v", l.Len(), ok)
	}
	for user, password := range map[string]string{"root": "secret", "second": "pw", "fourth": "pw4"} {
		if a, ok := l.Find(user); !ok || !a.Verify(password) || (a.Secrets.SHA256 != "") == (user == "fourth") {
			t.Errorf("%s: %+v, %v", user, a, ok)
		}
	}
}

func TestProgramMakesItsDirectory(t *testing.T) {
	p := paths.Below(t.TempDir())
	var out bytes.Buffer
	if got := Main([]string{"add", "root", "pw"}, p, strings.NewReader(""), &out, &out); got != 0 {
		t.Fatalf("exit %d: %s", got, &out)
	}
	if _, err := os.Stat(filepath.Join(p.Config, "cmdctl-accounts.csv")); err != nil {
		t.Error(err)
	}
}

func TestProgramQuiet(t *testing.T) {
	var out bytes.Buffer
	file := filepath.Join(t.TempDir(), "a.csv")
	if got := Main([]string{"-q", "-f", file, "add", "root", "pw"}, paths.Default(), strings.NewReader(""), &out, &out); got != 0 || out.Len() > 0 {
		t.Errorf("exit %d, printed %q", got, &out)
	}
}

func TestProgramRefusesBrokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(file, []byte("one,two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if got := Main([]string{"-f", file, "add", "root", "pw"}, paths.Default(), strings.NewReader(""), &out, &out); got != statusFile || !strings.Contains(out.String(), "line 1") {
		t.Errorf("exit %d, printed %q", got, &out)
	}
	if text, _ := os.ReadFile(file); string(text) != "one,two\n" {
		t.Error("a broken file was written over")
	}
}
