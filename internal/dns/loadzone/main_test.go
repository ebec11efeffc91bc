package loadzone

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonedb"
	"bundy/internal/suite/paths"
)

const goodZone = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nWWW CNAME ns\n"

// run calls the program below a directory.
func run(t *testing.T, dir string, stdin io.Reader, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	status = Main(append([]string{"-p", dir}, args...), stdin, &out, &log, paths.Default(), nil)
	return status, out.String(), log.String()
}

// count gives the number of records that are stored, -1 when the zone is not there.
func count(t *testing.T, path string) int {
	t.Helper()
	db, err := zonedb.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := 0
	for _, err := range db.Read(t.Context(), wire.MustParseName("example.org"), wire.ClassIN) {
		if err != nil {
			return -1
		}
		n++
	}
	return n
}

func TestLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	file := filepath.Join(t.TempDir(), "zone")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	database := filepath.Join(dir, "zone.sqlite3")
	steps := []struct {
		name, zone, text string
		args             []string
		status           int
		log              []string // in this order
		out              string
		count            int
	}{
		{name: "new zone", text: goodZone, args: []string{"example.org", file}, count: 4,
			log: []string{"LOADZONE_SQLITE3_USING_DEFAULT_CONFIG using the database " + database, "LOADZONE_DATABASE_CREATED", "LOADZONE_ZONE_CREATED",
				"LOADZONE_DONE Loaded 4 RRs into zone example.org./IN in "}},
		{name: "replaced, with progress", text: goodZone + "x A 192.0.2.2\n", args: []string{"-i", "2", "EXAMPLE.ORG.", file}, count: 5,
			log: []string{"LOADZONE_ZONE_UPDATING", "LOADZONE_DONE Loaded 5 RRs"}, out: "\rreading: 2 RRs (100%) in 0:00:00, "},
		{name: "errors", text: "$TTL 60\nx A 192.0.2\nx BOGUS\n@ A 192.0.2.1", args: []string{"example.org", file}, status: 1, count: 5,
			log: []string{"LOADZONE_FILE_ERROR " + file + ":2: A RDATA: not an IPv4 address: \"192.0.2\"", "LOADZONE_FILE_ERROR " + file + ":3: ",
				"LOADZONE_FILE_WARNING " + file + ":4: no line feed", "LOADZONE_LOAD_ERROR zone example.org./IN was not loaded: errors in " + file + ": 2"}},
		{name: "not valid", text: "$TTL 60\n@ A 192.0.2.1\n", args: []string{"example.org", file}, status: 1, count: 5,
			log: []string{"LOADZONE_CHECK_ERROR zone example.org. has no SOA", "LOADZONE_CHECK_ERROR zone example.org. has no NS", "LOADZONE_LOAD_ERROR"}},
		{name: "warning", text: strings.Replace(goodZone, "ns A 192.0.2.1\n", "", 1), args: []string{"-C", "in", "-t", "sqlite3", "-d", "99", "example.org", file}, count: 3,
			log: []string{"LOADZONE_READING", "LOADZONE_CHECK_WARNING", "LOADZONE_READ ", "LOADZONE_DONE"}},
		{name: "other database", text: goodZone, args: []string{"-c", fmt.Sprintf(`{"database_file": %q}`, filepath.Join(dir, "other")), "example.org", file}, count: 3,
			log: []string{"LOADZONE_DATABASE_CREATED new database made: " + filepath.Join(dir, "other"), "LOADZONE_DONE"}},
		{name: "empty", args: []string{"-e", "example.org"}, count: 0, log: []string{"LOADZONE_ZONE_UPDATING", "LOADZONE_EMPTY_DONE"}},
		{name: "standard input", text: "", args: []string{"example.org", "-"}, count: 4, log: []string{"LOADZONE_DONE"}},
		{name: "no file", args: []string{"example.org", filepath.Join(dir, "missing")}, status: 1, count: 4,
			log: []string{"LOADZONE_FILE_ERROR " + filepath.Join(dir, "missing") + ": no such file or directory", "LOADZONE_LOAD_ERROR"}},
		{name: "no database", text: goodZone, args: []string{"-c", `{"database_file": "/no/such/dir/z"}`, "example.org", file}, status: 1, count: 4,
			log: []string{"LOADZONE_LOAD_ERROR zone example.org./IN was not loaded: database /no/such/dir/z: cannot be opened: no such file or directory"}},
	}
	for _, s := range steps {
		write(s.text)
		status, out, log := run(t, dir, strings.NewReader(goodZone), s.args...)
		if status != s.status {
			t.Errorf("%s: status %d, want %d", s.name, status, s.status)
		}
		rest := log
		for _, want := range s.log {
			i := strings.Index(rest, want)
			if i < 0 {
				t.Errorf("%s: %q is not in the log:\n%s", s.name, want, log)
				break
			}
			rest = rest[i:]
		}
		if !strings.HasPrefix(out, s.out) || (s.out == "") != (out == "") {
			t.Errorf("%s: output %q", s.name, out)
		}
		if got := count(t, database); got != s.count {
			t.Errorf("%s: %d records stored, want %d", s.name, got, s.count)
		}
	}
}

func TestFailedLoadMakesNoZone(t *testing.T) {
	dir := t.TempDir()
	status, _, _ := run(t, dir, strings.NewReader("x\n"), "example.org", "-")
	if got := count(t, filepath.Join(dir, "zone.sqlite3")); status != 1 || got != -1 {
		t.Errorf("status %d, %d records", status, got)
	}
}

func TestArguments(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "0 arguments given"},
		{[]string{"example.org"}, "1 arguments given"},
		{[]string{"example.org", "a", "b"}, "3 arguments given"},
		{[]string{"-e", "example.org", "file"}, "2 arguments given"},
		{[]string{"a..b", "file"}, `zone: bad domain name "a..b"`},
		{[]string{"-C", "CH", "example.org", "file"}, `class "CH"`},
		{[]string{"-t", "mysql", "example.org", "file"}, `type "mysql"`},
		{[]string{"-i", "-1", "example.org", "file"}, "interval -1"},
		{[]string{"-d", "-1", "example.org", "file"}, "debug level -1"},
		{[]string{"-d", "100", "example.org", "file"}, "debug level 100"},
		{[]string{"-d", "x", "example.org", "file"}, "invalid argument"},
		{[]string{"-c", "{", "example.org", "file"}, "configuration {"},
		{[]string{"-c", `{"file":"x"}`, "example.org", "file"}, "unknown field"},
		{[]string{"-c", `{}`, "example.org", "file"}, "is needed"},
		{[]string{"--bogus"}, "unknown flag"},
	} {
		status, _, log := run(t, t.TempDir(), nil, c.args...)
		if status != 1 || !strings.Contains(log, "LOADZONE_ARGUMENT_ERROR") || !strings.Contains(log, c.want) {
			t.Errorf("%q: status %d, log %s", c.args, status, log)
		}
	}
	status, out, log := run(t, t.TempDir(), nil, "--help")
	if status != 0 || !strings.Contains(out, "-e zone") || log != "" {
		t.Errorf("help: status %d, %s%s", status, out, log)
	}
}

// endless is a zone without end; after its first lines the process gets a signal.
type endless struct {
	t    *testing.T
	n    int
	rest string
}

func (e *endless) Read(b []byte) (int, error) {
	if e.n++; e.n == 3 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			e.t.Error(err)
		}
	}
	if e.n > 1_000_000 {
		return 0, io.ErrUnexpectedEOF
	}
	if e.rest == "" {
		e.rest = strings.Repeat(fmt.Sprintf("n%d 1 A 192.0.2.1\n", e.n), 100)
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestSignalCancels(t *testing.T) {
	dir := t.TempDir()
	in := &endless{t: t}
	status, _, log := run(t, dir, in, "example.org", "-")
	if status != 1 || !strings.Contains(log, "LOADZONE_LOAD_ERROR zone example.org./IN was not loaded: cancelled by a signal") || in.n > 1_000_000 {
		t.Errorf("status %d after %d reads: %s", status, in.n, log)
	}
}

func TestClock(t *testing.T) {
	if got := clock(3*time.Hour + 4*time.Minute + 5500*time.Millisecond); got != "3:04:05" {
		t.Error(got)
	}
}
