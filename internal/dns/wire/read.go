package wire

import (
	"fmt"
	"unsafe"
)

// maxPointers bounds the compression pointers followed in one name. Pointers must lead strictly backwards, and a name
// of 127 labels cannot use more than one pointer a label in a sane message.
const maxPointers = 127

// BorrowName takes b, a name in uncompressed wire form, as a Name without copying. The name is valid only as long as
// the bytes stay as they are: keep a strings.Clone of it, never the name itself.
func BorrowName(b []byte) Name { return Name(unsafe.String(unsafe.SliceData(b), len(b))) }

// ReadName reads the possibly compressed name at off and gives the offset behind it. Pointers must lead backwards
// (RFC 1035 section 4.1.4). Case is kept. The error wraps ErrMessage.
func ReadName(msg []byte, off int) (Name, int, error) {
	var buf [MaxName]byte
	n, next := expandName(msg, off, &buf)
	if n == 0 {
		return "", 0, fmt.Errorf("%w: bad name at offset %d", ErrMessage, off)
	}
	return Name(buf[:n]), next, nil
}

// expandName decompresses the name at off into buf. It returns the name's length, 0 if it is malformed, and the
// offset behind it in msg.
func expandName(msg []byte, off int, buf *[MaxName]byte) (n, next int) {
	floor := off // every pointer must lead below the place where the labels before it began
	pointers := 0
	for {
		if off < 0 || off >= len(msg) {
			return 0, 0
		}
		c := int(msg[off])
		switch {
		case c == 0:
			if n+1 > MaxName {
				return 0, 0
			}
			buf[n] = 0
			if pointers == 0 {
				next = off + 1
			}
			return n + 1, next
		case c < 64:
			if off+1+c > len(msg) || n+1+c > MaxName-1 {
				return 0, 0
			}
			n += copy(buf[n:], msg[off:off+1+c])
			off += 1 + c
		case c >= 0xc0:
			if off+1 >= len(msg) {
				return 0, 0
			}
			to := c&0x3f<<8 | int(msg[off+1])
			if pointers == 0 {
				next = off + 2
			}
			pointers++
			if to >= floor || pointers > maxPointers {
				return 0, 0
			}
			off, floor = to, to
		default: // 01 and 10 are not in use (RFC 6891 section 5)
			return 0, 0
		}
	}
}

// skipName gives the offset behind the name at off without following its pointer; 0 if there is no name.
func skipName(msg []byte, off int) int {
	for start := off; off < len(msg) && off-start < MaxName; {
		c := int(msg[off])
		switch {
		case c == 0:
			return off + 1
		case c < 64:
			off += 1 + c
		case c >= 0xc0 && off+1 < len(msg):
			return off + 2
		default:
			return 0
		}
	}
	return 0
}

// NameLength gives the length of the uncompressed name that data begins with, 0 if there is none.
func NameLength(data []byte) int {
	for i := 0; i < len(data) && i < MaxName; {
		c := int(data[i])
		if c == 0 {
			return i + 1
		}
		if c > 63 {
			return 0
		}
		i += 1 + c
	}
	return 0
}
