package tsig

import (
	"testing"

	"bundy/internal/dns/wire"
)

func FuzzVerify(f *testing.F) {
	key := testKey(f, "hmac-sha256")
	ring := testRing(f, key)
	msg, session := signed(f, key)
	f.Add(msg)
	f.Add(testQuery)
	f.Fuzz(func(t *testing.T, msg []byte) {
		body, s, err := ring.Verify(msg, now)
		switch {
		case err == nil && s == nil:
			if string(body) != string(msg) {
				t.Fatal("an unsigned message was changed")
			}
		case s != nil:
			if s.Key() == "" {
				t.Fatal("a session without key")
			}
			if reply, err := s.Sign(make([]byte, wire.HeaderSize), now); err != nil {
				t.Fatalf("cannot sign a reply: %v", err)
			} else if off, bad := find(reply); off < 0 || bad != nil {
				t.Fatalf("the reply to %q has no TSIG: %v", msg, bad)
			}
		}
		if body, err := session.VerifyResponse(msg, now); err == nil {
			t.Fatalf("%q is taken as response %q", msg, body)
		}
	})
}
