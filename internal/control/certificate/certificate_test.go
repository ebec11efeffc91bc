package certificate

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func files(t *testing.T) (cert, key string) {
	dir := t.TempDir()
	return filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
}

func TestMake(t *testing.T) {
	cert, key := files(t)
	if err := Make(cert, key, now); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(key); err != nil || info.Mode() != 0o600 {
		t.Errorf("key has mode %v, %v", info.Mode(), err)
	}
	pair, err := Load(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now}); err != nil {
			t.Errorf("as %s: %v", name, err)
		}
	}
}

func TestCheck(t *testing.T) {
	cert, key := files(t)
	if err := Check(cert, now); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := Make(cert, key, now); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   time.Time
		want error
	}{
		{now, nil},
		{now.Add(-2 * time.Hour), ErrNotYetValid},
		{now.Add(validity + time.Hour), ErrExpired},
	} {
		if err := Check(cert, c.at); !errors.Is(err, c.want) {
			t.Errorf("at %v: %v instead of %v", c.at, err, c.want)
		}
	}
	if err := Check(key, now); !errors.Is(err, ErrFormat) {
		t.Errorf("a key as certificate: %v", err)
	}
}

func TestLoadRefusesForeignKey(t *testing.T) {
	cert, key := files(t)
	otherCert, otherKey := files(t)
	for _, err := range []error{Make(cert, key, now), Make(otherCert, otherKey, now)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(cert, otherKey); err == nil {
		t.Error("a certificate with the key of another is accepted")
	}
}
