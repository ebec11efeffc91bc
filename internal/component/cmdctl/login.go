package cmdctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"bundy/internal/control/accounts"
	"bundy/internal/control/digest"
)

// maxChecking bounds the passwords that are verified at once: each takes some 20 MiB of memory and a core.
const maxChecking = 2

// maxSessionID bounds the Cookie header; bundyctl's session ids have 40 octets.
const maxSessionID = 256

// maxUserKey bounds what the throttle remembers of a user name that a stranger sends, and what the log shows.
const maxUserKey = 64

// denied is the answer to a request without a valid identity.
type denied struct {
	reply
	challenge, stale bool          // whether and how to offer digest authentication
	wait             time.Duration // when the client may try again
}

var pleaseLogin = &denied{reply: refusal(http.StatusUnauthorized, "please login"), challenge: true}

// identify finds out who asks: by digest credentials, else by session.
func (c *component) identify(r *http.Request) (user string, d *denied) {
	if header := r.Header.Get("Authorization"); header != "" && c.settings.Load().Digest {
		return c.identifyDigest(r, header)
	}
	id, ok := sessionID(r)
	if !ok {
		return "", c.noSession(r)
	}
	if user, ok = c.session(id); !ok {
		return "", pleaseLogin
	}
	return user, nil
}

func sessionID(r *http.Request) (string, bool) {
	id := r.Header.Get("Cookie")
	return id, id != "" && len(id) <= maxSessionID
}

// session finds the user of a session. It ends when the user is deleted or gets a new password.
func (c *component) session(id string) (user string, ok bool) {
	found, ok := c.sessions.use(id, c.settings.Load().idle(), c.now())
	if !ok {
		return "", false
	}
	if a, exists := c.users().Find(found.user); !exists || a.Hash != found.hash {
		c.sessions.end(id)
		return "", false
	}
	return found.user, true
}

// noSession answers a request that carries nothing to know its sender by. With digest authentication it must be 401,
// or no client would ever send credentials; else it is what the original answers.
func (c *component) noSession(r *http.Request) *denied {
	d := &denied{reply: reply{http.StatusBadRequest, []string{}}}
	if r.Method == http.MethodPost {
		d.reply = refusal(http.StatusBadRequest, "session isn't valid")
	}
	if c.settings.Load().Digest {
		d.status, d.challenge = http.StatusUnauthorized, true
	}
	return d
}

func (c *component) identifyDigest(r *http.Request, header string) (string, *denied) {
	now, client := c.now(), clientOf(r)
	l := c.users()
	secrets := func(user string) accounts.Secrets {
		a, _ := l.Find(user)
		return a.Secrets
	}
	user, err := c.digest.Verify(header, r.Method, r.RequestURI, secrets, now)
	keys := throttleKeys(user, client)
	if wait := c.throttle.wait(now, keys...); wait > 0 {
		return "", c.delayed(user, client, wait)
	}
	switch {
	case err == nil:
		c.throttle.succeeded(keys...)
		c.counters.logins.Add(1)
		return user, nil
	case errors.Is(err, digest.ErrStale), errors.Is(err, digest.ErrReplayed):
		return "", &denied{reply: pleaseLogin.reply, challenge: true, stale: true}
	case errors.Is(err, digest.ErrUser):
		c.deps.Log.Log(msgNoSuchUser, short(user), client)
	case errors.Is(err, digest.ErrResponse):
		c.deps.Log.Log(msgBadPassword, short(user), client)
	default: // malformed: a client that does not know how, not a guesser
		return "", pleaseLogin
	}
	c.counters.loginFailures.Add(1)
	c.throttle.failed(now, keys...)
	return "", pleaseLogin
}

// login answers POST /login.
func (c *component) login(r *http.Request, body []byte) reply {
	id, ok := sessionID(r)
	if !ok {
		return refusal(http.StatusBadRequest, "session isn't valid")
	}
	if _, ok := c.session(id); ok {
		return refusal(http.StatusOK, "user has already login")
	}
	var given struct {
		User     *string `json:"username"`
		Password *string `json:"password"`
	}
	switch err := json.Unmarshal(body, &given); {
	case err != nil:
		return refusal(http.StatusUnauthorized, "invalid username or password")
	case given.User == nil:
		return refusal(http.StatusUnauthorized, "need user name")
	case given.Password == nil:
		return refusal(http.StatusUnauthorized, "need password")
	}
	select {
	case c.checking <- struct{}{}: // connections are bounded, so those who wait here are
		defer func() { <-c.checking }()
	case <-r.Context().Done():
		return reply{http.StatusServiceUnavailable, nil}
	}
	return c.verify(*given.User, *given.Password, id, clientOf(r))
}

// verify runs at most maxChecking at once, so that tries sent side by side are slowed down like those in a row.
func (c *component) verify(user, password, id, client string) reply {
	keys := throttleKeys(user, client)
	if wait := c.throttle.wait(c.now(), keys...); wait > 0 {
		return c.delayed(user, client, wait).reply
	}
	a, known := c.users().Find(user)
	ok := known && a.Verify(password)
	if !known {
		accounts.VerifyNobody(password)
	}
	if !ok {
		c.counters.loginFailures.Add(1)
		c.throttle.failed(c.now(), keys...)
		if known {
			c.deps.Log.Log(msgBadPassword, short(user), client)
		} else {
			c.deps.Log.Log(msgNoSuchUser, short(user), client)
		}
		return refusal(http.StatusUnauthorized, "username or password error")
	}
	c.throttle.succeeded(keys...)
	c.counters.logins.Add(1)
	c.deps.Log.Log(msgLogin, user, client)
	if c.sessions.begin(id, user, c.upgrade(a, password), c.settings.Load().idle(), c.now()) {
		c.counters.sessionsDisplaced.Add(1)
	}
	return refusal(http.StatusOK, "login success")
}

func (c *component) delayed(user, client string, wait time.Duration) *denied {
	seconds := int(math.Ceil(wait.Seconds()))
	c.counters.loginsDelayed.Add(1)
	c.delays.Do(func() { c.deps.Log.Log(msgLoginDelayed, short(user), client, seconds) })
	text := fmt.Sprintf("too many failed logins, try again in %d seconds", seconds)
	return &denied{reply: refusal(http.StatusTooManyRequests, text), wait: wait}
}

// challenge sets the headers of a refusal.
func (c *component) challenge(w http.ResponseWriter, d *denied) {
	if d.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(d.wait.Seconds()))))
	}
	if !d.challenge || !c.settings.Load().Digest {
		return
	}
	challenges, err := c.digest.Challenges(c.now(), d.stale)
	if err != nil { // no randomness: no digest authentication
		return
	}
	for _, text := range challenges {
		w.Header().Add("WWW-Authenticate", text)
	}
}

// delaysInterval is how often refused tries are logged: they cost the client nothing, so there may be many.
const delaysInterval = time.Second

// throttleKeys are the user, cut to the length of those that exist, and the client's address; over IPv6 its network, as
// a host has all addresses of that.
func throttleKeys(user, client string) []string {
	if a, err := netip.ParseAddr(client); err == nil {
		client = network(a).String()
	}
	return []string{"u:" + short(user), "a:" + client}
}

// short bounds a user name that a stranger made up.
func short(user string) string { return user[:min(len(user), maxUserKey)] }

func clientOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
