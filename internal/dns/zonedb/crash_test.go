package zonedb

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"bundy/internal/dns/wire"
)

const crashEnv = "ZONEDB_CRASH_PATH"

// TestCrash kills a process in the middle of its commits, several times, and looks that everything it was told to be
// stored is there.
func TestCrash(t *testing.T) {
	if path := os.Getenv(crashEnv); path != "" {
		commitForever(t, path)
	}
	path := filepath.Join(t.TempDir(), "zone.sqlite3")
	acknowledged := 0
	for round := range 4 {
		acknowledged = max(acknowledged, runAndKill(t, path, 20+7*round))
		d, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range d.Check(t.Context()) {
			t.Error(err)
		}
		v, _, err := d.Load(t.Context(), origin, wire.ClassIN)
		if err != nil {
			t.Fatal(err)
		}
		if int(v.Serial()) < acknowledged {
			t.Errorf("serial %d was acknowledged, %d is stored", acknowledged, v.Serial())
		}
		if got := v.Len() - 1; got != int(v.Serial())-1 {
			t.Errorf("%d records at serial %d", got, v.Serial())
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// runAndKill starts a process that commits, and kills it after it has reported some commits. It returns the last one.
func runAndKill(t *testing.T, path string, reports int) (last int) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
	cmd.Env = append(os.Environ(), crashEnv+"="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() { // to the end: what was written before the kill was acknowledged as well
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatalf("the process says %q", lines.Text())
		}
		if reports--; reports == 0 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the process ended by itself")
	}
	return last
}

func commitForever(t *testing.T, path string) {
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Edition(t.Context(), origin, wire.ClassIN); errors.Is(err, ErrNoZone) {
		mustReplace(t, d, soa(1))
	}
	v, e, err := d.Load(t.Context(), origin, wire.ClassIN)
	if err != nil {
		t.Fatal(err)
	}
	for serial := int(v.Serial()); ; serial++ {
		if e, err = d.Commit(t.Context(), origin, wire.ClassIN, e, next(t, serial, nil, []string{fmt.Sprintf("n%d 60 A 192.0.2.1", serial)})); err != nil {
			t.Fatal(err)
		}
		fmt.Println(serial + 1)
	}
}

// TestFullDisk fills a small file system and looks that what was stored before stays, and that the error says why.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to mount a small file system")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Skip("cannot mount a small file system: ", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	d, err := Open(filepath.Join(dir, "zone.sqlite3"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	e := mustReplace(t, d, soa(1), "@ 60 NS ns")
	big := make([]string, 50)
	for i := range big {
		big[i] = fmt.Sprintf(`big%d 60 TXT "%s"`, i, strings.Repeat("x", 250))
	}
	serial := 1
	for ; ; serial++ {
		if serial == 1000 {
			t.Fatal("the disk does not fill up")
		}
		for i := range big {
			big[i] = fmt.Sprintf(`big%d-%d 60 TXT "%s"`, serial, i, strings.Repeat("x", 250))
		}
		now, err := d.Commit(t.Context(), origin, wire.ClassIN, e, next(t, serial, nil, big))
		if err != nil {
			if !strings.Contains(err.Error(), "full") && !strings.Contains(err.Error(), "I/O") {
				t.Errorf("the error does not say why: %v", err)
			}
			break
		}
		e = now
	}
	v, now, err := d.Load(t.Context(), origin, wire.ClassIN)
	if err != nil || int(v.Serial()) != serial || v.Len() != 2+(serial-1)*len(big) || now != e {
		t.Errorf("serial %d with %d records at %v, want %d at %v; %v", v.Serial(), v.Len(), now, serial, e, err)
	}
	for _, err := range d.Check(t.Context()) {
		t.Error(err)
	}
}
