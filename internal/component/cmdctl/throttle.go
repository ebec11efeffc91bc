package cmdctl

import (
	"sync"
	"time"
)

const (
	// freeFailures are not slowed down: people mistype, and bundyctl tries every stored password.
	freeFailures = 5

	firstDelay = 250 * time.Millisecond

	// maxDelay bounds how long a stranger can keep a user out by failing on purpose. It leaves a guesser some six
	// thousand tries a day.
	maxDelay = 15 * time.Second

	// forgetAfter is the time after the last failure when all is forgotten.
	forgetAfter = 15 * time.Minute

	// maxFailing bounds the table. An attacker who fills it with made-up users displaces the oldest entries, but not
	// the one of his own address, which every try renews.
	maxFailing = 4096
)

// throttle slows down guessing. Its keys are users and addresses; a try is refused unseen while one of its keys has
// to wait, so that nobody waits inside the server.
type throttle struct {
	mu      sync.Mutex
	failing map[string]failures
}

type failures struct {
	count int
	last  time.Time
}

func newThrottle() *throttle { return &throttle{failing: map[string]failures{}} }

func (f failures) delay() time.Duration {
	if f.count <= freeFailures {
		return 0
	}
	return min(firstDelay<<min(f.count-freeFailures-1, 16), maxDelay)
}

// wait tells how long a try with these keys has to wait; 0 when it may go on.
func (t *throttle) wait(now time.Time, keys ...string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var longest time.Duration
	for _, key := range keys {
		if f, ok := t.failing[key]; ok {
			longest = max(longest, f.last.Add(f.delay()).Sub(now))
		}
	}
	return longest
}

func (t *throttle) failed(now time.Time, keys ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		f, ok := t.failing[key]
		if !ok && len(t.failing) >= maxFailing {
			t.makeRoom(now)
		}
		if now.Sub(f.last) > forgetAfter {
			f.count = 0
		}
		t.failing[key] = failures{count: f.count + 1, last: now}
	}
}

func (t *throttle) succeeded(keys ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		delete(t.failing, key)
	}
}

func (t *throttle) makeRoom(now time.Time) {
	oldest, found := "", false
	for key, f := range t.failing {
		if now.Sub(f.last) > forgetAfter {
			delete(t.failing, key)
		} else if !found || f.last.Before(t.failing[oldest].last) {
			oldest, found = key, true
		}
	}
	if len(t.failing) >= maxFailing {
		delete(t.failing, oldest)
	}
}
