package authority

import (
	"context"

	"bundy/internal/dns/zone"
)

// makeCompact puts a compact version in the place of the head, which is base or came from it. Updates go on meanwhile: only
// the last step, which brings over the few changes since the one before, takes the turn.
func (s *slot) makeCompact(base *zone.Version) {
	c, err := base.Compact()
	if err != nil {
		c = nil // the next update tries again, and at last tells why
	}
	for range catchUps {
		c, base = s.catchUp(c, base)
	}
	if s.acquire(context.Background()) != nil {
		return // never: there is always an end of a turn
	}
	defer s.release()
	c, base = s.catchUp(c, base)
	if s.settle(c, base) {
		s.authority.publish(s)
		giveBack(c.Len())
	}
}

// catchUps is how often the changes since are brought over beside updates: each time there are some hundred times fewer.
const catchUps = 2

// catchUp brings c, made of base, up to the head; nil if the head did not come from base.
func (s *slot) catchUp(c, base *zone.Version) (compact, head *zone.Version) {
	s.mu.Lock()
	head = s.head
	s.mu.Unlock()
	if c == nil || head == nil {
		return nil, head
	}
	return head.On(base, c), head
}

// settle makes c, the same as head, the head, and tells whether it is the version too. The caller has the turn.
func (s *slot) settle(c, head *zone.Version) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compact = false
	if c == nil || s.head != head {
		return false // loaded anew, or taken back
	}
	s.head = c
	switch {
	case s.open != nil:
		s.open.last = c
	case s.running != nil:
		s.running.last = c
	default:
		s.version = c
		return true
	}
	return false
}
