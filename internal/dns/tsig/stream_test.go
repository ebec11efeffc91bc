package tsig

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// streamOf has the oracle sign a response of n messages.
func streamOf(t *testing.T, session *Session, request []byte, clock time.Time, n int) (out [][]byte) {
	t.Helper()
	mac := hex.EncodeToString(session.requestMAC)
	for i := range n {
		m := new(dns.Msg)
		if err := m.Unpack(response(request)); err != nil {
			t.Fatal(err)
		}
		m.SetTsig(keyName.String(), dns.HmacSHA256, Fudge, clock.Unix())
		signed, next, err := dns.TsigGenerate(m, base64.StdEncoding.EncodeToString(secret), mac, i > 0)
		if err != nil {
			t.Fatal(err)
		}
		out, mac = append(out, signed), next
	}
	return out
}

// TestStreamOracle verifies what another implementation signs, and finds each change to it.
func TestStreamOracle(t *testing.T) {
	clock := time.Now()
	key := testKey(t, "hmac-sha256")
	request, session := signed(t, key)
	messages := streamOf(t, session, request, clock, 4)
	verify := func(messages [][]byte) error {
		st := session.Stream()
		for _, m := range messages {
			if _, err := st.Verify(m, clock); err != nil {
				return err
			}
		}
		if !st.Proven() {
			return errors.New("not proven")
		}
		return nil
	}
	if err := verify(messages); err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string][][]byte{
		"two messages changed places": {messages[0], messages[2], messages[1], messages[3]},
		"one is missing":              {messages[0], messages[1], messages[3]},
		"one comes twice":             {messages[0], messages[1], messages[1]},
		"the first is missing":        {messages[1], messages[2]},
		"nothing came":                {},
		"one that is unsigned ends":   {messages[0], response(request)},
		"one that is unsigned begins": {response(request), messages[0]},
		"one that is unsigned inside": {messages[0], response(request), messages[1]},
	} {
		if verify(wrong) == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
	for _, at := range []int{3, len(messages[1]) - 30} { // the id is for the reader to compare
		changed := append([]byte(nil), messages[1]...)
		changed[at] ^= 1
		if verify([][]byte{messages[0], changed, messages[2]}) == nil {
			t.Errorf("octet %d of the second message is not signed", at)
		}
	}
}

// TestStreamUnsignedBetween: messages without signature are proven by the next one with it, up to 99 of them.
func TestStreamUnsignedBetween(t *testing.T) {
	clock := time.Now()
	request, session := signed(t, testKey(t, "hmac-sha256"))
	first := streamOf(t, session, request, clock, 1)[0]
	plain := response(request)
	st := session.Stream()
	if _, err := st.Verify(first, clock); err != nil {
		t.Fatal(err)
	}
	for i := range maxUnsigned {
		if _, err := st.Verify(plain, clock); err != nil || st.Proven() {
			t.Fatalf("message %d: %v, proven %v", i, err, st.Proven())
		}
	}
	if _, err := st.Verify(plain, clock); !errors.Is(err, ErrUnsigned) {
		t.Errorf("a hundredth: %v", err)
	}

	// The next signature is over the MAC before, what came since, the message, and the time and fudge alone.
	off, _ := find(first)
	before, _ := parse(first, off)
	rec := record{name: session.key.Name, algorithm: session.key.Algorithm, time: unix48(clock), fudge: Fudge}
	last, err := seal(append([]byte(nil), plain...), rec, func(rec *record) {
		mac := session.key.mac()
		mac.Write(binary.BigEndian.AppendUint16(nil, uint16(len(before.mac))))
		for _, part := range [][]byte{before.mac, plain, plain, append48(nil, rec.time), {Fudge >> 8, Fudge & 0xff}} {
			mac.Write(part)
		}
		rec.mac = mac.Sum(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		between int
		good    bool
	}{{1, true}, {0, false}, {2, false}} {
		st := session.Stream()
		if _, err := st.Verify(first, clock); err != nil {
			t.Fatal(err)
		}
		for range c.between {
			if _, err := st.Verify(plain, clock); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := st.Verify(last, clock); (err == nil) != c.good || c.good && !st.Proven() {
			t.Errorf("%d messages without signature: %v", c.between, err)
		}
	}
}
