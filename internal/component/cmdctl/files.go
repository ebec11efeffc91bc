package cmdctl

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"bundy/internal/control/accounts"
	"bundy/internal/control/certificate"
)

// cached keeps what was read from files until one of them changes. Two callers may read at the same time; they find
// the same.
type cached[T any] struct {
	now atomic.Pointer[reading[T]]
}

type reading[T any] struct {
	key   readingKey
	value T
	err   error
}

// readingKey tells one state of up to two files from another.
type readingKey [2]struct {
	path   string
	change time.Time
	size   int64
}

// get returns the contents of the files, and whether they were read anew.
func (c *cached[T]) get(read func() (T, error), files ...string) (value T, anew bool, err error) {
	var key readingKey
	for i, path := range files {
		key[i].path = path
		if info, err := os.Stat(path); err == nil {
			key[i].change, key[i].size = info.ModTime(), info.Size()
		}
	}
	if old := c.now.Load(); old != nil && old.key == key {
		return old.value, false, old.err
	}
	value, err = read()
	c.now.Store(&reading[T]{key, value, err})
	return value, true, err
}

// users returns the accounts. When the file cannot be read, there are none.
func (c *component) users() accounts.List {
	path := c.settings.Load().AccountsFile
	l, anew, err := c.accounts.get(func() (accounts.List, error) { return accounts.Read(path) }, path)
	switch {
	case err != nil && anew:
		c.deps.Log.Log(msgUserDatabaseError, path, err)
	case anew && l.Len() == 0:
		c.deps.Log.Log(msgNoUserEntries, path)
	case anew && !c.settings.Load().Digest:
		c.dropSecrets() // bundy-cmdctl-usermgr makes them, as it does not know the configuration
	}
	return l
}

// certificate is asked at every handshake, so that a new certificate acts on the next connection.
func (c *component) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s := c.settings.Load()
	pair, anew, err := c.pair.get(func() (tls.Certificate, error) {
		return certificate.Load(s.CertFile, s.KeyFile)
	}, s.CertFile, s.KeyFile)
	if err == nil {
		return &pair, nil
	}
	switch {
	case anew && errors.Is(err, fs.ErrPermission):
		c.deps.Log.Log(msgKeyDenied, err)
	case anew:
		c.deps.Log.Log(msgCertificateError, err)
	}
	return nil, err
}

// makeCertificate makes a certificate and a key if there is neither, as at the first start.
func (c *component) makeCertificate() error {
	s := c.settings.Load()
	for _, path := range []string{s.CertFile, s.KeyFile} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return nil // what is there is the operator's
		}
	}
	if err := certificate.Make(s.CertFile, s.KeyFile, c.now()); err != nil {
		return err
	}
	c.deps.Log.Log(msgCertificateMade, s.CertFile, s.KeyFile)
	return nil
}

// dropSecrets removes the digest secrets from the accounts file.
func (c *component) dropSecrets() {
	path := c.settings.Load().AccountsFile
	if _, found := c.users().WithoutSecrets(); !found {
		return
	}
	err := accounts.Update(path, func(l accounts.List) (accounts.List, error) {
		l, _ = l.WithoutSecrets()
		return l, nil
	})
	if err != nil {
		c.deps.Log.Log(msgUserDatabaseWriteError, path, err)
	}
}

// upgrade replaces the row of a user who has just logged in, when it is of the original system's form or when it
// should hold digest secrets and does not. It returns the password hash now in force.
func (c *component) upgrade(a accounts.Account, password string) string {
	s := c.settings.Load()
	if !a.Legacy() && (!s.Digest || a.Secrets != accounts.Secrets{}) {
		return a.Hash
	}
	renewed, err := accounts.New(a.User, password, s.Digest)
	if err != nil { // a name that a new user could not have; the row stays as it is
		return a.Hash
	}
	if !a.Legacy() {
		renewed.Hash = a.Hash // the user's other sessions go on
	}
	err = accounts.Update(s.AccountsFile, func(l accounts.List) (accounts.List, error) {
		if current, ok := l.Find(a.User); !ok || current != a {
			return l, errChanged // by bundy-cmdctl-usermgr meanwhile, which then knows better
		}
		return l.With(renewed), nil
	})
	if err != nil {
		if !errors.Is(err, errChanged) {
			c.deps.Log.Log(msgUserDatabaseWriteError, s.AccountsFile, err)
		}
		return a.Hash
	}
	return renewed.Hash
}

var errChanged = errors.New("the account has been changed meanwhile")
