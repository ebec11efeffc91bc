package tsig

import (
	"errors"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
)

func TestParseKey(t *testing.T) {
	for _, c := range []struct {
		text      string
		algorithm wire.Name
	}{
		{"example.key.:c2VjcmV0", HMACMD5},
		{"example.key:c2VjcmV0:hmac-md5", HMACMD5},
		{"example.key:c2VjcmV0:HMAC-MD5.SIG-ALG.REG.INT.", HMACMD5},
		{"example.key:c2VjcmV0:hmac-sha1", HMACSHA1},
		{"example.key:c2VjcmV0:hmac-sha224", HMACSHA224},
		{"example.key:c2VjcmV0:HMAC-SHA256", HMACSHA256},
		{"example.key:c2VjcmV0:hmac-sha384.", HMACSHA384},
		{"example.key:c2VjcmV0:hmac-sha512", HMACSHA512},
	} {
		k, err := ParseKey(c.text)
		if err != nil || k.Name != wire.MustParseName("example.key") || k.Algorithm != c.algorithm || string(k.Secret) != "secret" {
			t.Errorf("ParseKey(%q) = %v, %v", c.text, k, err)
		}
	}
	for _, text := range []string{"", "example.key", "a..b:c2VjcmV0", "example.key:", "example.key:c2VjcmV", "example.key:c2Vj cmV0",
		"example.key:c2VjcmV0:", "example.key:c2VjcmV0:hmac-sha3", "example.key:c2VjcmV0:hmac-sha1:x", ":c2VjcmV0"} {
		k, err := ParseKey(text)
		if !errors.Is(err, ErrKey) {
			t.Errorf("ParseKey(%q) = %v, want an error", text, k)
		}
		if err != nil && strings.Contains(err.Error(), "c2V") {
			t.Errorf("ParseKey(%q): the error shows the secret: %v", text, err)
		}
	}
}

func TestRing(t *testing.T) {
	a, _ := ParseKey("A.key:c2VjcmV0:hmac-sha256")
	b, _ := ParseKey("a.KEY:c2VjcmV1:hmac-sha1")
	if _, err := NewRing([]Key{a, b}); !errors.Is(err, ErrKey) {
		t.Errorf("two keys of one name: %v", err)
	}
	r := testRing(t, a)
	if k, ok := r.Find(b.Name); !ok || string(k.Secret) != "secret" {
		t.Errorf("Find(%s) = %v, %v", b.Name, k, ok)
	}
	if _, ok := (*Ring)(nil).Find(a.Name); ok {
		t.Error("a nil ring holds a key")
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("example.key.:c2VjcmV0:hmac-md5")
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := ParseKey(text); err == nil {
			if _, err := NewRing([]Key{k}); err != nil {
				t.Fatalf("%q was read but fits no ring: %v", text, err)
			}
		}
	})
}

// TestMixedUpKeyStaysSecret has the parts in another order: the error goes to logs and to whoever typed it.
func TestMixedUpKeyStaysSecret(t *testing.T) {
	for _, text := range []string{
		"hmac-sha256:labkeyxx:c2VjcmV0c2VjcmV0", "c2VjcmV0c2VjcmV0:lab.key", "c2VjcmV0c2VjcmV0:lab.key:hmac-sha256",
		"c2VjcmV0c2VjcmV0..:labkeyxx", "lab.key:hmac-sha256:c2VjcmV0c2VjcmV0",
	} {
		if _, err := ParseKey(text); !errors.Is(err, ErrKey) || strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("ParseKey(%q): %v", text, err)
		}
	}
}
