package duid

import (
	"errors"
	"testing"
)

func TestClientID(t *testing.T) {
	for _, c := range []struct {
		data, text, duid string
		ok               bool
	}{
		{"", "", "", false},
		{"\x01", "", "", false},
		{"\x01\x00\x0c\x01\x02\x03\x04", "01:00:0c:01:02:03:04", "", true},
		{"\xff\x00\x00\x00\x01\x00\x03\x00\x01\xaa\xbb", "ff:00:00:00:01:00:03:00:01:aa:bb", "\x00\x03\x00\x01\xaa\xbb", true},
		{"\xff\x00\x00\x00\x01\x00\x03", "ff:00:00:00:01:00:03", "", true}, // a type alone is no DUID
		{string(make([]byte, 256)), "", "", false},
	} {
		id, err := ParseClientID([]byte(c.data))
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrClientID) {
			t.Errorf("%x: error %v", c.data, err)
		}
		if err != nil {
			continue
		}
		if d, _ := id.DUID(); id.String() != c.text || d != c.duid {
			t.Errorf("%x: text %s, DUID %x", c.data, id, d)
		}
	}
}
