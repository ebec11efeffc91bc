package memfile

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/lease/leasetest"
)

func TestConformance(t *testing.T) {
	for _, f := range []lease.Family{lease.Family4, lease.Family6} {
		t.Run(f.String(), func(t *testing.T) {
			leasetest.Run(t, leasetest.Maker{Family: f, Place: func(t *testing.T) leasetest.Place {
				dir, err := os.MkdirTemp(t.TempDir(), "") // one for each example of a property
				if err != nil {
					t.Fatal(err)
				}
				return &place{path: filepath.Join(dir, "leases.csv"), family: f}
			}})
		})
	}
}

// place is a lease file on a disk that can be broken.
type place struct {
	path   string
	family lease.Family
	broken atomic.Pointer[error]
}

func (p *place) Open() (lease.Store, error) {
	return Open(p.path, Options{Family: p.family, CompactAt: 20, Open: func(path string, flag int) (File, error) {
		f, err := os.OpenFile(path, flag, 0o640)
		return breakable{f, p}, err
	}})
}

func (p *place) Check() error {
	findings, err := Check(p.path, p.family)
	if err == nil && len(findings) > 0 {
		err = fmt.Errorf("%q", findings)
	}
	return err
}

func (p *place) Break(err error) {
	if err == nil {
		p.broken.Store(nil)
		return
	}
	p.broken.Store(&err)
}

// breakable writes half of what it should when it is broken.
type breakable struct {
	*os.File
	place *place
}

func (f breakable) Write(b []byte) (int, error) {
	if err := f.place.broken.Load(); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, *err
	}
	return f.File.Write(b)
}

// Sync says what a broken disk would say and leaves the rest out: that syncs happen at all is shown by others.
func (f breakable) Sync() error {
	if err := f.place.broken.Load(); err != nil {
		return *err
	}
	return nil
}
