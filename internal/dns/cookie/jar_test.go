package cookie

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"
	"time"
)

// The vectors of the paper: the message is 0, 1, 2 ..., the key 0 to 15.
func TestSipHash(t *testing.T) {
	var key [SecretSize]byte
	msg := make([]byte, 16)
	for i := range key {
		key[i], msg[i] = byte(i), byte(i)
	}
	for n, want := range map[int]uint64{0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5} {
		if got := sipHash(&key, msg[:n]); got != want {
			t.Errorf("%d octets: %x, want %x", n, got, want)
		}
	}
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func secret(t *testing.T, text string) Secret {
	t.Helper()
	s, err := ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The vectors of RFC 9018 appendix A.
func TestVectors(t *testing.T) {
	for _, c := range []struct {
		name, secret, client, address string
		now                           int64
		want                          string
	}{
		{"A.1 a new cookie", "e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "198.51.100.100", 1559731985,
			"2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		{"A.2 another client", "e5e973e5a6b2a43f48e7dc849e37bfcf", "fc93fc62807ddb86", "203.0.113.203", 1559734700,
			"fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
		{"A.4 IPv6", "445536bcd2513298075a5d379663c962", "22681ab97d52c298", "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961,
			"22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
	} {
		jar := NewJar(secret(t, c.secret))
		address, now := netip.MustParseAddr(c.address), time.Unix(c.now, 0)
		got := jar.Append(nil, decode(t, c.client), address, now)
		if hex.EncodeToString(got) != c.want {
			t.Errorf("%s: %x, want %s", c.name, got, c.want)
		}
		if valid, fresh := jar.Check(got, address, now); !valid || !fresh {
			t.Errorf("%s: not taken", c.name)
		}
	}
}

// RFC 9018 appendix A.3: the reserved octets of a cookie from another server are part of what is signed.
func TestReservedOctetsOfOthers(t *testing.T) {
	jar := NewJar(secret(t, "e5e973e5a6b2a43f48e7dc849e37bfcf"))
	cookie := decode(t, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5")
	if valid, fresh := jar.Check(cookie, netip.MustParseAddr("203.0.113.203"), time.Unix(1559727985, 0)); !valid || !fresh {
		t.Errorf("valid %v, fresh %v", valid, fresh)
	}
}

func TestCheck(t *testing.T) {
	made := time.Unix(1_800_000_000, 0)
	client := netip.MustParseAddr("192.0.2.1")
	old, next := Secret{1}, Secret{2}
	cookie := NewJar(old).Append(nil, []byte("12345678"), client, made)
	changed := func(at int) []byte {
		c := bytes.Clone(cookie)
		c[at] ^= 1
		return c
	}
	for _, c := range []struct {
		name         string
		jar          *Jar
		cookie       []byte
		client       string
		after        time.Duration
		valid, fresh bool
	}{
		{"new", NewJar(old), cookie, "192.0.2.1", 0, true, true},
		{"in IPv6 form", NewJar(old), cookie, "::ffff:192.0.2.1", 0, true, true},
		{"half an hour old", NewJar(old), cookie, "192.0.2.1", 30 * time.Minute, true, true},
		{"older", NewJar(old), cookie, "192.0.2.1", 31 * time.Minute, true, false},
		{"an hour old", NewJar(old), cookie, "192.0.2.1", time.Hour, true, false},
		{"too old", NewJar(old), cookie, "192.0.2.1", time.Hour + time.Second, false, false},
		{"a bit ahead", NewJar(old), cookie, "192.0.2.1", -5 * time.Minute, true, true},
		{"too far ahead", NewJar(old), cookie, "192.0.2.1", -5*time.Minute - time.Second, false, false},
		{"another client", NewJar(old), cookie, "192.0.2.2", 0, false, false},
		{"another secret", NewJar(next), cookie, "192.0.2.1", 0, false, false},
		{"after rotation", NewJar(old).Rotated(next), cookie, "192.0.2.1", 0, true, false},
		{"after two", NewJar(old).Rotated(next).Rotated(Secret{3}), cookie, "192.0.2.1", 0, false, false},
		{"client's part changed", NewJar(old), changed(0), "192.0.2.1", 0, false, false},
		{"version changed", NewJar(old), changed(8), "192.0.2.1", 0, false, false},
		{"hash changed", NewJar(old), changed(23), "192.0.2.1", 0, false, false},
		{"no server's part", NewJar(old), cookie[:8], "192.0.2.1", 0, false, false},
		{"longer", NewJar(old), append(changed(0), 0), "192.0.2.1", 0, false, false},
	} {
		if valid, fresh := c.jar.Check(c.cookie, netip.MustParseAddr(c.client), made.Add(c.after)); valid != c.valid || fresh != c.fresh {
			t.Errorf("%s: valid %v, fresh %v", c.name, valid, fresh)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	jar, client, now := NewJar(NewSecret()), netip.MustParseAddr("2001:db8::1"), time.Unix(1_800_000_000, 0)
	buf := make([]byte, 0, Size)
	if n := testing.AllocsPerRun(100, func() {
		if valid, _ := jar.Check(jar.Append(buf, []byte("12345678"), client, now), client, now); !valid {
			t.Error("not taken")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSecrets(t *testing.T) {
	for _, text := range []string{"", "00", "e5e973e5a6b2a43f48e7dc849e37bfc", "e5e973e5a6b2a43f48e7dc849e37bfcg", "e5e973e5a6b2a43f48e7dc849e37bfcf00"} {
		if _, err := ParseSecret(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	if a, b := NewSecret(), NewSecret(); a == b {
		t.Error("the same secret twice")
	}
}

func FuzzCheck(f *testing.F) {
	client, now := netip.MustParseAddr("192.0.2.1"), time.Unix(1_800_000_000, 0)
	jar := NewJar(Secret{1})
	f.Add(jar.Append(nil, []byte("12345678"), client, now))
	f.Fuzz(func(t *testing.T, cookie []byte) {
		valid, _ := jar.Check(cookie, client, now)
		if valid && !bytes.Equal(jar.Append(nil, cookie, client, time.Unix(int64(uint32(cookie[12])<<24|uint32(cookie[13])<<16|uint32(cookie[14])<<8|uint32(cookie[15])), 0))[16:], cookie[16:]) && bytes.Equal(cookie[9:12], []byte{0, 0, 0}) {
			t.Errorf("%x was taken", cookie)
		}
	})
}
