package packet6

import (
	"crypto/hmac"
	"crypto/md5" // RFC 9915 section 20.4 knows nothing better
	"encoding/binary"
)

// Parts of the authentication option (RFC 9915 section 21.11), and the values of the Reconfigure Key Authentication
// Protocol (section 20.4).
const (
	authHeader       = 11 // protocol, algorithm, replay detection method and value
	protocolKey      = 3
	algorithmHMACMD5 = 1
	replayCounter    = 0
	infoKey          = 1
	infoDigest       = 2
)

// KeySize is the size of a reconfigure key in octets.
const KeySize = 16

// AppendReconfigureKey adds the authentication option by which a server gives a client the key that will prove later
// RECONFIGURE messages. replay grows from one message to the client to the next.
func AppendReconfigureKey(dst []byte, replay uint64, key [KeySize]byte) []byte {
	return appendAuth(dst, replay, infoKey, key)
}

func appendAuth(dst []byte, replay uint64, kind byte, value [KeySize]byte) []byte {
	dst, at := Open(dst, OptAuth)
	dst = append(dst, protocolKey, algorithmHMACMD5, replayCounter)
	dst = binary.BigEndian.AppendUint64(dst, replay)
	return Close(append(append(dst, kind), value[:]...), at)
}

// SignReconfigure adds the authentication option that proves a message to whoever has the key. The message begins
// at start in dst and is otherwise complete.
func SignReconfigure(dst []byte, start int, replay uint64, key [KeySize]byte) []byte {
	dst = appendAuth(dst, replay, infoDigest, [KeySize]byte{}) // the digest is made with zeros in its place
	h := hmac.New(md5.New, key[:])
	h.Write(dst[start:])
	h.Sum(dst[:len(dst)-KeySize])
	return dst
}
