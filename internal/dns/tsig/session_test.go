package tsig

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

var (
	now       = time.Unix(1_800_000_000, 0)
	secret    = []byte("a secret of some length")
	keyName   = wire.MustParseName("Update.Key.example.")
	testQuery = []byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" +
		"\x03www\x07example\x03org\x00\x00\x01\x00\x01" + "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00")
)

// algorithms is every algorithm by the name that keys are written with.
func algorithms() []string {
	return []string{"hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"}
}

func testKey(t testing.TB, algorithm string) Key {
	t.Helper()
	k, err := ParseKey(strings.TrimSuffix(keyName.String(), ".") + ":" + base64.StdEncoding.EncodeToString(secret) + ":" + algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testRing(t testing.TB, keys ...Key) *Ring {
	t.Helper()
	r, err := NewRing(keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// response makes a NOERROR response to a request as the servers of this suite do.
func response(request []byte) []byte {
	r := append([]byte(nil), request[:12]...)
	r[2] |= 0x80
	clear(r[4:])
	return r
}

func signed(t testing.TB, key Key) ([]byte, *Session) {
	t.Helper()
	msg, s, err := SignRequest(append([]byte(nil), testQuery...), key, now)
	if err != nil {
		t.Fatal(err)
	}
	return msg, s
}

func TestRoundTrip(t *testing.T) {
	for _, algorithm := range algorithms() {
		key := testKey(t, algorithm)
		msg, client := signed(t, key)
		binary.BigEndian.PutUint16(msg, 0x9999) // as a forwarder does
		body, server, err := testRing(t, key).Verify(msg, now.Add(Fudge*time.Second))
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if want := "\x99\x99" + string(testQuery[2:]); string(body) != want {
			t.Errorf("%s: body %q, want %q", algorithm, body, want)
		}
		if server.Key() != keyName.Lower() {
			t.Errorf("%s: key %s", algorithm, server.Key())
		}
		plain := response(body)
		reply, err := server.Sign(append([]byte(nil), plain...), now)
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.VerifyResponse(reply, now)
		if err != nil || string(got) != string(plain) {
			t.Errorf("%s: response %q, %v", algorithm, got, err)
		}
		if _, err := client.VerifyResponse(plain, now); !errors.Is(err, ErrUnsigned) {
			t.Errorf("%s: unsigned response: %v", algorithm, err)
		}
		if _, err := client.VerifyResponse(reply, now.Add((Fudge+1)*time.Second)); !isError(err, wire.RcodeBadTime) {
			t.Errorf("%s: old response: %v", algorithm, err)
		}
		later, _, err := SignRequest(append([]byte(nil), testQuery...), key, now.Add(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if _, server, err = testRing(t, key).Verify(later, now); err != nil {
			t.Fatal(err)
		}
		if reply, err = server.Sign(append([]byte(nil), plain...), now); err != nil {
			t.Fatal(err)
		}
		if _, err := client.VerifyResponse(reply, now); !isError(err, wire.RcodeBadSig) {
			t.Errorf("%s: the response to another request: %v", algorithm, err)
		}
	}
}

func isError(err error, code wire.Rcode) bool {
	var e *Error
	return errors.As(err, &e) && e.TSIG == code && e.Error() != ""
}

func TestEveryOctetIsSigned(t *testing.T) {
	key := testKey(t, "hmac-sha256")
	ring := testRing(t, key)
	msg, client := signed(t, key)
	_, server, err := ring.Verify(msg, now)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := server.Sign(response(msg), now)
	if err != nil {
		t.Fatal(err)
	}
	for i := 2; i < len(msg); i++ { // the id may change on the way
		bad := append([]byte(nil), msg...)
		bad[i] ^= 0x01
		if _, s, err := ring.Verify(bad, now); err == nil && s != nil {
			t.Errorf("request with octet %d changed was taken", i)
		}
	}
	for i := 2; i < len(reply); i++ {
		bad := append([]byte(nil), reply...)
		bad[i] ^= 0x01
		if _, err := client.VerifyResponse(bad, now); err == nil {
			t.Errorf("response with octet %d changed was taken", i)
		}
	}
}

// parts takes a signed message apart for the tests that put it together wrongly.
func parts(t testing.TB, msg []byte) (body []byte, rec record) {
	t.Helper()
	off, bad := find(msg)
	if bad != nil || off < 0 {
		t.Fatal("no TSIG record", bad)
	}
	if rec, bad = parse(msg, off); bad != nil {
		t.Fatal(bad)
	}
	return strip(msg, off), rec
}

func TestRefusals(t *testing.T) {
	key := testKey(t, "hmac-sha256")
	stranger := testKey(t, "hmac-sha256")
	stranger.Name = wire.MustParseName("stranger")
	wrongSecret := testKey(t, "hmac-sha256")
	wrongSecret.Secret = []byte("guess")
	ring := testRing(t, key)
	at := func(d time.Duration) []byte {
		msg, _, err := SignRequest(append([]byte(nil), testQuery...), key, now.Add(d))
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	truncated := func(n int) []byte {
		msg, _ := signed(t, key)
		body, rec := parts(t, msg)
		rec.mac = rec.mac[:n]
		return rec.appendTo(body)
	}
	by := func(k Key) []byte { msg, _ := signed(t, k); return msg }
	for _, c := range []struct {
		name string
		msg  []byte
		want wire.Rcode
	}{
		{"unknown key", by(stranger), wire.RcodeBadKey},
		{"other algorithm", by(testKey(t, "hmac-sha512")), wire.RcodeBadKey},
		{"wrong secret", by(wrongSecret), wire.RcodeBadSig},
		{"half a MAC", truncated(16), wire.RcodeBadTrunc},
		{"one octet less", truncated(31), wire.RcodeBadTrunc},
		{"less than half a MAC", truncated(15), wire.RcodeNoError},
		{"no MAC", truncated(0), wire.RcodeNoError},
		{"too old", at(-301 * time.Second), wire.RcodeBadTime},
		{"from the future", at(301 * time.Second), wire.RcodeBadTime},
	} {
		body, s, err := ring.Verify(c.msg, now)
		var e *Error
		if c.want == wire.RcodeNoError { // no TSIG can be that
			if !errors.As(err, &e) || e.Rcode != wire.RcodeFormErr || s != nil {
				t.Errorf("%s: session %v, error %v", c.name, s, err)
			}
			continue
		}
		if !errors.As(err, &e) || e.TSIG != c.want || e.Rcode != wire.RcodeNotAuth || body != nil || s == nil {
			t.Errorf("%s: body %v, session %v, error %v", c.name, body, s, err)
			continue
		}
		if strings.Contains(fmt.Sprintf("%v %+v", err, key), string(secret)) {
			t.Errorf("%s: the text shows the secret", c.name)
		}
		reply, err := s.Sign(response(testQuery), now)
		if err != nil {
			t.Fatal(err)
		}
		_, rec := parts(t, reply)
		if rec.err != c.want {
			t.Errorf("%s: TSIG error of the reply is %d", c.name, rec.err)
		}
		switch c.want {
		case wire.RcodeBadTrunc:
			if len(rec.mac) != 32 || len(rec.other) != 0 {
				t.Errorf("%s: MAC %x, other data %x", c.name, rec.mac, rec.other)
			}
		case wire.RcodeBadTime:
			if len(rec.mac) != 32 || string(rec.other) != string(append48(nil, uint64(now.Unix()))) {
				t.Errorf("%s: MAC %x, other data %x", c.name, rec.mac, rec.other)
			}
		default:
			if len(rec.mac) != 0 || len(rec.other) != 0 {
				t.Errorf("%s: the reply is signed", c.name)
			}
		}
	}
	for _, d := range []time.Duration{-300 * time.Second, 300 * time.Second} {
		if _, _, err := ring.Verify(at(d), now); err != nil {
			t.Errorf("%v away: %v", d, err)
		}
	}
}

func TestReportedErrors(t *testing.T) {
	key := testKey(t, "hmac-sha256")
	for _, code := range []wire.Rcode{wire.RcodeBadKey, wire.RcodeBadSig, wire.RcodeBadTime} {
		_, client := signed(t, key)
		server := &Session{key: key, requestMAC: client.requestMAC, status: code, time: client.time}
		reply, err := server.Sign(response(testQuery), now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.VerifyResponse(reply, now)
		var e *Error
		if !errors.As(err, &e) || e.TSIG != code || !e.Reported {
			t.Errorf("error %d arrives as %v", code, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	key := testKey(t, "hmac-sha256")
	msg, _ := signed(t, key)
	body, rec := parts(t, msg)
	twice := rec.appendTo(append([]byte(nil), msg...))
	behind := append(append([]byte(nil), msg...), 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0)
	behind[11]++
	inAnswer := append([]byte(nil), msg...)
	inAnswer[7], inAnswer[11] = inAnswer[11], 0
	change := func(offset int, value byte) []byte {
		out := append([]byte(nil), msg...)
		out[len(body)+len(keyName)+offset] = value
		return out
	}
	long := rec
	long.mac = make([]byte, 33)
	for name, bad := range map[string][]byte{
		"twice": twice, "not last": behind, "in the answer section": inAnswer,
		"class IN": change(3, 1), "TTL": change(7, 1),
		"trailing octet": append(append([]byte(nil), msg...), 0), "cut": msg[:len(msg)-1],
		"long MAC": long.appendTo(append([]byte(nil), body...)), "no header": msg[:11], "cut question": msg[:14],
		"compressed algorithm": change(10, 0xc0), "MAC size": change(10+len(HMACSHA256)+8, 0xff),
		"other length": change(10+len(HMACSHA256)+10+32+5, 1),
	} {
		_, s, err := testRing(t, key).Verify(bad, now)
		var e *Error
		if !errors.As(err, &e) || e.Rcode != wire.RcodeFormErr || s != nil {
			t.Errorf("%s: session %v, error %v", name, s, err)
		}
	}
}

func TestUnsigned(t *testing.T) {
	var none *Ring
	for _, msg := range [][]byte{testQuery, testQuery[:12:12]} {
		msg := append([]byte(nil), msg...)
		if len(msg) == 12 {
			clear(msg[4:])
		}
		body, s, err := none.Verify(msg, now)
		if err != nil || s != nil || string(body) != string(msg) {
			t.Errorf("unsigned message: %q, %v, %v", body, s, err)
		}
	}
	if n := testing.AllocsPerRun(100, func() { none.Verify(testQuery, now) }); n > 0 {
		t.Errorf("a query without TSIG costs %v allocations", n)
	}
}

func TestSignLimits(t *testing.T) {
	key := testKey(t, "hmac-sha256")
	if _, _, err := SignRequest(make([]byte, wire.MaxMessage-50), key, now); err == nil {
		t.Error("a message grew longer than a message can be")
	}
	if _, _, err := SignRequest(make([]byte, 11), key, now); err == nil {
		t.Error("half a header was signed")
	}
	if _, _, err := SignRequest(testQuery, Key{Name: keyName, Algorithm: HMACSHA1}, now); !errors.Is(err, ErrKey) {
		t.Errorf("a key without secret: %v", err)
	}
}

// TestTruncatedSignatures crosses keys that cut signatures with such as do not. A signature may be longer than the
// receiver's key asks for, but not shorter.
func TestTruncatedSignatures(t *testing.T) {
	whole := testKey(t, "hmac-sha256")
	half := whole
	half.Bits = 128
	for _, c := range []struct {
		client, server Key
		ok             bool
	}{{half, half, true}, {whole, half, true}, {half, whole, false}} {
		msg, client := signed(t, c.client)
		body, server, err := testRing(t, c.server).Verify(msg, now)
		if (err == nil) != c.ok {
			t.Errorf("client %d bits, server %d: %v", c.client.Bits, c.server.Bits, err)
		}
		if err != nil {
			continue
		}
		reply, err := server.Sign(response(body), now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.VerifyResponse(reply, now); (err == nil) != (c.client.Bits == c.server.Bits) {
			t.Errorf("client %d bits, server %d: the response: %v", c.client.Bits, c.server.Bits, err)
		}
	}
	for bits, ok := range map[int]bool{0: true, 128: true, 256: true, 120: false, 130: false, 264: false, -8: false} {
		k := whole
		k.Bits = bits
		if err := k.CheckBits(); (err == nil) != ok {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
}
