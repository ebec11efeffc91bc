package duid

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestServerIdentifier(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	id := Make([]string{"", "\x00\x00\x00\x00\x00\x00", "\x02\x01", "\x02\x01\x02\x03\x04\x05"}, now)
	if Hex(id) != "00:01:00:01:30:e9:f2:25:02:01:02:03:04:05" {
		t.Errorf("made %s", Hex(id))
	}
	if kind, a, ok := HWAddr(id); !ok || kind != 1 || a != "\x02\x01\x02\x03\x04\x05" {
		t.Errorf("hardware address %x of type %d, %v", a, kind, ok)
	}
	random := Make(nil, now)
	if random[:6] != "\x00\x02\x00\x00\x09\xbf" || len(random) != 12 || Make(nil, now) == random {
		t.Errorf("made %s without hardware address", Hex(random))
	}
	if _, _, ok := HWAddr(random); ok {
		t.Error("a hardware address in a DUID-EN")
	}
	path := filepath.Join(t.TempDir(), "serverid")
	if _, err := Load(path); err == nil {
		t.Error("loaded what is not there")
	}
	if err := Save(path, id); err != nil {
		t.Fatal(err)
	}
	if again, err := Load(path); err != nil || again != id {
		t.Errorf("%x %v", again, err)
	}
	for text, good := range map[string]bool{
		" 00:03 :00:01:0A:0b\n": true, "00:03": false, "0:3:0:1:2": false, "00:03:xx": false, "": false, "000300": false,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if id, err := Load(path); (err == nil) != good {
			t.Errorf("%q: %x %v", text, id, err)
		}
	}
}
