package shell

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// program runs bundyctl against a fake server, with text on its standard input.
func program(t *testing.T, f *fakeServer, input string, args ...string) (int, string) {
	t.Helper()
	stdin, err := os.Open(writeFile(t, "stdin", input))
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	var out bytes.Buffer
	status := Main(append([]string{"-p", strconv.Itoa(int(f.address(t).Port()))}, args...), "1.2.3", stdin, &out, &out)
	return status, out.String()
}

func credentialsDir(t *testing.T, rows string) string {
	return filepath.Dir(writeFile(t, credentialsName, rows)) + "/"
}

func TestProgram(t *testing.T) {
	f := newServer(t)
	good := "--csv-file-dir=" + credentialsDir(t, "joe,wrong\nroot,secret\n")
	bad := "--csv-file-dir=" + credentialsDir(t, "root,wrong\n")
	none := "--csv-file-dir=" + t.TempDir()
	certificate := writeFile(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})))
	for _, c := range []struct {
		input  string
		args   []string
		status int
		want   string
	}{
		{"Init ping\nquit\nInit ping\n", []string{good}, 0, "\"pong\"\n\nExit from bundyctl\n"},
		{"Auth fail\n", []string{good}, 0, "{\n    \"error\": \"as asked\"\n}\n\nExit from bundyctl\n"},
		{"Init ping", []string{"-c", certificate, good}, 0, "\"pong\"\n\nExit from bundyctl\n"},
		{"", []string{good, "Init", "ping"}, 0, "\"pong\"\n"},
		{"", []string{good, "Auth", "loadzone", "origin=example.com."}, 0, ""},
		{"", []string{good, "Auth fail"}, 1, "{\n    \"error\": \"as asked\"\n}\n"},
		{"", []string{good, "config set Auth/tcp_recv_timeout 7"}, 1, "Error: the change is lost..."},
		{"", []string{good, "config", "show", "Nobody"}, 1, "Error: Module 'Nobody' unknown or not running\n"},
		{"", []string{good, "config", "show", "-x"}, 1, "Error: Module '-x' unknown or not running\n"},
		{"Init ping\n", []string{bad}, 1, "Login failed: either the user name or the password is invalid.\n"},
		{"Init ping\n", []string{none}, 1, "No stored password file found: ..."},
		{"", []string{"-a", "nowhere"}, 2, "bundyctl: error: \"nowhere\" is not an IP address\n"},
		{"", []string{"-p", "70000"}, 2, "bundyctl: error: ..."},
		{"", []string{"--version"}, 0, "bundyctl version 1.2.3\n"},
		{"", []string{"-h"}, 0, "Configure and command Bundy..."},
	} {
		status, out := program(t, f, c.input, c.args...)
		if status != c.status {
			t.Errorf("%v: exit %d instead of %d", c.args, status, c.status)
		}
		if head, cut := strings.CutSuffix(c.want, "..."); cut && strings.HasPrefix(out, head) {
			continue
		}
		if out != c.want {
			t.Errorf("%v: printed %q instead of %q", c.args, out, c.want)
		}
	}
}

func TestProgramVerifiesCertificate(t *testing.T) {
	f := newServer(t)
	other := newOtherCertificate(t)
	status, out := program(t, f, "Init ping\n", "-c", other, "--csv-file-dir="+credentialsDir(t, "root,secret\n"))
	if status != 1 || !strings.HasPrefix(out, "Error:  ") {
		t.Errorf("exit %d, printed %q", status, out)
	}
}

func TestProgramUnreachable(t *testing.T) {
	f := newServer(t)
	dir := "--csv-file-dir=" + credentialsDir(t, "root,secret\n")
	f.Close()
	if status, out := program(t, f, "Init ping\n", dir); status != 1 || !strings.HasPrefix(out, "Error:  ") {
		t.Errorf("exit %d, printed %q", status, out)
	}
}

func TestCredentialsAreStoredForTheUserAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if err := saveCredentials(dir, credentials{"ro,ot", `se"cret`}); err != nil {
		t.Fatal(err)
	}
	got, err := readCredentials(dir)
	if err != nil || len(got) != 1 || got[0] != (credentials{"ro,ot", `se"cret`}) {
		t.Errorf("%v, %v", got, err)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, filepath.Join(dir, credentialsName): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func newOtherCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, "other.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}
