package zonedb

import (
	"fmt"

	"bundy/internal/dns/wire"
)

// A sort key holds the labels of a name in lower case from the last to the first, each ended by a zero octet. Octets 0
// and 1 inside a label become 1 1 and 1 2. So the byte order of keys is the canonical order of names.

// sortKey gives the key of a name; that of the root is empty, not nil.
func sortKey(n wire.Name) []byte {
	n = n.Lower()
	var offsets [wire.MaxName / 2]int
	count := 0
	for i := 0; i < len(n) && n[i] != 0; i += 1 + int(n[i]) {
		offsets[count] = i
		count++
	}
	key := make([]byte, 0, len(n)+2)
	for ; count > 0; count-- {
		at := offsets[count-1]
		for _, c := range []byte(n[at+1 : at+1+int(n[at])]) {
			if c <= 1 {
				key = append(key, 1)
				c++
			}
			key = append(key, c)
		}
		key = append(key, 0)
	}
	return key
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
