package digest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"
)

const (
	// nonceLife is how long a nonce may be used: a session of commands by hand, not longer.
	nonceLife = 5 * time.Minute

	// maxNonces bounds the table of nonces in use. Only requests with the right password enter it, each client one a
	// nonce, so a full table is a broken client; the oldest nonce then dies early.
	maxNonces = 4096

	nonceHead = 16 // octets: time and randomness
	nonceSize = nonceHead + 16
)

// A nonce is the time it was issued at and some randomness, signed: nothing is remembered of nonces that are never
// used, so asking for challenges costs the server nothing.
func (s *Server) newNonce(now time.Time) (string, error) {
	nonce := make([]byte, nonceSize)
	binary.BigEndian.PutUint64(nonce, uint64(now.UnixNano()))
	if _, err := rand.Read(nonce[8:nonceHead]); err != nil {
		return "", fmt.Errorf("digest nonce: %w", err)
	}
	copy(nonce[nonceHead:], s.sign(nonce[:nonceHead]))
	return base64.RawURLEncoding.EncodeToString(nonce), nil
}

// openNonce tells when a nonce was issued, if this server issued it.
func (s *Server) openNonce(text string) (issued time.Time, ok bool) {
	nonce, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(nonce) != nonceSize || !hmac.Equal(nonce[nonceHead:], s.sign(nonce[:nonceHead])[:nonceSize-nonceHead]) {
		return time.Time{}, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(nonce))), true
}

func (s *Server) sign(head []byte) []byte {
	h := hmac.New(sha256.New, s.key[:])
	h.Write(head)
	return h.Sum(nil)
}

// window remembers which counts of a nonce were used: the highest, and which of the 64 below it. Requests sent at once
// over several connections may arrive out of order.
type window struct {
	issued  time.Time
	highest uint32
	seen    uint64 // bit i: highest-i was used
}

func (w *window) take(count uint32) bool {
	if count > w.highest {
		w.seen = w.seen<<min(count-w.highest, 64) | 1
		w.highest = count
		return true
	}
	bit := w.highest - count
	if bit >= 64 || w.seen>>bit&1 == 1 {
		return false
	}
	w.seen |= 1 << bit
	return true
}

// take uses up a count of a nonce. The response was verified before: only those who know a password fill the table.
func (s *Server) take(nonce string, issued time.Time, count uint32, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if issued.Before(s.floor) || now.Sub(issued) > nonceLife || issued.After(now) {
		return ErrStale
	}
	w, ok := s.used[nonce]
	if !ok {
		if len(s.used) >= maxNonces {
			s.sweep(now)
		}
		w = &window{issued: issued}
		s.used[nonce] = w
	}
	if !w.take(count) {
		return ErrReplayed
	}
	return nil
}

// sweep makes room: it forgets the nonces that have ended, and if there are none, the oldest one, which from then on
// is refused by its age.
func (s *Server) sweep(now time.Time) {
	oldest := ""
	for nonce, w := range s.used {
		if now.Sub(w.issued) > nonceLife {
			delete(s.used, nonce)
		} else if oldest == "" || w.issued.Before(s.used[oldest].issued) {
			oldest = nonce
		}
	}
	if len(s.used) >= maxNonces {
		s.floor = s.used[oldest].issued.Add(1)
		delete(s.used, oldest)
	}
}
