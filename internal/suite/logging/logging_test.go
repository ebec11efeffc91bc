package logging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	testInfo  = NewMessage("TEST_INFO", Info, "value {value}", "Only in tests.")
	testWarn  = NewMessage("TEST_WARN", Warn, "value {value}", "Only in tests.")
	testFatal = NewMessage("TEST_FATAL", Fatal, "the end", "Only in tests.")
	testDebug = NewDebug("TEST_DEBUG", 40, "value {value}", "Only in tests.")
)

// console is a buffer that may be written and read at once; it can be made to hang.
type console struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	hang chan struct{}
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hang != nil {
		<-c.hang
	}
	return c.buf.Write(p)
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.String()
}

func newRoot(t *testing.T, o Options) (r *Root, stdout, stderr *console) {
	stdout, stderr = &console{}, &console{}
	o.Stdout, o.Stderr, o.PID = stdout, stderr, 42
	o.Now = func() time.Time { return time.Date(2026, 11, 23, 9, 8, 7, 654321000, time.Local) }
	r = New(o)
	t.Cleanup(r.Close)
	return r, stdout, stderr
}

func configure(t *testing.T, r *Root, loggers ...LoggerConfig) {
	t.Helper()
	if err := r.Configure(Config{Loggers: loggers}); err != nil {
		t.Fatal(err)
	}
}

func flush(t *testing.T, r *Root) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := r.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func toConsole(output string) []OutputConfig {
	return []OutputConfig{{Destination: "console", Output: output, Flush: true}}
}

func TestLine(t *testing.T) {
	r, _, stderr := newRoot(t, Options{})
	configure(t, r)
	r.Logger("Auth").Log(testInfo, "x")
	r.Logger("DhcpDdns").Log(testWarn, 7)
	r.Logger("Auth").Named("datasrc").Log(testInfo, errors.New("e"))
	r.Logger("Auth").Log(testDebug, "not shown")
	var none *Logger
	none.Log(testInfo, "nowhere")
	none.Named("library").Log(testInfo, "nowhere")
	flush(t, r)
	want := "2026-11-23 09:08:07.654 INFO  [bundy-auth.auth/42] TEST_INFO value x\n" +
		"2026-11-23 09:08:07.654 WARN  [bundy-dhcp-ddns.dhcpddns/42] TEST_WARN value 7\n" +
		"2026-11-23 09:08:07.654 INFO  [bundy-auth.datasrc/42] TEST_INFO value e\n"
	if got := stderr.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestProcessName(t *testing.T) {
	for name, want := range map[string]string{
		"Auth": "bundy-auth", "auth": "bundy-auth", "DDNS": "bundy-ddns", "StatsHttpd": "bundy-stats-httpd",
		"DhcpDdns": "bundy-dhcp-ddns", "Dhcp4": "bundy-dhcp4", "Init": "bundy-init", "ConfigManager": "bundy-cfgmgr",
		"bundy-auth": "bundy-auth", "bundy": "bundy",
	} {
		if got := processName(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestFill(t *testing.T) {
	long := strings.Repeat("a", maxValue+5)
	tests := []struct {
		text string
		args []any
		want string
	}{
		{"{a} and {b}", []any{1, "two"}, "1 and two"},
		{"{a} and {b}", []any{1}, "1 and {b}"},
		{"{a}", []any{1, "more"}, "1 more"},
		{"open {", []any{"x"}, "open { x"},
		{"{a}", []any{"{b}"}, "{b}"},
		{"{a}", []any{"l1\nl2\r\t\x1b[31m\x00\xff\u202e\u00e9 \U000e0041"}, `l1\nl2\x0d\t\x1b[31m\x00\xff\u202eé \U000e0041`},
		{"{a}", []any{[]byte("b\n")}, `b\n`},
		{"{a}", []any{fmt.Errorf("e\n")}, `e\n`},
		{"{a}", []any{nil}, "<nil>"},
		{"{a}", []any{[]string{"a\n", "b"}}, `[a\n b]`},
		{"{a}", []any{long}, long[:maxValue] + "..."},
	}
	for _, test := range tests {
		if got := fill(test.text, test.args); got != test.want {
			t.Errorf("%q with %q: %q, want %q", test.text, test.args, got, test.want)
		}
	}
}

func FuzzFill(f *testing.F) {
	f.Add("{a} text {b}", "value\n", []byte("\xff\x1b"))
	f.Fuzz(func(t *testing.T, text, a string, b []byte) {
		r := record{message: NewMessage("TEST", Info, text, ""), text: fill(oneLine(text), []any{a, b})}
		line := r.appendLine(nil, 1)
		if bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Errorf("not one line: %q", line)
		}
	})
}

// TestRoutes: which entry decides what passes, and which outputs a logger has.
func TestRoutes(t *testing.T) {
	entries := map[string]LoggerConfig{
		"*":            {Severity: "WARN", OutputOptions: toConsole("stdout")},
		"Auth":         {Severity: "debug", DebugLevel: 40, OutputOptions: []OutputConfig{{Destination: "file", Output: "auth"}}},
		"Auth.datasrc": {Severity: "ERROR", Additive: true, OutputOptions: []OutputConfig{{Destination: "file", Output: "datasrc"}}},
		"Auth.quiet":   {Severity: "NONE"},
		"*.cc":         {Severity: "DEFAULT"},
		"Xfrin":        {Severity: "INFO", Additive: true, OutputOptions: []OutputConfig{{Destination: "file", Output: "xfrin"}}},
	}
	tests := []struct {
		logger  string
		with    []string
		level   threshold
		outputs string
	}{
		{"Auth", nil, threshold{Info, 0}, "console stderr"},
		{"Auth", []string{"*"}, threshold{Warn, 0}, "console stdout"},
		{"Auth", []string{"*", "Auth"}, threshold{Debug, 40}, "file auth"},
		{"Auth.datasrc", []string{"*", "Auth"}, threshold{Debug, 40}, "file auth"},
		{"Auth.datasrc", []string{"*", "Auth", "Auth.datasrc"}, threshold{Error, 0}, "file datasrc, file auth"},
		{"Auth.datasrc", []string{"Auth.datasrc"}, threshold{Error, 0}, "file datasrc"},
		{"Auth.quiet", []string{"Auth", "Auth.quiet"}, threshold{None, 0}, "file auth"},
		{"Auth.cc", []string{"*", "Auth", "*.cc"}, threshold{Info, 0}, "file auth"},
		{"Stats.cc", []string{"*", "Auth", "*.cc"}, threshold{Info, 0}, "console stdout"},
		{"Stats", []string{"Auth"}, threshold{Info, 0}, "console stderr"},
		{"Xfrin", []string{"*", "Xfrin"}, threshold{Info, 0}, "file xfrin, console stdout"},
	}
	for _, test := range tests {
		r, _, _ := newRoot(t, Options{})
		var c []LoggerConfig
		for _, name := range test.with {
			e := entries[name]
			e.Name = name
			c = append(c, e)
		}
		configure(t, r, c...)
		module, library, dotted := strings.Cut(test.logger, ".")
		l := r.Logger(module)
		if dotted {
			l = l.Named(library)
		}
		route := l.resolve(r.core.table.Load())
		var outputs []string
		for _, o := range route.outputs {
			outputs = append(outputs, o.name())
		}
		if got := strings.Join(outputs, ", "); got != test.outputs || route.threshold != test.level {
			t.Errorf("%s with %v: %+v to %s, want %+v to %s", test.logger, test.with, route.threshold, got, test.level, test.outputs)
		}
	}
}

// TestBuffering: messages from before the first configuration go where that wants them, and debug ones are not lost.
func TestBuffering(t *testing.T) {
	r, stdout, stderr := newRoot(t, Options{})
	l := r.Logger("Auth")
	l.Log(testDebug, "early")
	configure(t, r, LoggerConfig{Name: "Auth", Severity: "DEBUG", DebugLevel: 40, OutputOptions: toConsole("stdout")})
	l.Log(testDebug, "late")
	configure(t, r, LoggerConfig{Name: "Auth", Severity: "INFO", OutputOptions: toConsole("stdout")})
	l.Log(testDebug, "too late")
	flush(t, r)
	if got := stdout.String(); !strings.Contains(got, "value early\n") || !strings.Contains(got, "value late\n") || strings.Contains(got, "too late") {
		t.Errorf("stdout %q", got)
	}
	if got := stderr.String(); got != "" {
		t.Errorf("stderr %q", got)
	}

	for verbose, want := range map[bool]int{false: 1, true: 2} {
		r, _, stderr := newRoot(t, Options{Verbose: verbose})
		r.Logger("Auth").Log(testDebug, "debug")
		r.Logger("Auth").Log(testInfo, "info")
		r.Close() // before any configuration
		if got := strings.Count(stderr.String(), "\n"); got != want {
			t.Errorf("verbose %v: %d lines, want %d", verbose, got, want)
		}
	}

	r, _, stderr = newRoot(t, Options{})
	for range maxHeld + 3 {
		r.Logger("Auth").Log(testInfo, "x")
	}
	r.Close()
	if got := stderr.String(); !strings.Contains(got, "LOG_BUFFER_OVERFLOW 3 messages") {
		t.Errorf("the overflow is not told: %q", got[max(0, len(got)-200):])
	}
}

func TestRefusedConfiguration(t *testing.T) {
	r, _, stderr := newRoot(t, Options{})
	configure(t, r, LoggerConfig{Name: "*", Severity: "NONE"})
	if err := r.Configure(Config{Loggers: []LoggerConfig{{Name: "", Severity: "INFO"}}}); err == nil {
		t.Error("a logger without name was accepted")
	}
	r.Logger("Auth").Log(testWarn, "x")
	flush(t, r)
	if got := stderr.String(); got != "" {
		t.Errorf("the refused configuration acts: %q", got)
	}
}

func fileLogger(path string, maxSize int64, maxVer int) LoggerConfig {
	return LoggerConfig{Name: "*", Severity: "INFO", OutputOptions: []OutputConfig{
		{Destination: "FILE", Output: path, Flush: true, MaxSize: maxSize, MaxVer: maxVer},
	}}
}

// TestRolling: two processes (two roots) write to one file; no line is lost or torn, no file is larger than allowed, and
// the newest files are kept.
func TestRolling(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	const lines, maxSize, keep = 200, 700, 1000
	var wg sync.WaitGroup
	for p := range 2 {
		r, _, _ := newRoot(t, Options{})
		configure(t, r, fileLogger(path, maxSize, keep))
		wg.Go(func() {
			for i := range lines {
				r.Logger("Auth").Log(testInfo, fmt.Sprintf("%d-%d", p, i))
				if i%10 == 0 {
					flush(t, r)
				}
			}
			flush(t, r)
		})
	}
	wg.Wait()
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^2026-11-23 09:08:07\.654 INFO  \[bundy-auth\.auth/42\] TEST_INFO value \d-\d+$`)
	seen := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > maxSize {
			t.Errorf("%s has %d octets", f, len(text))
		}
		for l := range strings.Lines(string(text)) {
			if l = strings.TrimSuffix(l, "\n"); !line.MatchString(l) || seen[l] {
				t.Errorf("%s: torn or twice: %q", f, l)
			}
			seen[l] = true
		}
	}
	if len(seen) != 2*lines {
		t.Errorf("%d lines, want %d", len(seen), 2*lines)
	}
	newest, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(newest), fmt.Sprintf("-%d\n", lines-1)) {
		t.Errorf("newest file %q, %v", newest, err)
	}
}

func TestRollingKeeps(t *testing.T) {
	for _, keep := range []int{0, 1, 2} {
		path := filepath.Join(t.TempDir(), "log")
		w := &fileWriter{path: path, maxSize: 4, keep: keep}
		for i := range 5 {
			if n, err := w.write(fmt.Appendf(nil, "%d%d%d\n", i, i, i)); n != 4 || err != nil {
				t.Fatal(n, err)
			}
		}
		w.close()
		for v := range 4 {
			name := path
			if v > 0 {
				name = fmt.Sprintf("%s.%d", path, v)
			}
			text, err := os.ReadFile(name)
			want := strings.Repeat(fmt.Sprint(4-v), 3) + "\n"
			if v <= keep && string(text) != want || v > keep && err == nil {
				t.Errorf("keep %d: %s holds %q, %v", keep, name, text, err)
			}
		}
	}
}

// TestMovedFile: the operator's own rotation moves the file away.
func TestMovedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	r, _, _ := newRoot(t, Options{})
	configure(t, r, fileLogger(path, 0, 0))
	r.Logger("Auth").Log(testInfo, 1)
	flush(t, r)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	r.Logger("Auth").Log(testInfo, 2)
	flush(t, r)
	if text, err := os.ReadFile(path); err != nil || !strings.HasSuffix(string(text), "value 2\n") {
		t.Errorf("new file %q, %v", text, err)
	}
}

// TestHangingDestination: a console that takes nothing costs nobody time, and the loss is counted.
func TestHangingDestination(t *testing.T) {
	r, stdout, stderr := newRoot(t, Options{})
	stdout.hang = make(chan struct{})
	configure(t, r, LoggerConfig{Name: "*", Severity: "INFO", OutputOptions: toConsole("stdout")})
	value := strings.Repeat("v", maxValue)
	for range 2 * maxPending / maxValue {
		r.Logger("Auth").Log(testInfo, value)
	}
	close(stdout.hang)
	flush(t, r)
	r.Close()
	if got := len(stdout.String()); got < maxPending/2 || got > 2*maxPending {
		t.Errorf("%d octets were written", got)
	}
	if got := stderr.String(); !strings.Contains(got, "LOG_MESSAGES_LOST") {
		t.Errorf("stderr %q", got)
	}
}

// TestFatalIsWritten: when Log returns from a Fatal message, it is out.
func TestFatalIsWritten(t *testing.T) {
	r, stdout, _ := newRoot(t, Options{})
	configure(t, r, LoggerConfig{Name: "*", Severity: "INFO", OutputOptions: []OutputConfig{{Destination: "console", Output: "stdout", Flush: true}}})
	r.Logger("Auth").Log(testFatal)
	if got := stdout.String(); !strings.HasSuffix(got, "FATAL [bundy-auth.auth/42] TEST_FATAL the end\n") {
		t.Errorf("stdout %q", got)
	}
}

func TestSyslog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r, _, _ := newRoot(t, Options{SyslogSocket: path})
	configure(t, r, LoggerConfig{Name: "*", Severity: "INFO", OutputOptions: []OutputConfig{{Destination: "syslog", Output: "LOCAL0", Flush: true}}})
	r.Logger("Auth").Log(testInfo, "a\nb")
	r.Logger("Auth").Log(testWarn, 2)
	buf := make([]byte, 1024)
	for _, want := range []string{
		`<134>Nov 23 09:08:07 bundy-auth[42]: INFO  [bundy-auth.auth] TEST_INFO value a\nb`,
		`<132>Nov 23 09:08:07 bundy-auth[42]: WARN  [bundy-auth.auth] TEST_WARN value 2`,
	} {
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Errorf("got %q, %v\nwant %q", buf[:n], err, want)
		}
	}
}

func TestClosedConsole(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	w := openConsole(f)
	defer w.close()
	if n, err := w.write([]byte("x\n")); n != 0 || err == nil {
		t.Errorf("wrote %d to a closed console, %v", n, err)
	}
}

func TestPiece(t *testing.T) {
	for _, test := range []struct {
		lines string
		limit int
		want  string
	}{
		{"a\nbb\n", 10, "a\nbb\n"}, {"a\nbb\n", 4, "a\n"}, {"a\nbb\n", 2, "a\n"}, {"aaa\nb\n", 2, "aaa\n"},
		{"aaa\nb\n", -5, "aaa\n"}, {"aaa", 1, "aaa"}, {"", 0, ""},
	} {
		if got := string(piece([]byte(test.lines), test.limit)); got != test.want {
			t.Errorf("%q in %d: %q, want %q", test.lines, test.limit, got, test.want)
		}
	}
}

func TestRecorder(t *testing.T) {
	rec := NewRecorder()
	rec.Logger("Auth").Log(testDebug, "x\n")
	if got := rec.Entries(); len(got) != 1 || got[0] != (Entry{"bundy-auth.auth", "TEST_DEBUG", Debug, `value x\n`}) {
		t.Errorf("%+v", got)
	}
	if rec.Count("TEST_DEBUG") != 1 || rec.Count("TEST_INFO") != 0 {
		t.Error("miscounted")
	}
}

// TestDisabledIsCheap: a debug message that nobody wants costs no allocation, on any path.
func TestDisabledIsCheap(t *testing.T) {
	r, _, _ := newRoot(t, Options{})
	configure(t, r)
	l := r.Logger("Auth")
	if n := testing.AllocsPerRun(100, func() {
		if l.Enabled(testDebug) {
			t.Error("debug is enabled")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
