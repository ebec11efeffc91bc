package digest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	"bundy/internal/control/accounts"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func secrets(t testing.TB) func(string) accounts.Secrets {
	a, err := accounts.New("root", "secret", true)
	if err != nil {
		t.Fatal(err)
	}
	return func(user string) accounts.Secrets {
		if user == "root" {
			return a.Secrets
		}
		return accounts.Secrets{}
	}
}

func newServer(t testing.TB) *Server {
	s, err := NewServer()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answer makes credentials as a client does.
func answer(t testing.TB, challenge, method, uri, user, password string, count int) string {
	t.Helper()
	c, err := digest.ParseChallenge(challenge)
	if err != nil {
		t.Fatal(err)
	}
	out, err := digest.Digest(c, digest.Options{Method: method, URI: uri, Username: user, Password: password, Count: count})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func challenges(t testing.TB, s *Server, at time.Time) []string {
	t.Helper()
	out, err := s.Challenges(at, false)
	if err != nil || len(out) != 2 {
		t.Fatal(out, err)
	}
	return out
}

func TestVerify(t *testing.T) {
	s, lookup := newServer(t), secrets(t)
	for i, challenge := range challenges(t, s, now) {
		for _, c := range []struct {
			what           string
			user, password string
			method, target string
			at             time.Time
			want           error
		}{
			{"right", "root", "secret", "GET", "/a", now, nil},
			{"wrong password", "root", "Secret", "GET", "/a", now, ErrResponse},
			{"unknown user", "joe", "secret", "GET", "/a", now, ErrUser},
			{"other method", "root", "secret", "POST", "/a", now, ErrResponse},
			{"other target", "root", "secret", "GET", "/b", now, ErrMalformed},
			{"too late", "root", "secret", "GET", "/a", now.Add(nonceLife + time.Second), ErrStale},
			{"wrong password, too late", "root", "x", "GET", "/a", now.Add(time.Hour), ErrResponse},
			{"used before", "root", "secret", "GET", "/a", now, ErrReplayed},
		} {
			count := 1 + i*10 // both challenges carry the same nonce
			header := answer(t, challenge, "GET", "/a", c.user, c.password, count)
			_, err := s.Verify(header, c.method, c.target, lookup, c.at)
			if !errors.Is(err, c.want) {
				t.Errorf("challenge %d, %s: %v instead of %v", i, c.what, err, c.want)
			}
		}
	}
}

func TestVerifyForeignNonce(t *testing.T) {
	s, lookup := newServer(t), secrets(t)
	header := answer(t, challenges(t, newServer(t), now)[0], "GET", "/", "root", "secret", 1)
	if _, err := s.Verify(header, "GET", "/", lookup, now); !errors.Is(err, ErrStale) {
		t.Errorf("nonce of another server: %v", err)
	}
}

func TestWindow(t *testing.T) {
	var w window
	for _, c := range []struct {
		count uint32
		want  bool
	}{{1, true}, {1, false}, {3, true}, {2, true}, {2, false}, {67, true}, {3, false}, {4, true}, {1000, true}, {936, false}, {937, true}, {1<<31 - 1, true}} {
		if got := w.take(c.count); got != c.want {
			t.Errorf("count %d: %v", c.count, got)
		}
	}
}

func TestTableIsBoundedAndNothingIsReplayed(t *testing.T) {
	s := newServer(t)
	issue := func(i int) time.Time { return now.Add(time.Duration(i)) }
	for i := range maxNonces + 10 {
		if err := s.take(string(rune('a'))+time.Duration(i).String(), issue(i), 1, now.Add(time.Second)); err != nil {
			t.Fatal(i, err)
		}
	}
	if len(s.used) > maxNonces {
		t.Errorf("%d nonces remembered", len(s.used))
	}
	for i := range maxNonces + 10 {
		if err := s.take(string(rune('a'))+time.Duration(i).String(), issue(i), 1, now.Add(time.Second)); err == nil {
			t.Fatalf("count of nonce %d was taken twice", i)
		}
	}
}

func FuzzVerify(f *testing.F) {
	s, lookup := newServer(f), secrets(f)
	f.Add(answer(f, challenges(f, s, now)[0], "GET", "/", "root", "wrong", 1))
	f.Add(`Digest username="root", realm="Bundy", nonce="", uri="/", qop=auth, nc=00000001, cnonce="x", response=""`)
	f.Fuzz(func(t *testing.T, header string) {
		if _, err := s.Verify(header, "GET", "/", lookup, now); err == nil && !strings.Contains(header, "root") {
			t.Errorf("%q was accepted", header)
		}
	})
}
