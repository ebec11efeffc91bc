package packet6

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
)

// KeySize is the size of a reconfigure key in octets (RFC 9915 section 20.4.1).
const KeySize = 16

// What an authentication option of the reconfigure key protocol says (RFC 9915 sections 20.3, 20.4.1 and 21.11).
const (
	reconfigureProtocol = 3
	hmacMD5             = 1
	counterDetection    = 0 // of replays: the value only grows
	keyValue            = 1
	keyDigest           = 2
)

// AppendReconfigureKey adds the option that gives a client the key by which it will know a RECONFIGURE to be ours.
func AppendReconfigureKey(dst []byte, replay uint64, key [KeySize]byte) []byte {
	return appendAuth(dst, replay, keyValue, key)
}

func appendAuth(dst []byte, replay uint64, kind byte, value [KeySize]byte) []byte {
	dst, at := Open(dst, OptAuth)
	dst = append(dst, reconfigureProtocol, hmacMD5, counterDetection)
	dst = append(binary.BigEndian.AppendUint64(dst, replay), kind)
	return Close(append(dst, value[:]...), at)
}

// AppendReconfigure adds a RECONFIGURE that orders a client to send a message of the type ask: Renew, Rebind or
// InformationRequest (RFC 9915 section 18.3.11), signed with the client's key. replay must be greater than in all that
// the client was sent before.
func AppendReconfigure(dst []byte, server, client string, ask Type, replay uint64, key [KeySize]byte) []byte {
	start := len(dst)
	dst = AppendHeader(dst, Reconfigure, 0)
	dst = AppendOption(dst, OptClientID, []byte(client))
	dst = AppendOption(dst, OptServerID, []byte(server))
	dst = AppendOption(dst, OptReconfMessage, []byte{byte(ask)})
	dst = appendAuth(dst, replay, keyDigest, [KeySize]byte{})
	mac := hmac.New(md5.New, key[:])
	mac.Write(dst[start:]) // over the whole message, with zeros where the digest comes
	copy(dst[len(dst)-KeySize:], mac.Sum(nil))
	return dst
}
