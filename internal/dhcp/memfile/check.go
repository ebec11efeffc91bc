package memfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"bundy/internal/dhcp/lease"
)

// Check reads the lease file at path and its companions without changing them and returns what is wrong: rows that
// cannot be read, an incomplete end, an address twice in a snapshot. No finding means a sound file.
func Check(path string) ([]string, error) {
	var findings []string
	for _, name := range append(sources(path), path) {
		seen := map[string]bool{}
		snapshot := name == path+".2" || name == path+".completed"
		got, err := scan(name, func(offset int64, l lease.Lease) {
			if snapshot && (seen[l.Address.String()] || l.ValidLifetime == 0) {
				findings = append(findings, fmt.Sprintf("%s: byte %d: %s stands twice or is a tombstone", name, offset, l.Address))
			}
			seen[l.Address.String()] = true
		})
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return findings, err
		}
		findings = append(findings, got.bad...)
		if got.badRows > len(got.bad) {
			findings = append(findings, fmt.Sprintf("%s: %d more rows cannot be read", name, got.badRows-len(got.bad)))
		}
		if got.whole < got.size {
			findings = append(findings, fmt.Sprintf("%s: the last %d bytes are an incomplete row", name, got.size-got.whole))
		}
	}
	if _, err := os.Stat(path); err != nil {
		return findings, err
	}
	return findings, nil
}
