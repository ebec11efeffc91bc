package option

import (
	"errors"
	"strings"

	"bundy/internal/dns/wire"
)

// maxPointer is the highest place that a compression pointer can name (RFC 1035 section 4.1.4).
const maxPointer = 1<<14 - 1

// compress writes names that stand one behind the other anew, so that the ends which they share are written once
// (RFC 3397 section 2). Names in the input are whole.
func compress(names []byte) []byte {
	var out []byte
	at := map[string]int{}
	for len(names) > 0 {
		n := nameLength(names)
		name := string(names[:n])
		names = names[n:]
		for len(name) > 1 {
			lower := strings.ToLower(name)
			if place, known := at[lower]; known {
				out = append(out, 0xc0|byte(place>>8), byte(place))
				break
			}
			if len(out) <= maxPointer {
				at[lower] = len(out)
			}
			label := 1 + int(name[0])
			out = append(out, name[:label]...)
			name = name[label:]
		}
		if len(name) == 1 {
			out = append(out, 0)
		}
	}
	return out
}

// decompress writes compressed names whole. Pointers must go back, so that it ends; the output is bounded, for a few
// octets could else name much.
func decompress(data []byte) ([]byte, error) {
	var out []byte
	for at := 0; at < len(data); {
		begin, next, name := at, -1, len(out)
		for {
			if at >= len(data) {
				return nil, errShort
			}
			n := int(data[at])
			if n >= 0xc0 {
				if at+1 >= len(data) {
					return nil, errShort
				}
				if next < 0 {
					next = at + 2
				}
				to := n&0x3f<<8 | int(data[at+1])
				if to >= begin {
					return nil, errors.New("compression pointer does not go back")
				}
				at, begin = to, to
				continue
			}
			if n > 63 || at+1+n > len(data) {
				return nil, errShort
			}
			out = append(out, data[at:at+1+n]...)
			at += 1 + n
			if len(out)-name > wire.MaxName || len(out) > MaxData {
				return nil, errors.New("names are too long")
			}
			if n == 0 {
				break
			}
		}
		if next >= 0 {
			at = next
		}
	}
	return out, nil
}
