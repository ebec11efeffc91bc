package memfile

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/lease/leasetest"
)

var epoch = time.Unix(1700000000, 0).UTC()

func addr(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, byte(2 + i>>8), byte(i)}) }

func sample(i int) lease.Lease {
	return lease.Lease{
		Address: addr(i), HWType: 1, HWAddr: fmt.Sprintf("\x02\x00\x00\x00%c%c", i>>8, i), ClientID: fmt.Sprintf("client-%d", i),
		ValidLifetime: 3600, Start: epoch, SubnetID: 1, Hostname: fmt.Sprintf("h%d.lab.example.", i), FQDNForward: true,
	}
}

func open(t *testing.T, path string, opts Options) *Store {
	t.Helper()
	s, err := Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func contents(s lease.Store) map[netip.Addr]lease.Lease {
	m := map[netip.Addr]lease.Lease{}
	s.All(func(l lease.Lease) bool { m[l.Address] = l; return true })
	return m
}

func put(t *testing.T, s *Store, l lease.Lease) {
	t.Helper()
	done := make(chan error, 1)
	s.Put(l, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestModel compares a store that is reopened and compacted again and again with a plain map.
func TestModel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases4.csv")
	rnd := rand.New(rand.NewPCG(1, 2))
	want := map[netip.Addr]lease.Lease{}
	s := open(t, path, Options{CompactAt: 50})
	for step := range 3000 {
		l := sample(rnd.IntN(40))
		switch n := rnd.IntN(100); {
		case n < 60:
			l.Start, l.ValidLifetime = epoch.Add(time.Duration(rnd.IntN(5000))*time.Second), uint32(1+rnd.IntN(5000))
			l.State = lease.State(rnd.IntN(3))
			l.ClientID = fmt.Sprintf("client-%d", rnd.IntN(20))
			want[l.Address] = l
			s.Put(l, nil)
		case n < 90:
			delete(want, l.Address)
			s.Delete(l.Address, nil)
		case n < 98:
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
		default:
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if findings, err := Check(path, lease.Family4); err != nil || len(findings) > 0 {
				t.Fatal(findings, err)
			}
			s = open(t, path, Options{CompactAt: 50})
		}
		if got := contents(s); !reflect.DeepEqual(got, want) {
			t.Fatalf("step %d: got %v\nwant %v", step, got, want)
		}
		compareQueries(t, s, want, epoch.Add(time.Duration(rnd.IntN(8000))*time.Second))
	}
}

func compareQueries(t *testing.T, s *Store, want map[netip.Addr]lease.Lease, now time.Time) {
	t.Helper()
	var ends []time.Time
	next := time.Time{}
	for _, l := range want {
		if l.State == lease.Reclaimed {
			continue
		}
		if next.IsZero() || l.Expire().Before(next) {
			next = l.Expire()
		}
		if !l.Expire().After(now) {
			ends = append(ends, l.Expire())
		}
	}
	slices.SortFunc(ends, time.Time.Compare)
	ends = ends[:min(len(ends), 7)]
	var got []time.Time
	for _, l := range s.Expired(now, 7) {
		got = append(got, l.Expire())
	}
	if !slices.Equal(got, ends) {
		t.Fatalf("Expired: %v, want %v", got, ends)
	}
	if n, ok := s.NextExpiry(); ok != !next.IsZero() || !n.Equal(next) {
		t.Fatalf("NextExpiry: %v, want %v", n, next)
	}
	for i := range 20 {
		id := fmt.Sprintf("client-%d", i)
		active := false
		any := false
		for _, l := range want {
			if l.ClientID == id {
				any = true
				active = active || l.State == lease.Active
			}
		}
		l, ok := s.ByClientID(1, id)
		if ok != any || ok && (l.ClientID != id || active != (l.State == lease.Active)) {
			t.Fatalf("ByClientID(%s): %v, %v; any %v active %v", id, l, ok, any, active)
		}
	}
}

func TestExpiredCrossesState(t *testing.T) {
	s := open(t, "", Options{Volatile: true})
	l := sample(1)
	s.Put(l, nil)
	l.State = lease.Reclaimed
	s.Put(l, nil)
	if got := s.Expired(epoch.Add(time.Hour), 10); len(got) != 0 {
		t.Errorf("a reclaimed lease expires again: %v", got)
	}
	if got := s.ReclaimedBefore(epoch.Add(time.Hour), 10); len(got) != 1 {
		t.Errorf("ReclaimedBefore: %v", got)
	}
	forever := sample(2)
	forever.ValidLifetime = lease.Infinity
	s.Put(forever, nil)
	if _, ok := s.NextExpiry(); ok {
		t.Error("an infinite lease expires")
	}
}

func TestTornEndIsCutAndRestKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases4.csv")
	s := open(t, path, Options{})
	put(t, s, sample(1))
	put(t, s, sample(2))
	s.Close()
	data, _ := os.ReadFile(path)
	for cut := len(data) - 1; cut > len(lease.Family4.Header())+1; cut-- {
		if err := os.WriteFile(path, data[:cut], 0o640); err != nil {
			t.Fatal(err)
		}
		var reports []string
		s := open(t, path, Options{Report: func(text string) { reports = append(reports, text) }})
		want := strings.Count(string(data[:cut]), "\n") - 1
		if got := len(contents(s)); got != want {
			t.Fatalf("cut at %d: %d leases, want %d", cut, got, want)
		}
		if whole := data[cut-1] == '\n'; whole != (len(reports) == 0) {
			t.Fatalf("cut at %d: reports %q", cut, reports)
		}
		put(t, s, sample(3))
		s.Close()
		if findings, err := Check(path, lease.Family4); err != nil || len(findings) > 0 {
			t.Fatal(findings, err)
		}
	}
}

func TestBadRowsAreReportedAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases4.csv")
	good := string(lease.AppendRow(nil, sample(1)))
	damaged := lease.Family4.Header() + "\n192.0.2.9,zz,,1,1,1,0,0,,0,\n" + good + strings.Repeat("x", lease.MaxLine+9) + "\n"
	if err := os.WriteFile(path, []byte(damaged), 0o640); err != nil {
		t.Fatal(err)
	}
	var reports []string
	s := open(t, path, Options{Report: func(text string) { reports = append(reports, text) }})
	if got := contents(s); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	all := strings.Join(reports, "\n")
	for _, part := range []string{path + ":2: hwaddr: bad value \"zz\"", path + ":4: line longer", "2 rows could not be read"} {
		if !strings.Contains(all, part) {
			t.Errorf("no %q in:\n%s", part, all)
		}
	}
	if kept, err := os.ReadFile(path + ".damaged.1"); err != nil || string(kept) != damaged {
		t.Errorf("the damaged file was not kept: %v", err)
	}
}

func TestForeignFileIsRefusedUntouched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases4.csv")
	text := "address,duid,valid_lifetime\n2001:db8::1,00,1\n"
	os.WriteFile(path, []byte(text), 0o640)
	if _, err := Open(path, Options{}); !errors.Is(err, lease.ErrHeader) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if data, _ := os.ReadFile(path); string(data) != text {
		t.Errorf("file changed: %q", data)
	}
}

func TestOneServerAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases4.csv")
	s := open(t, path, Options{})
	if _, err := Open(path, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("second server: %v", err)
	}
	s.Close()
	open(t, path, Options{})
}

// failing is a file on a disk that gets full: writes beyond room are cut short.
type failing struct {
	*os.File
	room *int
	sync *error
}

func (f failing) Write(p []byte) (int, error) {
	if len(p) > *f.room {
		n, _ := f.File.Write(p[:*f.room])
		*f.room = 0
		return n, syscall.ENOSPC
	}
	*f.room -= len(p)
	return f.File.Write(p)
}

func (f failing) Sync() error {
	if *f.sync != nil {
		return *f.sync
	}
	return f.File.Sync()
}

func TestFullDiskLosesNothingAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases4.csv")
	room, syncErr := 400, error(nil)
	opts := Options{Open: func(path string, flag int) (File, error) {
		f, err := os.OpenFile(path, flag, 0o640)
		return failing{f, &room, &syncErr}, err
	}}
	s := open(t, path, opts)
	acknowledged := map[netip.Addr]lease.Lease{}
	refused := 0
	for i := range 20 {
		done := make(chan error, 1)
		s.Put(sample(i), func(err error) { done <- err })
		if err := <-done; err == nil {
			acknowledged[addr(i)] = sample(i)
		} else if refused++; !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) {
			t.Fatal(err)
		}
	}
	if len(acknowledged) == 0 || refused == 0 {
		t.Fatalf("%d acknowledged, %d refused: the test does not test", len(acknowledged), refused)
	}
	if got := contents(s); !reflect.DeepEqual(got, acknowledged) {
		t.Errorf("memory holds %v, want %v", got, acknowledged)
	}
	if findings, err := Check(path, lease.Family4); err != nil || len(findings) > 0 {
		t.Error(findings, err)
	}
	room = 10000 // somebody made room
	s.Flush()
	put(t, s, sample(30))
	acknowledged[addr(30)] = sample(30)
	syncErr = syscall.EIO
	done := make(chan error, 1)
	s.Delete(addr(30), func(err error) { done <- err })
	if err := <-done; !errors.Is(err, syscall.EIO) {
		t.Errorf("a failing sync gave %v", err)
	}
	syncErr = nil
	s.Close()
	if got := contents(open(t, path, Options{})); !reflect.DeepEqual(got, acknowledged) {
		t.Errorf("after reopening: %v, want %v", got, acknowledged)
	}
}

// TestRefusedIsNotThereAfterClose: rows that reached the file though their write failed are cut off at the latest when
// the store is closed, if the disk works again.
func TestRefusedIsNotThereAfterClose(t *testing.T) {
	path, disk := filepath.Join(t.TempDir(), "leases4.csv"), leasetest.NewDisk()
	s := open(t, path, Options{Open: func(path string, flag int) (File, error) { return disk.Open(path, flag) }})
	put(t, s, sample(1))
	disk.BreakAfter(150, syscall.ENOSPC) // one row and a half
	s.mu.Lock()                          // one batch of two
	failed := make(chan error, 2)
	for i := range 2 {
		l := sample(2 + i)
		s.waiting = append(s.waiting, change{row: l, done: func(err error) { failed <- err }})
	}
	s.mu.Unlock()
	s.wake <- struct{}{}
	for range 2 {
		if err := <-failed; !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	disk.Break(nil)
	s.Close()
	if got := contents(open(t, path, Options{})); len(got) != 1 || got[addr(1)] != sample(1) {
		t.Errorf("%v", got)
	}
}

// TestCompactionSurvivesEveryStep opens the files as each step of a compaction leaves them.
func TestCompactionSurvivesEveryStep(t *testing.T) {
	row := func(ls ...lease.Lease) string {
		out := lease.AppendHeader(nil, lease.Family4)
		for _, l := range ls {
			out = lease.AppendRow(out, l)
		}
		return string(out)
	}
	gone := sample(1)
	gone.ValidLifetime = 0
	newer := sample(2)
	newer.Hostname = "renamed.lab.example."
	snapshot, previous, journal := row(sample(1), sample(2)), row(gone, newer, sample(3)), row(sample(4))
	merged := row(newer, sample(3))
	want := map[netip.Addr]lease.Lease{addr(2): newer, addr(3): sample(3), addr(4): sample(4)}
	for name, files := range map[string]map[string]string{
		"rotated":          {".2": snapshot, ".1": previous, "": journal},
		"output torn":      {".2": snapshot, ".1": previous, "": journal, ".output": merged[:len(merged)-5]},
		"completed":        {".2": snapshot, ".1": previous, ".completed": merged, "": journal},
		"snapshot removed": {".1": previous, ".completed": merged, "": journal},
		"both removed":     {".completed": merged, "": journal},
		"done":             {".2": merged, "": journal},
		"no journal":       {".2": merged, ".1": journal},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "leases4.csv")
			for suffix, text := range files {
				os.WriteFile(path+suffix, []byte(text), 0o640)
			}
			s := open(t, path, Options{CompactAt: 3})
			if got := contents(s); !reflect.DeepEqual(got, want) {
				t.Fatalf("got %v\nwant %v", got, want)
			}
			for i := range 30 { // enough rows for compactions, finishing the torn one first
				l := sample(4)
				l.Start = epoch.Add(time.Duration(i) * time.Second)
				put(t, s, l)
			}
			s.Close()
			last := sample(4)
			last.Start = epoch.Add(29 * time.Second)
			final := map[netip.Addr]lease.Lease{addr(2): newer, addr(3): sample(3), addr(4): last}
			if got := contents(open(t, path, Options{})); !reflect.DeepEqual(got, final) {
				t.Fatalf("after compaction: %v\nwant %v", got, final)
			}
		})
	}
}

// TestKill kills a process in the middle of its work and looks whether all it acknowledged is there.
func TestKill(t *testing.T) {
	if path := os.Getenv("MEMFILE_KILL_TEST"); path != "" {
		s, err := Open(path, Options{CompactAt: 20})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		for i := 0; ; i++ {
			s.Put(sample(i%500), func(err error) {
				if err == nil {
					mu.Lock()
					fmt.Println(i % 500)
					mu.Unlock()
				}
			})
			if i%7 == 0 {
				s.Flush()
			}
		}
	}
	path := filepath.Join(t.TempDir(), "leases4.csv")
	for round := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "MEMFILE_KILL_TEST="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var acknowledged []string
		buf := make([]byte, 4096)
		var text strings.Builder
		for text.Len() < 3000*(round+1) {
			n, err := out.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(buf[:n])
		}
		cmd.Process.Kill()
		cmd.Wait()
		acknowledged = strings.Split(text.String(), "\n")
		s := open(t, path, Options{})
		got := contents(s)
		s.Close()
		for _, line := range acknowledged[:len(acknowledged)-1] {
			i, err := strconv.Atoi(line)
			if err != nil {
				t.Fatal(err)
			}
			if got[addr(i)].Hostname != sample(i).Hostname {
				t.Fatalf("round %d: lease %d was acknowledged and is not there", round, i)
			}
		}
	}
}

func BenchmarkPutDurable(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "leases4.csv"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	window := make(chan struct{}, 64) // as many clients wait at once
	for i := 0; b.Loop(); i++ {
		window <- struct{}{}
		s.Put(sample(i%65536), func(error) { <-window })
	}
}

// TestOlderHeadersTakeNoNewRows opens files of versions with fewer columns: what is granted then is there after a crash
// before the first compaction, and after it, whatever an earlier compaction left.
func TestOlderHeadersTakeNoNewRows(t *testing.T) {
	const first = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname"
	row := func(a string) string { return a + ",02:00:00:00:00:01,,3600,1700003600,7,0,0,\n" }
	for name, files := range map[string]map[string]string{
		"journal":              {"": first + "\n" + row("192.0.2.9")},
		"with state":           {"": first + ",state\n" + row("192.0.2.9")},
		"with pools":           {"": lease.Family4.Header() + ",pool_id\n" + row("192.0.2.9")},
		"rotated":              {"": first + "\n" + row("192.0.2.9"), ".1": first + "\n" + row("192.0.2.8")},
		"completed":            {"": first + "\n" + row("192.0.2.9"), ".1": first + "\n", ".completed": first + "\n" + row("192.0.2.8")},
		"completed by us":      {"": first + "\n" + row("192.0.2.9"), ".completed": lease.Family4.Header() + "\n" + row("192.0.2.8")},
		"snapshot and journal": {"": first + "\n" + row("192.0.2.9"), ".2": first + "\n" + row("192.0.2.8")},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "leases4.csv")
			want := []netip.Addr{netip.MustParseAddr("192.0.2.9"), addr(500)}
			for suffix, text := range files {
				os.WriteFile(path+suffix, []byte(text), 0o640)
				if strings.Contains(text, "192.0.2.8") {
					want = append(want, netip.MustParseAddr("192.0.2.8"))
				}
			}
			slices.SortFunc(want, netip.Addr.Compare)
			check := func(path string) {
				t.Helper()
				s := open(t, path, Options{Report: func(text string) { t.Error(text) }})
				if got := slices.SortedFunc(maps.Keys(contents(s)), netip.Addr.Compare); !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
				s.Close()
			}
			s := open(t, path, Options{Report: func(text string) { t.Error(text) }})
			put(t, s, sample(500))
			if line, _, _ := strings.Cut(readFile(t, path), "\n"); line != lease.Family4.Header() {
				t.Errorf("rows of ours stand below %q", line)
			}
			s.Close()
			check(path)
			check(path)
		})
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestFailedMergeLeavesNoFile: on a full disk what a compaction wrote would take the room that leases need.
func TestFailedMergeLeavesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases4.csv")
	os.WriteFile(path+".1", lease.AppendRow(lease.AppendHeader(nil, lease.Family4), sample(1)), 0o640)
	if err := os.Symlink("/dev/full", path+".output"); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := compact(path, lease.Family4); err == nil {
		t.Fatal("a full disk was not noticed")
	}
	if _, err := os.Lstat(path + ".output"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the unfinished file is left: %v", err)
	}
}
