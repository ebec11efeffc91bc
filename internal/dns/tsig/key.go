package tsig

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"

	"bundy/internal/dns/wire"
)

// Algorithm names in wire form (RFC 8945 section 6). All but the first are also how they are written in a key.
const (
	HMACMD5    wire.Name = "\x08hmac-md5\x07sig-alg\x03reg\x03int\x00"
	HMACSHA1   wire.Name = "\x09hmac-sha1\x00"
	HMACSHA224 wire.Name = "\x0bhmac-sha224\x00"
	HMACSHA256 wire.Name = "\x0bhmac-sha256\x00"
	HMACSHA384 wire.Name = "\x0bhmac-sha384\x00"
	HMACSHA512 wire.Name = "\x0bhmac-sha512\x00"
)

// ErrKey is wrapped by every error about a key's text or about a set of keys.
var ErrKey = errors.New("bad TSIG key")

// Key is a shared secret with its name and algorithm. Name and Algorithm are compared without case. The Secret is
// immutable once the key is in use.
type Key struct {
	Name      wire.Name
	Algorithm wire.Name
	Secret    []byte

	// Bits is the length to which signatures are cut (RFC 8945 section 5.2.2.1), a multiple of eight, at least 80 and half
	// of the digest; 0 leaves them whole.
	Bits int
}

// CheckBits tells whether signatures of the key can have its Bits.
func (k Key) CheckBits() error {
	if newHash(k.Algorithm.Lower()) == nil {
		return fmt.Errorf("%w %s: unknown algorithm %s", ErrKey, k.Name, k.Algorithm)
	}
	size := newHash(k.Algorithm.Lower())().Size() * 8
	if k.Bits != 0 && (k.Bits%8 != 0 || k.Bits < max(8*minMAC, size/2) || k.Bits > size) {
		return fmt.Errorf("%w %s: signatures of %d bits; want a multiple of 8 from %d to %d", ErrKey, k.Name, k.Bits, max(8*minMAC, size/2), size)
	}
	return nil
}

// cut shortens a signature to what the key says.
func (k Key) cut(mac []byte) []byte {
	if k.Bits == 0 {
		return mac
	}
	return mac[:min(k.Bits/8, len(mac))]
}

// String shows name and algorithm, so that no format of a Key can put its secret into a log.
func (k Key) String() string { return k.Name.String() + " (" + k.Algorithm.String() + ")" }

// ParseKey reads "name:base64secret[:algorithm]", the form of tsig_keys/keys. The algorithm is hmac-md5 when it is
// left out, else one of hmac-md5, hmac-md5.sig-alg.reg.int, hmac-sha1, -sha224, -sha256, -sha384 or -sha512 with or
// without final dot, in any case. The error tells which part is wrong but shows none that may be the secret: people mix
// up the order, which other programs have the other way round.
func ParseKey(text string) (Key, error) {
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return Key{}, fmt.Errorf("%w: want name:base64secret[:algorithm], found %d parts between colons", ErrKey, len(parts))
	}
	name, err := wire.ParseName(parts[0])
	if err != nil {
		return Key{}, fmt.Errorf("%w: the part before the first colon is no domain name", ErrKey)
	}
	secret, err := base64.StdEncoding.DecodeString(parts[1])
	if err != nil {
		return Key{}, fmt.Errorf("%w: the part behind the first colon, which is the secret, is not base64", ErrKey)
	}
	if len(secret) == 0 {
		return Key{}, fmt.Errorf("%w %s: the secret is empty", ErrKey, name)
	}
	algorithm := HMACMD5
	if len(parts) == 3 {
		if algorithm, err = ParseAlgorithm(parts[2]); err != nil {
			return Key{}, fmt.Errorf("%w %s: the part behind the second colon is no known algorithm", ErrKey, name)
		}
	}
	return Key{Name: name, Algorithm: algorithm, Secret: secret}, nil
}

// ParseAlgorithm reads the name of an algorithm as ParseKey does. The short name hmac-md5 stands for the long one.
func ParseAlgorithm(text string) (wire.Name, error) {
	n, err := wire.ParseName(text)
	if err != nil {
		return "", fmt.Errorf("algorithm: %w", err)
	}
	if n = n.Lower(); n == "\x08hmac-md5\x00" {
		n = HMACMD5
	}
	if newHash(n) == nil {
		return "", fmt.Errorf("unknown TSIG algorithm %q", text)
	}
	return n, nil
}

// newHash gives the hash of an algorithm name in lower case, nil when there is none.
func newHash(algorithm wire.Name) func() hash.Hash {
	switch algorithm {
	case HMACMD5:
		return md5.New
	case HMACSHA1:
		return sha1.New
	case HMACSHA224:
		return sha256.New224
	case HMACSHA256:
		return sha256.New
	case HMACSHA384:
		return sha512.New384
	case HMACSHA512:
		return sha512.New
	}
	return nil
}

// mac starts the keyed digest. The algorithm of a key was checked when it entered a ring or a session.
func (k Key) mac() hash.Hash { return hmac.New(newHash(k.Algorithm.Lower()), k.Secret) }

// check tells whether the key can sign.
func (k Key) check() error {
	if len(k.Name) == 0 {
		return fmt.Errorf("%w: no name", ErrKey)
	}
	if newHash(k.Algorithm.Lower()) == nil {
		return fmt.Errorf("%w %s: unknown algorithm %s", ErrKey, k.Name, k.Algorithm)
	}
	if len(k.Secret) == 0 {
		return fmt.Errorf("%w %s: the secret is empty", ErrKey, k.Name)
	}
	return k.CheckBits()
}
