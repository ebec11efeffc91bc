package zone

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"

	"bundy/internal/dns/wire"
)

const (
	// maxIterations is the largest number of extra NSEC3 iterations with which proofs are made. RFC 9276 section 3.1
	// wants 0, and validators take what is above 50 to 150 for unsigned, so that a higher number costs and proves nothing.
	maxIterations = 150
	// maxRuns bounds the runs of SHA-1 for one question (CVE-2023-50868): two NXDOMAIN proofs at maxIterations, and at
	// none more than any answer can use.
	maxRuns = 6 * (1 + maxIterations)

	nsec3SHA1   = 1  // RFC 5155 section 11: the only algorithm
	nsec3Fixed  = 5  // octets of NSEC3PARAM and NSEC3 up to the salt (RFC 5155 sections 3.2 and 4.2)
	hashLabel   = 32 // base32hex characters of a SHA-1 value
	hashLetters = "0123456789abcdefghijklmnopqrstuv"
)

// nsecHash is a hashed owner name (RFC 5155 section 5).
type nsecHash [sha1.Size]byte

// hashing says how the names of an NSEC3 chain are hashed.
type hashing struct {
	iterations int
	salt       string
}

// hashingOf reads the parameters of an NSEC3PARAM or NSEC3 record. False: not of a kind that is known, or cut off.
func hashingOf(data []byte) (hashing, bool) {
	if len(data) < nsec3Fixed || data[0] != nsec3SHA1 || len(data) < nsec3Fixed+int(data[4]) {
		return hashing{}, false
	}
	return hashing{int(binary.BigEndian.Uint16(data[2:])), string(data[nsec3Fixed : nsec3Fixed+int(data[4])])}, true
}

// matches tells whether an NSEC3 record was made with these parameters.
func (h *hashing) matches(data []byte) bool {
	return len(data) >= nsec3Fixed && data[0] == nsec3SHA1 && int(binary.BigEndian.Uint16(data[2:])) == h.iterations &&
		len(data) >= nsec3Fixed+int(data[4]) && string(data[nsec3Fixed:nsec3Fixed+int(data[4])]) == h.salt
}

// runs is what hashing one name costs.
func (h *hashing) runs() int { return 1 + h.iterations }

// hash hashes a name in lower case.
func (h *hashing) hash(name wire.Name) nsecHash {
	var room [2 * (wire.MaxName + 1)]byte
	x := nsecHash(sha1.Sum(append(append(room[:0], name...), h.salt...)))
	for range h.iterations {
		x = sha1.Sum(append(append(room[:0], x[:]...), h.salt...))
	}
	return x
}

// owner writes the owner name of the NSEC3 record of a hash into to, which has room for wire.MaxName octets. "" if the
// zone's name is too long to have one.
func (x *nsecHash) owner(origin wire.Name, to []byte) wire.Name {
	if 1+hashLabel+len(origin) > wire.MaxName {
		return ""
	}
	to = append(to[:0], hashLabel)
	for i := 0; i < len(x); i += 5 {
		bits := uint64(x[i])<<32 | uint64(binary.BigEndian.Uint32(x[i+1:]))
		for shift := 35; shift >= 0; shift -= 5 {
			to = append(to, hashLetters[bits>>shift&31])
		}
	}
	return wire.BorrowName(append(to, origin...))
}

// hashOf reads the hash in the owner name of an NSEC3 record; false if it is none.
func hashOf(owner, origin wire.Name) (x nsecHash, ok bool) {
	if len(owner) != 1+hashLabel+len(origin) || owner[0] != hashLabel {
		return x, false
	}
	label := owner[1 : 1+hashLabel]
	for i := 0; i < len(x); i += 5 {
		var bits uint64
		for _, c := range []byte(label[i/5*8 : i/5*8+8]) {
			switch {
			case '0' <= c && c <= '9':
				bits = bits<<5 | uint64(c-'0')
			case 'a' <= c|0x20 && c|0x20 <= 'v':
				bits = bits<<5 | uint64(c|0x20-'a'+10)
			default:
				return x, false
			}
		}
		x[i] = byte(bits >> 32)
		binary.BigEndian.PutUint32(x[i+1:], uint32(bits))
	}
	return x, true
}

// maxOrderKey is the longest key of a name: each octet but the root's, zero octets doubled, and two for each label's end.
const maxOrderKey = 2 * wire.MaxName

// appendOrderKey appends a string whose octet order is the canonical order of names (RFC 4034 section 6.1) in one zone:
// the labels below the origin, from the last to the first, each ended by two zero octets, with a zero octet inside a
// label written as 0 1. The name must be in lower case, at or below the origin.
func appendOrderKey(to []byte, name, origin wire.Name) []byte {
	var offs [128]uint8
	labels := 0
	for i := 0; i < len(name)-len(origin); i += 1 + int(name[i]) {
		offs[labels] = uint8(i)
		labels++
	}
	for labels--; labels >= 0; labels-- {
		at := int(offs[labels])
		for _, c := range []byte(name[at+1 : at+1+int(name[at])]) {
			to = append(to, c)
			if c == 0 {
				to = append(to, 1)
			}
		}
		to = append(to, 0, 0)
	}
	return to
}

// orderName writes the name of an order key into to, which has room for wire.MaxName octets.
func orderName(key []byte, origin wire.Name, to []byte) wire.Name {
	to = to[:wire.MaxName]
	at := len(to) - copy(to[len(to)-len(origin):], origin)
	for len(key) > 0 {
		end := 0
		zeros := 0
		for !(key[end] == 0 && key[end+1] == 0) {
			if key[end] == 0 {
				zeros++
				end++
			}
			end++
		}
		at -= end - zeros
		w := at
		for i := 0; i < end; i++ {
			to[w] = key[i]
			w++
			if key[i] == 0 {
				i++
			}
		}
		at--
		to[at] = byte(end - zeros)
		key = bytes.TrimPrefix(key[end:], []byte{0, 0})
	}
	return wire.BorrowName(to[at:])
}
