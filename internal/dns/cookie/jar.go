package cookie

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"
)

const (
	// SecretSize is the length of a secret in octets.
	SecretSize = 16
	// ClientSize and Size are the lengths of a client's cookie, and of one with the server's behind it.
	ClientSize = 8
	Size       = ClientSize + serverSize

	serverSize = 16
	version    = 1

	// How old a cookie may be, how far its time may lie ahead, and from which age on the client gets a new one
	// (RFC 9018 section 4.3).
	maxAge     = time.Hour
	maxAhead   = 5 * time.Minute
	refreshAge = 30 * time.Minute
)

// Secret is what the servers that answer for one address share.
type Secret [SecretSize]byte

// ParseSecret reads 32 hexadecimal digits. The error does not show them.
func ParseSecret(text string) (Secret, error) {
	var s Secret
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != SecretSize {
		return s, fmt.Errorf("a cookie secret is %d hexadecimal digits", 2*SecretSize)
	}
	return Secret(b), nil
}

// NewSecret makes a secret by chance.
func NewSecret() Secret {
	var s Secret
	rand.Read(s[:]) // never fails (crypto/rand)
	return s
}

// Jar makes cookies with its first secret and takes those of all. It is immutable.
type Jar struct{ secrets []Secret }

// NewJar makes a jar of at least one secret. Cookies are made with the first.
func NewJar(secrets ...Secret) *Jar { return &Jar{append([]Secret(nil), secrets...)} }

// Rotated gives a jar that makes cookies with the secret s and takes those of the first secret of j as well.
func (j *Jar) Rotated(s Secret) *Jar { return NewJar(s, j.secrets[0]) }

// Check tells whether cookie, client's and server's part, is one that this server or one with the same secret gave to
// the client. fresh tells whether it is so new that the client can go on using it.
func (j *Jar) Check(cookie []byte, client netip.Addr, now time.Time) (valid, fresh bool) {
	if len(cookie) != Size || cookie[ClientSize] != version {
		return false, false
	}
	age := int32(uint32(now.Unix()) - binary.BigEndian.Uint32(cookie[ClientSize+4:])) // serial arithmetic (RFC 1982)
	if age > int32(maxAge/time.Second) || age < -int32(maxAhead/time.Second) {
		return false, false
	}
	for i := range j.secrets {
		if binary.LittleEndian.Uint64(cookie[Size-8:]) == j.secrets[i].hash(cookie[:Size-8], client) {
			return true, i == 0 && age <= int32(refreshAge/time.Second)
		}
	}
	return false, false
}

// Append appends a whole cookie for the client whose part is the first ClientSize octets of cookie.
func (j *Jar) Append(b, cookie []byte, client netip.Addr, now time.Time) []byte {
	at := len(b)
	b = append(b, cookie[:ClientSize]...)
	b = append(b, version, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(now.Unix()))
	return binary.LittleEndian.AppendUint64(b, j.secrets[0].hash(b[at:], client))
}

// hash is the last part of a cookie, over the parts before it and the address (RFC 9018 section 4.4).
func (s *Secret) hash(parts []byte, client netip.Addr) uint64 {
	var input [Size - 8 + 16]byte
	n := copy(input[:], parts)
	if client = client.Unmap(); client.Is4() {
		a := client.As4()
		n += copy(input[n:], a[:])
	} else {
		a := client.As16()
		n += copy(input[n:], a[:])
	}
	return sipHash((*[SecretSize]byte)(s), input[:n])
}
