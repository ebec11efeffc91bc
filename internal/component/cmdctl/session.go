package cmdctl

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxSessions bounds the sessions: every run of bundyctl makes one, and scripts make many that are never used again.
const maxSessions = 1000

// sessions remembers who has logged in. The key is the hash of the client's session id, so that finding one takes the
// same time however much of it was guessed.
type sessions struct {
	mu   sync.Mutex
	byID map[[sha256.Size]byte]session
}

type session struct {
	user string
	hash string // of the password, at login: when it changes the session ends
	last time.Time
}

func newSessions() *sessions { return &sessions{byID: map[[sha256.Size]byte]session{}} }

// begin makes a session. It tells whether another had to go for it.
func (s *sessions) begin(id, user, hash string, idle time.Duration, now time.Time) (displaced bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sha256.Sum256([]byte(id))
	if _, exists := s.byID[key]; !exists && len(s.byID) >= maxSessions {
		displaced = s.makeRoom(idle, now)
	}
	s.byID[key] = session{user: user, hash: hash, last: now}
	return displaced
}

// use finds a session that has not been idle for too long, and keeps it from ending.
func (s *sessions) use(id string, idle time.Duration, now time.Time) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sha256.Sum256([]byte(id))
	found, ok := s.byID[key]
	if !ok {
		return session{}, false
	}
	if now.Sub(found.last) > idle {
		delete(s.byID, key)
		return session{}, false
	}
	found.last = now
	s.byID[key] = found
	return found, true
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, sha256.Sum256([]byte(id)))
}

// makeRoom forgets the sessions that have ended, or else the one that was unused for longest.
func (s *sessions) makeRoom(idle time.Duration, now time.Time) (displaced bool) {
	var oldest [sha256.Size]byte
	var last time.Time
	for key, one := range s.byID {
		if now.Sub(one.last) > idle {
			delete(s.byID, key)
		} else if last.IsZero() || one.last.Before(last) {
			oldest, last = key, one.last
		}
	}
	if len(s.byID) < maxSessions {
		return false
	}
	delete(s.byID, oldest)
	return true
}
