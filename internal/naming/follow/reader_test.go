package follow

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bundy/internal/dhcp/lease"
)

// view is what a follower knows: the last row of each address that has a lease.
type view map[netip.Addr]string

func (v view) hear(e Event) {
	if e.Snapshot {
		clear(v)
	}
	for _, l := range e.Rows {
		if l.ValidLifetime == 0 {
			delete(v, l.Address)
		} else {
			v[l.Address] = l.Hostname
		}
	}
}

func row(host byte, name string, lifetime uint32) []byte {
	return lease.AppendRow(nil, lease.Lease{
		Address: netip.AddrFrom4([4]byte{192, 0, 2, host}), HWType: 1, HWAddr: "\x01\x02\x03\x04\x05\x06",
		ValidLifetime: lifetime, Start: time.Unix(1_700_000_000, 0), FQDNForward: true, Hostname: name,
	})
}

type disk struct {
	t    testing.TB
	path string
}

func (d disk) append(b []byte) {
	f, err := os.OpenFile(d.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(b)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d disk) write(suffix string, b []byte) {
	if err := os.WriteFile(d.path+suffix, b, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d disk) rename(from, to string) {
	if err := os.Rename(d.path+from, d.path+to); err != nil {
		d.t.Fatal(err)
	}
}

func (d disk) remove(suffix string) {
	if err := os.Remove(d.path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.t.Fatal(err)
	}
}

func (d disk) exists(suffix string) bool {
	_, err := os.Stat(d.path + suffix)
	return err == nil
}

// TestModel lets a server write, clean up in its steps, restart and cut off a torn row, with polls anywhere between,
// and compares what the follower knows with what the server knows.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		d := disk{t, filepath.Join(dir, "leases.csv")}
		for _, suffix := range []string{"", ".1", ".2", ".output", ".completed"} {
			d.remove(suffix)
		}
		r := &reader{path: d.path}
		defer r.close()
		server, follower := view{}, view{}
		poll := func() {
			if err := r.poll(follower.hear); err != nil {
				rt.Fatal(err)
			}
		}
		torn := false
		mend := func() { // a server that starts cuts a torn row off
			if b, err := os.ReadFile(d.path); err == nil {
				if err := os.Truncate(d.path, int64(strings.LastIndexByte(string(b), '\n')+1)); err != nil {
					rt.Fatal(err)
				}
			}
			torn = false
		}
		steps := 0 // of a clean-up
		var merged []byte
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"row", "row", "row", "torn", "rotate", "clean", "clean", "poll", "poll", "blank"}).Draw(rt, "what") {
			case "row":
				if torn {
					mend()
				}
				if !d.exists("") {
					d.append(lease.AppendHeader(nil, lease.Family4))
				}
				host, name := rapid.ByteRange(0, 4).Draw(rt, "host"), rapid.SampledFrom([]string{"a.", "b,c.", ""}).Draw(rt, "name")
				lifetime := rapid.SampledFrom([]uint32{0, 3600}).Draw(rt, "lifetime")
				b := row(host, name, lifetime)
				d.append(b)
				server.hear(Event{Rows: []lease.Lease{{Address: netip.AddrFrom4([4]byte{192, 0, 2, host}), Hostname: name, ValidLifetime: lifetime}}})
			case "torn":
				if d.exists("") && !torn {
					d.append(row(9, "torn.", 3600)[:20])
					torn = true
				}
			case "blank":
				if d.exists("") && !torn {
					d.append([]byte("\nnonsense\n"))
				}
			case "rotate":
				if torn {
					mend()
				}
				if d.exists("") && !d.exists(".1") && !d.exists(".completed") {
					d.rename("", ".1")
					if rapid.Bool().Draw(rt, "late") {
						poll()
					}
					d.append(lease.AppendHeader(nil, lease.Family4))
					steps = 0
				}
			case "clean":
				if !d.exists(".1") && !d.exists(".completed") {
					continue
				}
				switch steps {
				case 0:
					merged = lease.AppendHeader(nil, lease.Family4)
					sub := &reader{path: d.path} // for the rows of F.2 and F.1 alone
					state := view{}
					for _, suffix := range []string{".2", ".1"} {
						if !d.exists(suffix) {
							continue
						}
						f, err := os.Open(d.path + suffix)
						if err != nil {
							rt.Fatal(err)
						}
						sub.close()
						sub.file, sub.header, sub.offset = f, false, 0
						if err := sub.drain(state.hear); err != nil {
							rt.Fatal(err)
						}
					}
					sub.close()
					for a, name := range state {
						merged = append(merged, row(a.As4()[3], name, 3600)...)
					}
					d.write(".output", merged)
				case 1:
					d.rename(".output", ".completed")
				case 2:
					d.remove(".2")
				case 3:
					d.remove(".1")
				case 4:
					d.rename(".completed", ".2")
				}
				steps++
			case "poll":
				poll()
			}
		}
		if torn {
			mend()
		}
		poll()
		poll() // after a rename the new file is read at the next look
		if !maps.Equal(server, follower) {
			rt.Fatalf("server has %v, follower %v", server, follower)
		}
	})
}

func TestErrorsAreNotTheEndOfLeases(t *testing.T) {
	d := disk{t, filepath.Join(t.TempDir(), "sub", "leases.csv")}
	r := &reader{path: d.path}
	defer r.close()
	known := view{}
	if err := r.poll(known.hear); err == nil {
		t.Fatal("a directory that is not there counts as no leases")
	}
	if err := os.Mkdir(filepath.Dir(d.path), 0o700); err != nil {
		t.Fatal(err)
	}
	heard := 0
	hear := func(e Event) {
		heard++
		known.hear(e)
	}
	for range 3 {
		if err := r.poll(hear); err != nil || len(known) != 0 {
			t.Fatalf("no file: %v %v", err, known)
		}
	}
	if heard != 1 {
		t.Errorf("%d snapshots of nothing, want 1", heard)
	}
	d.append(append(lease.AppendHeader(nil, lease.Family4), row(1, "a.", 60)...))
	if err := r.poll(hear); err != nil || len(known) != 1 {
		t.Fatalf("%v %v", err, known)
	}
	d.write("", nil)
	if err := r.poll(hear); !errors.Is(err, errEmpty) || len(known) != 1 {
		t.Errorf("emptied: error %v, known %v", err, known)
	}
	d.write(".new", []byte("something else\n"))
	d.rename(".new", "")
	if err := r.poll(hear); !errors.Is(err, lease.ErrHeader) || len(known) != 1 {
		t.Errorf("another file: error %v, known %v", err, known)
	}
	d.remove("")
	if err := os.Mkdir(d.path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := r.poll(hear); err == nil || len(known) != 1 {
		t.Errorf("a directory in its place: error %v, known %v", err, known)
	}
	d.remove("")
	d.append(append(lease.AppendHeader(nil, lease.Family4), row(2, "b.", 60)...))
	if err := r.poll(hear); err != nil || len(known) != 1 || known[netip.MustParseAddr("192.0.2.2")] != "b." {
		t.Errorf("the file is back: %v %v", err, known)
	}
	d.remove("")
	if err := r.poll(hear); err != nil || len(known) != 0 {
		t.Errorf("the file was removed: %v %v", err, known)
	}
}

func TestLongLinesArePassedOver(t *testing.T) {
	d := disk{t, filepath.Join(t.TempDir(), "leases.csv")}
	long := []byte(strings.Repeat("x", 2*chunk+7) + "\n")
	d.append(append(lease.AppendHeader(nil, lease.Family4), row(1, "a.", 60)...))
	d.append(long)
	d.append(row(2, "b.", 60))
	d.append([]byte(strings.Repeat("y", lease.MaxLine+1) + "\n"))
	d.append(row(3, "c.", 60))
	r := &reader{path: d.path}
	defer r.close()
	known, skipped := view{}, 0
	if err := r.poll(func(e Event) {
		known.hear(e)
		skipped += e.Skipped
	}); err != nil || len(known) != 3 || skipped != 2 {
		t.Errorf("%v, %d rows skipped, known %v", err, skipped, known)
	}
}

func FuzzFile(f *testing.F) {
	f.Add(append(lease.AppendHeader(nil, lease.Family4), row(1, "a,b.", 60)...), []byte("192.0.2.1,,\n"))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		d := disk{t, filepath.Join(t.TempDir(), "leases.csv")}
		r := &reader{path: d.path}
		defer r.close()
		grown, whole := view{}, view{}
		d.append(one)
		_ = r.poll(grown.hear) // what it cannot read yet, it may be able to read when there is more
		d.append(two)
		errGrown := r.poll(grown.hear)
		again := &reader{path: d.path}
		defer again.close()
		errWhole := again.poll(whole.hear)
		if (errGrown == nil) != (errWhole == nil) || errGrown == nil && !maps.Equal(grown, whole) {
			t.Fatalf("read in two pieces %v %v, at once %v %v", grown, errGrown, whole, errWhole)
		}
	})
}

func TestFollowerSeesChangesAtOnce(t *testing.T) {
	d := disk{t, filepath.Join(t.TempDir(), "leases.csv")}
	d.append(append(lease.AppendHeader(nil, lease.Family4), row(1, "a.", 60)...))
	events, reports := make(chan Event, 16), make(chan error, 16)
	f := New(d.path, func(e Event) { events <- e }, func(err error) { reports <- err })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.Run(ctx)
	}()
	if e := <-events; !e.Snapshot || len(e.Rows) != 1 {
		t.Errorf("first %+v", e)
	}
	began := time.Now()
	d.append(row(2, "b.", 60))
	if e := <-events; e.Snapshot || len(e.Rows) != 1 {
		t.Errorf("then %+v", e)
	}
	if took := time.Since(began); took > pollInterval/2 {
		t.Errorf("a row was seen after %v, so by the poll and not by the watch", took)
	}
	d.write(".new", []byte("something else\n"))
	d.rename(".new", "")
	if err := <-reports; !errors.Is(err, lease.ErrHeader) {
		t.Errorf("report %v", err)
	}
	d.write(".new", append(lease.AppendHeader(nil, lease.Family4), row(3, "c.", 60)...))
	d.rename(".new", "")
	f.Poke()
	if err := <-reports; err != nil {
		t.Errorf("report of recovery: %v", err)
	}
	if e := <-events; !e.Snapshot || len(e.Rows) != 1 {
		t.Errorf("last %+v", e)
	}
	cancel()
	<-ended
}
