package authority

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

// TestLargeZoneOnceInMemory reloads a large zone: what the load used and the version before must be back with the system
// when Reload returns, and meanwhile the two versions take little more than twice of one.
func TestLargeZoneOnceInMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.zone")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns.example.net.")
	for i := range 4 * muchLoaded {
		fmt.Fprintf(w, "host%d A 192.0.2.%d\n", i, i%250)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	a := newAuthority(t)
	files := Source{Class: wire.ClassIN, Name: MasterFiles, Type: MasterFiles, Cached: true, Files: []ZoneFile{{origin, path}}}
	apply(t, a, files)
	kept := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapSys - m.HeapReleased
	}
	once := kept()
	stop, highest := make(chan struct{}), make(chan uint64)
	go func() {
		high := once
		for {
			high = max(high, kept())
			select {
			case <-time.After(5 * time.Millisecond):
			case <-stop:
				highest <- high
				return
			}
		}
	}()
	if err := a.Reload(t.Context(), wire.ClassIN, origin); err != nil {
		t.Fatal(err)
	}
	close(stop)
	if high := <-highest; high > 3*once {
		t.Errorf("%d MiB after the first load, %d MiB while loading again", once>>20, high>>20)
	}
	if serial(a, "example.org") != 1 {
		t.Fatal("the zone is not served")
	}
	if again := kept(); again > once+once/2 {
		t.Errorf("%d MiB after the first load, %d MiB after the second", once>>20, again>>20)
	}
}
