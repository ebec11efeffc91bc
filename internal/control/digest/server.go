package digest

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/icholy/digest"

	"bundy/internal/control/accounts"
)

// What is wrong with credentials. Whoever gets ErrStale had the right password: only the nonce is too old, and the
// client repeats the request with a new one by itself.
var (
	ErrMalformed = errors.New("digest credentials cannot be read or do not fit the request")
	ErrStale     = errors.New("digest nonce is too old")
	ErrReplayed  = errors.New("digest nonce count was used before")
	ErrUser      = errors.New("no such user, or no digest secret is kept for the user")
	ErrResponse  = errors.New("digest response is wrong")
)

// Server makes challenges and verifies credentials. Its methods may be called from any goroutine.
type Server struct {
	key [32]byte // signs nonces; new at every start, so that no nonce outlives the window that guards it

	mu    sync.Mutex
	used  map[string]*window // by nonce
	floor time.Time          // nonces issued before are dead: their windows were given up
}

// NewServer makes a server with a key of its own.
func NewServer() (*Server, error) {
	s := &Server{used: map[string]*window{}}
	if _, err := rand.Read(s.key[:]); err != nil {
		return nil, fmt.Errorf("key of the digest nonces: %w", err)
	}
	return s, nil
}

// Challenges returns the values of WWW-Authenticate headers, the best algorithm first. With stale the client is told
// that its password was right (RFC 7616 section 3.3).
func (s *Server) Challenges(now time.Time, stale bool) ([]string, error) {
	nonce, err := s.newNonce(now)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		c := digest.Challenge{Realm: accounts.Realm, Nonce: nonce, Algorithm: algorithm, QOP: []string{"auth"}, Stale: stale}
		out = append(out, c.String())
	}
	return out, nil
}

// Verify checks the value of an Authorization header against the request's method and target (as in the request
// line), and returns the user it names, also with an error once that much is known.
func (s *Server) Verify(header, method, target string, secrets func(user string) accounts.Secrets, now time.Time) (string, error) {
	c, err := digest.ParseCredentials(header)
	if err != nil || c.Realm != accounts.Realm || c.URI != target || c.QOP != "auth" || c.Nc < 1 || c.Cnonce == "" || c.Userhash {
		return "", ErrMalformed
	}
	issued, ok := s.openNonce(c.Nonce)
	if !ok {
		// Issued before a restart, or made up. The password is not looked at, so this is not "stale" to the letter,
		// but a client that is told so asks again with a good nonce instead of bothering the user.
		return c.Username, ErrStale
	}
	secret, known := secretFor(c.Algorithm, secrets(c.Username))
	want, err := digest.Digest(
		&digest.Challenge{Realm: c.Realm, Nonce: c.Nonce, Algorithm: c.Algorithm, QOP: []string{"auth"}},
		digest.Options{Method: method, URI: target, Count: c.Nc, Username: c.Username, Cnonce: c.Cnonce, A1: secret},
	)
	switch {
	case err != nil:
		return c.Username, ErrMalformed
	case !known:
		return c.Username, ErrUser
	case subtle.ConstantTimeCompare([]byte(want.Response), []byte(c.Response)) != 1:
		return c.Username, ErrResponse
	}
	return c.Username, s.take(c.Nonce, issued, uint32(c.Nc), now)
}

// secretFor picks the secret of an algorithm. Unknown users get one nobody has, so that they take as long as others.
func secretFor(algorithm string, have accounts.Secrets) (secret string, known bool) {
	switch strings.ToUpper(algorithm) {
	case "SHA-256":
		secret = have.SHA256
	case "MD5", "":
		secret = have.MD5
	}
	if secret == "" {
		return "none", false
	}
	return secret, true
}
