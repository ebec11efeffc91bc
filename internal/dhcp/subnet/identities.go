package subnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
)

// maxRemembered bounds the prefixes whose numbers are remembered: more than any server has, and still a small file.
const maxRemembered = 65536

// Identities remembers which number a subnet had that the configuration gives none, by its prefix: a subnet keeps it as
// long as there are leases, whatever other subnets come and go, and gets it back when it comes back itself. It is a
// value; Number makes a new one.
type Identities map[netip.Prefix]uint32

// LoadIdentities reads the file that Save wrote. No file is no memory.
func LoadIdentities(path string) (Identities, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("numbers of subnets: %w", err)
	}
	var known Identities
	if err := json.Unmarshal(b, &known); err != nil {
		return nil, fmt.Errorf("numbers of subnets in %s: %w", path, err)
	}
	return known, nil
}

// Save makes the memory durable in a file.
func (k Identities) Save(path string) error {
	b, err := json.MarshalIndent(k, "", " ")
	if err != nil {
		return fmt.Errorf("numbers of subnets: %w", err)
	}
	if err := replace(path, append(b, '\n')); err != nil {
		return fmt.Errorf("numbers of subnets in %s: %w", path, err)
	}
	return nil
}

// replace writes a file beside the old one, and puts it in its place when it is on disk.
func replace(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone when it was renamed
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(0o640), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Number gives the subnets that have none (0) a number: the one remembered for their prefix, else the lowest from 1 that
// no subnet has or had. given stands beside prefixes, in the order of the configuration. The memory that is returned
// holds these subnets too; changed tells whether it needs to be saved.
func (k Identities) Number(prefixes []netip.Prefix, given []uint32) (ids []uint32, now Identities, changed bool) {
	taken := map[uint32]bool{}
	for _, id := range given {
		taken[id] = true
	}
	now = make(Identities, len(k)+len(prefixes))
	ids = make([]uint32, len(given))
	for i, p := range prefixes {
		if id := k[p]; given[i] == 0 && id != 0 && !taken[id] {
			ids[i], now[p], taken[id] = id, id, true
		}
	}
	for p, id := range k { // of subnets that are gone
		if _, here := now[p]; !here && !taken[id] && len(now) < maxRemembered {
			now[p], taken[id] = id, true
		}
	}
	next := uint32(1)
	for i, p := range prefixes {
		switch {
		case given[i] != 0:
			ids[i] = given[i]
		case ids[i] == 0:
			for taken[next] {
				next++
			}
			ids[i], taken[next] = next, true
		}
		now[p] = ids[i]
		changed = changed || k[p] != ids[i]
	}
	return ids, now, changed
}
