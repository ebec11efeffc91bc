package accounts

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVerify(t *testing.T) {
	a, err := New("root", "correct horse", true)
	if err != nil {
		t.Fatal(err)
	}
	if !a.Verify("correct horse") {
		t.Error("the right password is refused")
	}
	for _, wrong := range []string{"", "correct horse ", "Correct horse", strings.Repeat("x", maxPassword+1)} {
		if a.Verify(wrong) {
			t.Errorf("password %.20q is accepted", wrong)
		}
	}
	if a.Legacy() {
		t.Error("a new account counts as legacy")
	}
}

// The hash is sha1("secret" + "salt,\"x"), computed with sha1sum.
func TestVerifyLegacy(t *testing.T) {
	l, err := Parse([]byte("joe,c89cfce4182ecc52fe2948349a58d3f4a2f4f000,\"salt,\"\"x\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	a, ok := l.Find("joe")
	if !ok || !a.Legacy() {
		t.Fatalf("account %+v, %v", a, ok)
	}
	if !a.Verify("secret") || a.Verify("Secret") {
		t.Errorf("legacy password wrongly verified")
	}
}

func TestNobodyHasNoPassword(t *testing.T) {
	if _, err := parseArgon(nobody); err != nil {
		t.Fatal("the hash of nobody would take no time:", err)
	}
	if verifyArgon(nobody, "x") {
		t.Error("nobody has a password")
	}
}

// RFC 7616 section 3.9.1 has another realm; these were computed with md5sum and sha256sum of "root:Bundy:pw".
func TestSecrets(t *testing.T) {
	want := Secrets{
		SHA256: "7e3340863d3af957e1027b8c37e248d51204b1b44200e31943785da7f06d31c7",
		MD5:    "fb7dfcea0e8b1d7b840d6aefe3180c31",
	}
	got := secretsOf("root", "pw")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestListKeepsOrderAndForm(t *testing.T) {
	one, _ := New("one", "1", true)
	two, _ := New("two", "2", false)
	old := Account{User: "old", Hash: strings.Repeat("a", 40), Salt: `,"`}
	l := List{}.With(one).With(old).With(two)
	text, err := l.Format()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l.accounts, back.accounts); diff != "" {
		t.Error(diff)
	}
	stripped, found := back.WithoutSecrets()
	if a, _ := stripped.Find("one"); !found || a.Secrets != (Secrets{}) || a.Hash != one.Hash {
		t.Errorf("stripped %+v, found %v", a, found)
	}
	if _, ok := l.Without("one").Find("one"); ok || l.Len() != 3 {
		t.Error("Without did not remove, or changed its list")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"root\n",
		"root,hash\n",
		",hash,salt\n",
		"a,b,c\na,b,c\n",
		"a,\"b\nc",
		"root,$argon2id$v=19$nonsense,\n",
		"root,\"$argon2id$v=19$m=99999999,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\n",
		"root,\"" + nobody + "\",SHA-256=zz\n",
		"root,\"" + nobody + "\",CRC=00\n",
	} {
		if l, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q gives %+v", text, l)
		}
	}
}

func TestUpdate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.csv")
	if _, err := Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("missing file: %v", err)
	}
	for _, user := range []string{"a", "b"} {
		add := func(l List) (List, error) {
			account, err := New(user, "pw", true)
			return l.With(account), err
		}
		if err := Update(path, add); err != nil {
			t.Fatal(err)
		}
	}
	l, err := Read(path)
	if err != nil || l.Len() != 2 {
		t.Fatalf("%d accounts, %v", l.Len(), err)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	refusal := errors.New("no")
	if err := Update(path, func(List) (List, error) { return List{}, refusal }); !errors.Is(err, refusal) {
		t.Errorf("refused change: %v", err)
	}
	if l, _ := Read(path); l.Len() != 2 {
		t.Error("a refused change was written")
	}
	left, _ := filepath.Glob(path + ".*")
	if diff := cmp.Diff([]string{path + ".lock"}, left); diff != "" {
		t.Error("files left behind:", diff)
	}
}

func TestCheckUser(t *testing.T) {
	for user, ok := range map[string]bool{"root": true, "Jörg": true, "": false, "a:b": false, "a\nb": false, strings.Repeat("u", 65): false} {
		if err := CheckUser(user); (err == nil) != ok {
			t.Errorf("%q: %v", user, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("root,c89cfce4182ecc52fe2948349a58d3f4a2f4f000,salt\n"))
	f.Add([]byte("root,\"" + nobody + "\",SHA-256=00 MD5=11\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Parse(text)
		if err != nil {
			return
		}
		out, err := l.Format()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(out)
		if err != nil {
			t.Fatalf("%q is written as %q and not read: %v", text, out, err)
		}
		if diff := cmp.Diff(l.accounts, back.accounts); diff != "" {
			t.Fatal(diff)
		}
	})
}
