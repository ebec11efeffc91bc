package duid

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Types of DUIDs (RFC 9915 section 11).
const (
	TypeLLT  = 1
	TypeEN   = 2
	TypeLL   = 3
	TypeUUID = 4
)

const (
	ethernet   = 1
	enterprise = 2495 // of ISC, as in the identifiers that the original makes
	minHWAddr  = 6
)

// epoch is the time from which DUID-LLT counts seconds (RFC 9915 section 11.2).
func epoch() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// Parse reads an identifier in its text form: octets of two hexadecimal digits with colons between them. Blanks are
// ignored. The result is raw octets.
func Parse(text string) (string, error) {
	var out []byte
	for octet := range strings.SplitSeq(strings.Join(strings.Fields(text), ""), ":") {
		b, err := hex.DecodeString(octet)
		if err != nil || len(b) != 1 {
			return "", fmt.Errorf("identifier %q: %q is no octet of two hexadecimal digits", text, octet)
		}
		out = append(out, b[0])
	}
	if len(out) < 3 || len(out) > MaxDUID {
		return "", fmt.Errorf("identifier %q has %d octets instead of 3 to %d", text, len(out), MaxDUID)
	}
	return string(out), nil
}

// HWAddr gives the hardware address in an identifier that has one, with its hardware type.
func HWAddr(duid string) (hwType uint16, hwAddr string, ok bool) {
	at := 0
	switch {
	case len(duid) < 4:
		return 0, "", false
	case duid[:2] == "\x00\x01":
		at = 8
	case duid[:2] == "\x00\x03":
		at = 4
	}
	if at == 0 || len(duid) <= at {
		return 0, "", false
	}
	return binary.BigEndian.Uint16([]byte(duid[2:4])), duid[at:], true
}

// Make gives a new identifier for a server: of the first hardware address that is good for it and of the time
// (DUID-LLT), else a random one (DUID-EN). Hardware addresses are raw octets.
func Make(hwAddrs []string, now time.Time) string {
	for _, a := range hwAddrs {
		if len(a) >= minHWAddr && strings.Trim(a, "\x00") != "" {
			out := []byte{0, TypeLLT, 0, ethernet}
			out = binary.BigEndian.AppendUint32(out, uint32(now.Sub(epoch())/time.Second))
			return string(out) + a
		}
	}
	out := []byte{0, TypeEN}
	out = binary.BigEndian.AppendUint32(out, enterprise)
	var b [6]byte
	rand.Read(b[:]) // never fails
	return string(append(out, b[:]...))
}

// maxFile bounds what is read of the file.
const maxFile = 4096

// Load reads the identifier of a server from a file.
func Load(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("server identifier: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return "", fmt.Errorf("server identifier: %w", err)
	}
	id, err := Parse(string(text))
	if err != nil {
		return "", fmt.Errorf("server identifier in %s: %w", path, err)
	}
	return id, nil
}

// Save makes the identifier of a server durable in a file.
func Save(path, duid string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("server identifier: %w", err)
	}
	defer os.Remove(f.Name()) // gone when it was renamed
	_, err = f.WriteString(Hex(duid) + "\n")
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("server identifier in %s: %w", path, err)
	}
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// ParseHex reads an identifier, or a hardware address, as operators write it: hexadecimal digits, perhaps 0x in front,
// colons, hyphens and blanks between them. The result is raw octets, at least one and no more than MaxClientID.
func ParseHex(text string) (string, error) {
	digits := strings.NewReplacer(":", "", "-", "", " ", "").Replace(strings.TrimPrefix(strings.TrimSpace(text), "0x"))
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) == 0 || len(b) > MaxClientID {
		return "", fmt.Errorf("identifier %q is not 1 to %d octets in hexadecimal digits", text, MaxClientID)
	}
	return string(b), nil
}
