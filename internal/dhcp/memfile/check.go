package memfile

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"bundy/internal/dhcp/lease"
)

// Check reads the lease file of a family at path and its companions without changing them and returns what is wrong: rows that
// cannot be read, an incomplete end, an address twice in a snapshot. No finding means a sound file.
func Check(path string, family lease.Family) ([]string, error) {
	var findings []string
	for _, name := range append(sources(path), path) {
		seen := map[netip.Addr]bool{}
		snapshot := name == path+".2" || name == path+".completed"
		got, err := scan(name, family, func(row int, l *lease.Lease) {
			if snapshot && (seen[l.Address] || l.ValidLifetime == 0) {
				findings = append(findings, fmt.Sprintf("%s: row %d: %s stands twice or is a tombstone", name, row+1, l.Address))
			}
			seen[l.Address] = true
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
