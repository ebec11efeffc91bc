package loadzone

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/suite/paths"
)

const canonicalZone = `example.org. 60 IN SOA ns.example.org. h.example.org. 1 2 3 4 5
example.org. 60 IN NS ns.example.org.
ns.example.org. 60 IN A 192.0.2.1
WWW.example.org. 60 IN CNAME ns.example.org.
`

func TestExport(t *testing.T) {
	dir := t.TempDir()
	if status, _, log := run(t, dir, strings.NewReader(goodZone), "example.org", "-"); status != 0 {
		t.Fatal(log)
	}
	status, out, log := run(t, dir, nil, "--export", "Example.ORG")
	if status != 0 || out != canonicalZone || !strings.Contains(log, "LOADZONE_EXPORTED 4 RRs of zone Example.ORG./IN were written to -") {
		t.Errorf("status %d, %s%s", status, out, log)
	}
	file := filepath.Join(dir, "zone")
	if err := os.WriteFile(file, []byte("what was there before, and is longer\n"+canonicalZone+canonicalZone), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, log := run(t, dir, nil, "-x", "example.org", file); status != 0 || out != "" {
		t.Errorf("status %d, %s%s", status, out, log)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != canonicalZone {
		t.Errorf("%s, %v", text, err)
	}
	if status, _, log := run(t, dir, nil, "example.org", file); status != 0 || strings.Contains(log, "WARNING") {
		t.Errorf("loaded again: %d, %s", status, log)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("files: %v, %v", entries, err)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	if status, _, log := run(t, dir, strings.NewReader(goodZone), "--check", "example.org", "-"); status != 0 || !strings.Contains(log, "LOADZONE_CHECKED zone example.org./IN is good: 4 RRs, serial ") {
		t.Errorf("status %d, %s", status, log)
	}
	if status, _, log := run(t, dir, strings.NewReader(goodZone+"bad A 1.2.3\n"), "--check", "example.org", "-"); status != 1 ||
		!strings.Contains(log, "A RDATA: not an IPv4 address") || !strings.Contains(log, "LOADZONE_CHECK_FAILED zone example.org./IN cannot be loaded: errors in -: 1") {
		t.Errorf("a bad file: %d, %s", status, log)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("files were made: %v, %v", entries, err)
	}
	for _, args := range [][]string{{"--check", "example.org"}, {"--check", "--remove", "example.org"}, {"--check", "-n", "example.org", "-"}} {
		if status, _, log := run(t, dir, nil, args...); status != 1 || !strings.Contains(log, "LOADZONE_ARGUMENT_ERROR") {
			t.Errorf("%v: %d, %s", args, status, log)
		}
	}
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	for _, zone := range []string{"example.org", "example.net"} {
		if status, _, log := run(t, dir, strings.NewReader(goodZone), zone, "-"); status != 0 {
			t.Fatal(log)
		}
	}
	if status, _, log := run(t, dir, nil, "--remove", "Example.ORG"); status != 0 || !strings.Contains(log, "LOADZONE_REMOVED zone Example.ORG./IN was removed") {
		t.Errorf("status %d, %s", status, log)
	}
	if status, _, log := run(t, dir, nil, "--export", "example.org"); status != 1 || !strings.Contains(log, "no such zone") {
		t.Errorf("it is still there: %d, %s", status, log)
	}
	if status, _, log := run(t, dir, nil, "--export", "example.net"); status != 0 {
		t.Errorf("another one: %d, %s", status, log)
	}
	if status, _, log := run(t, dir, nil, "--remove", "example.org"); status != 1 || !strings.Contains(log, "LOADZONE_REMOVE_ERROR zone example.org./IN was not removed: ") {
		t.Errorf("twice: %d, %s", status, log)
	}
	elsewhere := t.TempDir()
	if status, _, log := run(t, elsewhere, nil, "--remove", "example.org"); status != 1 || !strings.Contains(log, "no such file") {
		t.Errorf("without a database: %d, %s", status, log)
	}
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) != 0 {
		t.Errorf("files were made: %v, %v", entries, err)
	}
	for _, args := range [][]string{{"--remove", "-e", "example.net"}, {"--remove", "-x", "example.net"}, {"--remove", "example.net", "file"}} {
		if status, _, log := run(t, dir, nil, args...); status != 1 || !strings.Contains(log, "LOADZONE_ARGUMENT_ERROR") {
			t.Errorf("%v: %d, %s", args, status, log)
		}
	}
}

func TestExportErrors(t *testing.T) {
	dir := t.TempDir()
	if status, _, log := run(t, dir, nil, "-e", "empty.example"); status != 0 {
		t.Fatal(log)
	}
	elsewhere := filepath.Join(t.TempDir(), "state")
	for _, c := range []struct {
		dir  string
		args []string
		want string
	}{
		{dir, []string{"-x", "empty.example"}, "the zone is empty"},
		{dir, []string{"-x", "example.net"}, "no such zone"},
		{dir, []string{"-x", "example.net", filepath.Join(dir, "file")}, "no such zone"},
		{elsewhere, []string{"-x", "example.net"}, "database " + elsewhere + "/zone.sqlite3: no such file"},
		{dir, []string{"-x", "-n", "example.net"}, "--export goes neither"},
		{dir, []string{"-x"}, "0 arguments given"},
	} {
		status, out, log := run(t, c.dir, nil, c.args...)
		if status != 1 || out != "" || !strings.Contains(log, c.want) {
			t.Errorf("%q: status %d, %s%s", c.args, status, out, log)
		}
	}
	if _, err := os.Stat(elsewhere); err == nil {
		t.Error("the directory of a database that is not there was made")
	}
	if _, err := os.Stat(filepath.Join(dir, "file")); err == nil {
		t.Error("a file without a zone was made")
	}
}

func TestNotify(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "LOADZONE_NOTIFIED the server was told to load zone example.org./IN"},
		{errors.New("nobody there"), "LOADZONE_NOTIFY_ERROR the server was not told of zone example.org./IN: nobody there"},
	} {
		dir, told := t.TempDir(), 0
		notify := func(_ context.Context, p paths.Paths, class wire.Class, origin wire.Name) error {
			if told++; p.State != dir || class != wire.ClassIN || origin.String() != "example.org." {
				t.Errorf("notified about %s %s in %s", origin, class, p.State)
			}
			return c.err
		}
		var out, log bytes.Buffer
		status := Main([]string{"-p", dir, "--notify", "example.org", "-"}, strings.NewReader(goodZone), &out, &log, paths.Default(), notify)
		if status != 0 || told != 1 || !strings.Contains(log.String(), c.want) {
			t.Errorf("status %d, told %d times: %s", status, told, &log)
		}
		if Main([]string{"-p", dir, "--notify", "example.org", "-"}, strings.NewReader("x\n"), &out, &log, paths.Default(), notify); told != 1 {
			t.Error("told of a zone that was not loaded")
		}
	}
}

// Progress of a file shows what was read, and both phases.
func TestProgress(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "zone")
	var text strings.Builder
	text.WriteString(goodZone)
	for range 10000 {
		text.WriteString("many 60 TXT \"0123456789012345678901234567890123456789\"\n")
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	_, out, _ := run(t, dir, nil, "-i", "4000", "example.org", file)
	lines := strings.Split(out, "\r")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "reading: 4000 RRs (4") || !strings.HasPrefix(lines[2], "reading: 8000 RRs (8") || !strings.Contains(lines[1], " RRs/sec, 0:00:0") {
		t.Errorf("%q", lines)
	}
	if _, out, _ = run(t, dir, nil, "-i", "0", "example.org", file); out != "" {
		t.Errorf("without progress: %q", out)
	}
	if _, out, _ = run(t, dir, strings.NewReader(goodZone), "-i", "2", "example.org", "-"); !strings.HasPrefix(out, "\rreading: 2 RRs in 0:00:00, ") || !strings.Contains(out, "\n\r2 RRs (50%) in ") {
		t.Errorf("standard input: %q", out)
	}
}
