package zonedb

import (
	"encoding/binary"
	"fmt"

	"bundy/internal/dns/wire"
)

// A sort key holds the labels of a name in lower case from the last to the first, each ended by a zero octet. Octets 0
// and 1 inside a label become 1 1 and 1 2. So the byte order of keys is the canonical order of names.

// sortKey gives the key of a name; that of the root is empty, not nil.
func sortKey(n wire.Name) []byte { return appendKey(make([]byte, 0, len(n)+2), n[:len(n)-1]) }

// appendKey appends the key of labels, which are a name without its root, or the beginning of one.
func appendKey(to []byte, labels wire.Name) []byte {
	var offsets [wire.MaxName / 2]uint8
	count := 0
	for i := 0; i < len(labels); i += 1 + int(labels[i]) {
		offsets[count] = uint8(i)
		count++
	}
	for ; count > 0; count-- {
		at := int(offsets[count-1])
		for _, c := range []byte(labels[at+1 : at+1+int(labels[at])]) {
			switch {
			case c <= 1:
				to = append(to, 1)
				c++
			case 'A' <= c && c <= 'Z':
				c += 'a' - 'A'
			}
			to = append(to, c)
		}
		to = append(to, 0)
	}
	return to
}

// appendRecordKey appends what makes the key of an owner that of one of its records. As labels hold no zero octet in a key,
// the records of a name stand before those of the names below it.
func appendRecordKey(owner []byte, t wire.Type, data []byte) []byte {
	owner = append(owner, 0)
	owner = binary.BigEndian.AppendUint16(owner, uint16(t))
	return wire.AppendCanonicalData(owner, t, data)
}

// keyName gives the name, in lower case, that a key was made of.
func keyName(key []byte) (wire.Name, error) {
	bad := func() error { return fmt.Errorf("key %x of a name is damaged", key) }
	var out [wire.MaxName]byte
	at := len(out) - 1 // labels are put before those that stand
	var label [63]byte
	n := 0
	for i := 0; i < len(key); i++ {
		c := key[i]
		if c == 0 {
			if n == 0 || at < n+1 {
				return "", bad()
			}
			at -= n
			copy(out[at:], label[:n])
			at--
			out[at] = byte(n)
			n = 0
			continue
		}
		if c == 1 {
			if i++; i == len(key) || key[i] != 1 && key[i] != 2 {
				return "", bad()
			}
			c = key[i] - 1
		}
		if n == len(label) {
			return "", bad()
		}
		label[n] = c
		n++
	}
	if n > 0 {
		return "", bad()
	}
	return wire.Name(out[at:]), nil
}
