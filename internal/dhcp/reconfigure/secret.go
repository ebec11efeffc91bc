package reconfigure

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bundy/internal/dhcp/packet6"
)

// Secret is what the keys of all clients are made of. So none of them need be written, or can be lost with a lease: a
// server that was restarted, or whose leases were taken to another machine together with this file, knows them all.
type Secret [sha256.Size]byte

// Key is a client's reconfigure key. To everybody who does not know the secret it is a random number.
func (s *Secret) Key(duid string) [packet6.KeySize]byte {
	mac := hmac.New(sha256.New, s[:])
	mac.Write([]byte(duid))
	return [packet6.KeySize]byte(mac.Sum(nil)[:packet6.KeySize])
}

// maxFile bounds what is read of the file.
const maxFile = 1024

// ErrSecret is wrapped when a file holds no secret.
var ErrSecret = errors.New("not 64 hexadecimal digits")

// LoadSecret reads the secret in a file, or makes one when there is no file. A new one is on disk when it returns.
func LoadSecret(path string) (*Secret, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newSecret(path)
	}
	if err != nil {
		return nil, fmt.Errorf("secret of reconfigure keys: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("secret of reconfigure keys: %w", err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != len(Secret{}) { // the text itself is nobody's business
		return nil, fmt.Errorf("secret of reconfigure keys in %s: %w", path, ErrSecret)
	}
	s := Secret(b)
	return &s, nil
}

func newSecret(path string) (*Secret, error) {
	var s Secret
	rand.Read(s[:]) // never fails
	fail := func(err error) (*Secret, error) {
		return nil, fmt.Errorf("secret of reconfigure keys in %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // for its owner alone
	if err != nil {
		return fail(err)
	}
	defer os.Remove(f.Name()) // gone when it was renamed
	_, err = f.WriteString(hex.EncodeToString(s[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fail(err)
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fail(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fail(err)
	}
	return &s, nil
}
