package parent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/config"
	"bundy/internal/suite/supervisor"
)

// patience is how long a test waits for what must happen: far more than it takes, even under the race detector on a
// machine that is busy with other tests.
const patience = 30 * time.Second

// running is a whole suite in a process of its own, seen over its command channel.
type running struct {
	*testing.T
	dir    string
	cmd    *exec.Cmd
	output *lines
	bus    *bus.Conn
	exited chan error
	events chan string // "module_started Auth"
}

// lines collects what a process writes.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func placements(t *testing.T, test func(t *testing.T, placement string)) {
	for _, placement := range []string{placementGrouped, placementSingle} {
		t.Run(placement, func(t *testing.T) {
			t.Parallel()
			test(t, placement)
		})
	}
}

// launch starts the program in dir and does not wait for anything.
func launch(t *testing.T, dir string, args ...string) *running {
	t.Helper()
	r := &running{T: t, dir: dir, output: new(lines), exited: make(chan error, 1), events: make(chan string, 100)}
	r.cmd = exec.Command("/proc/self/exe", append([]string{"--data-path", dir, "--msgq-socket-file", filepath.Join(dir, "s")}, args...)...)
	r.cmd.Env = append(os.Environ(), envParent+"=1")
	r.cmd.Stdout, r.cmd.Stderr = r.output, r.output
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.exited <- r.cmd.Wait() }()
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill() // usually it has ended
		if t.Failed() {
			t.Log(r.output.String())
		}
	})
	return r
}

// start starts the program and waits until its start-up is complete.
func start(t *testing.T, dir string, args ...string) *running {
	t.Helper()
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	if err := os.Chmod(filepath.Join(dir, "notify"), 0o666); err != nil { // the suite may run as another user
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(dir, "notify"))
	r := launch(t, dir, args...)
	if err := notify.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, err := notify.Read(buf)
	if err != nil || string(buf[:n]) != "READY=1" {
		t.Fatalf("service manager is told %q: %v", buf[:n], err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if r.bus, err = bus.Dial(ctx, filepath.Join(dir, "s")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.bus.Close() })
	for _, event := range []string{supervisor.EventModuleStarted, supervisor.EventModuleStopped} {
		r.bus.Subscribe(event, func(params json.RawMessage) {
			var m supervisor.ModuleEvent
			if err := json.Unmarshal(params, &m); err == nil {
				r.events <- event + " " + m.Module
			}
		})
	}
	r.must("Init", "ping", nil, nil) // the subscriptions are in place behind it
	return r
}

func (r *running) call(to, command string, args, result any) error {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	return r.bus.Call(ctx, to, command, args, result)
}

func (r *running) must(to, command string, args, result any) {
	r.Helper()
	if err := r.call(to, command, args, result); err != nil {
		r.Fatalf("%s %s: %v", to, command, err)
	}
}

func (r *running) commit(module string, changes map[string]any) error {
	return r.call(config.ModuleName, "set_config", []any{map[string]any{module: changes}}, nil)
}

// components makes the set of components of Init, beside those of the default configuration.
func components(more map[string]any) map[string]any {
	set := map[string]any{"bundy-cmdctl": map[string]any{"special": "cmdctl", "kind": "needed"}}
	for name, entry := range more {
		set[name] = entry
	}
	return map[string]any{"components": set}
}

func (r *running) wait(event string) {
	r.Helper()
	deadline := time.After(patience)
	for {
		select {
		case got := <-r.events:
			if got == event {
				return
			}
		case <-deadline:
			r.Fatalf("no event %s", event)
		}
	}
}

func (r *running) status() int {
	r.Helper()
	select {
	case err := <-r.exited:
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return exit.ExitCode()
		}
		return 0
	case <-time.After(patience):
		r.Fatal("the suite does not end")
		return 0
	}
}

// pid returns the process of a component.
func (r *running) pid(name string) int {
	r.Helper()
	var rows [][]any
	r.must("Init", "show_processes", nil, &rows)
	for _, row := range rows {
		if row[1] == name {
			return int(row[0].(float64))
		}
	}
	r.Fatalf("%s is not among %v", name, rows)
	return 0
}

// gone waits until a process has ended.
func gone(t *testing.T, fd int) {
	t.Helper()
	defer unix.Close(fd)
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
	if err != nil || n != 1 {
		t.Fatalf("process does not end: %d %v", n, err)
	}
}

func pidfd(t *testing.T, pid int) int {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func ask(t *testing.T, address string) func() string {
	t.Helper()
	nc, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if _, err := nc.Write([]byte("?")); err != nil {
		t.Fatal(err)
	}
	return func() string {
		t.Helper()
		if err := nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		n, err := nc.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}

func TestLifeOfASuite(t *testing.T) {
	for _, placement := range []string{placementGrouped, placementSingle} {
		t.Run(placement, func(t *testing.T) { lifeOfASuite(t, placement) })
	}
}

func lifeOfASuite(t *testing.T, placement string) {
	dir := t.TempDir()
	pidFile := filepath.Join(dir, "pid")
	r := start(t, dir, "--placement", placement, "--pid-file", pidFile)
	if text, err := os.ReadFile(pidFile); err != nil || string(text) != fmt.Sprintf("%d\n", r.cmd.Process.Pid) {
		t.Errorf("pid file: %q %v", text, err)
	}
	if !strings.Contains(r.output.String(), "bundy-cmdctl-usermgr") {
		t.Error("the first start does not say what to type next")
	}

	var pong, said string
	r.must("Init", "ping", nil, &pong)
	r.must("Cmdctl", "say", nil, &said)
	if pong != "pong" || said != "yes" {
		t.Errorf("got %q, %q", pong, said)
	}
	if err := r.call("Cmdctl", "say", map[string]any{"word": 5}, nil); err == nil {
		t.Error("a number was taken for a word")
	}
	var boot struct {
		Time time.Time `json:"boot_time"`
	}
	if r.must("Init", "getstats", nil, &boot); time.Since(boot.Time) > time.Hour {
		t.Errorf("boot time %v", boot.Time)
	}

	// A component is added, configured, and serves. A needed one that fails in its first ten seconds would end the suite.
	if err := r.commit("Init", components(map[string]any{"bundy-auth": map[string]any{"special": "auth"}})); err != nil {
		t.Fatal(err)
	}
	r.wait("module_started Auth")
	var address string
	r.must("Auth", "address", nil, &address)
	if err := r.commit("Auth", map[string]any{"word": "ahoy"}); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, address)(); got != fmt.Sprintf("ahoy %d", r.pid("bundy-auth")) {
		t.Errorf("answer %q", got)
	}
	if err := r.commit("Auth", map[string]any{"refuse": true}); err == nil || !strings.Contains(err.Error(), "Auth/refuse") {
		t.Errorf("refusal: %v", err)
	}
	if err := r.commit("Auth", map[string]any{"word": "aye"}); err != nil { // the refusal left nothing behind
		t.Error(err)
	}

	// It panics, alone, and its socket waits for it.
	r.must("Auth", "panic", nil, nil)
	r.wait("module_stopped Auth")
	answer := ask(t, address)
	if got := answer(); !strings.HasPrefix(got, "aye ") {
		t.Errorf("answer %q after a panic", got)
	}
	r.wait("module_started Auth")

	// It is removed.
	if err := r.commit("Init", components(nil)); err != nil {
		t.Fatal(err)
	}
	r.wait("module_stopped Auth")
	if err := r.call("Auth", "say", nil, nil); !errors.Is(err, bus.ErrNotRunning) {
		t.Errorf("removed component: %v", err)
	}

	second := launch(t, dir)
	if second.status() != exitFailure || !strings.Contains(second.output.String(), "already running") {
		t.Errorf("second suite in the same directory:\n%s", second.output.String())
	}
	if strings.Contains(second.output.String(), "Type in another window") {
		t.Errorf("a suite that cannot start tells what to type:\n%s", second.output.String())
	}
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := r.status(); got != exitOK {
		t.Errorf("exit status %d", got)
	}
	if _, err := os.Stat(pidFile); err == nil {
		t.Error("the pid file is still there")
	}
	for _, id := range []string{"BUNDY_RECEIVED_SIGNAL", "BUNDY_SHUTDOWN_COMPLETE", "BUNDY_COMPONENT_PANIC"} {
		if !strings.Contains(r.output.String(), id) {
			t.Errorf("%s is not in the log", id)
		}
	}
}

// A child is killed; a query that arrives while it is dead is answered by the next one.
func TestKilledChild(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir)
	if err := r.commit("Init", components(map[string]any{"bundy-auth": map[string]any{"kind": "needed"}, "bundy-ddns": map[string]any{}})); err != nil {
		t.Fatal(err)
	}
	r.wait("module_started DDNS")
	var address string
	r.must("Auth", "address", nil, &address)
	old := r.pid("bundy-auth")
	if old == r.cmd.Process.Pid || old != r.pid("bundy-ddns") || old == r.pid("bundy-cmdctl") {
		t.Error("components are not in the processes that the table names")
	}
	// A changed entry starts its component anew.
	if err := r.commit("Init", components(map[string]any{"bundy-auth": map[string]any{"kind": "dispensable"}, "bundy-ddns": map[string]any{}})); err != nil {
		t.Fatal(err)
	}
	r.wait("module_stopped Auth")
	r.wait("module_started Auth")
	ended := pidfd(t, old)
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, ended)
	answer := ask(t, address)
	r.wait("module_started Auth")
	if got, now := answer(), r.pid("bundy-auth"); got != fmt.Sprintf("hello %d", now) || now == old {
		t.Errorf("answer %q of process %d, was %d", got, now, old)
	}
	r.must("Init", "shutdown", nil, nil)
	if got := r.status(); got != exitOK {
		t.Errorf("exit status %d", got)
	}
}

func TestKilledParentLeavesNoChild(t *testing.T) {
	r := start(t, t.TempDir())
	ended := pidfd(t, r.pid("bundy-cmdctl"))
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, ended)
}

func TestNeededComponentThatCannotStart(t *testing.T) {
	placements(t, func(t *testing.T, placement string) {
		dir := t.TempDir()
		stored := `{"version": 4, "Cmdctl": {"broken": true, "_generation_id": 1}}`
		if err := os.WriteFile(filepath.Join(dir, "bundy-config.db"), []byte(stored), 0o600); err != nil {
			t.Fatal(err)
		}
		r := launch(t, dir, "--placement", placement)
		if got := r.status(); got != exitFailure {
			t.Errorf("exit status %d", got)
		}
		for _, id := range []string{"BUNDY_COMPONENT_UNSATISFIED", "BUNDY_STARTUP_ERROR", "broken by its configuration"} {
			if !strings.Contains(r.output.String(), id) {
				t.Errorf("no %s in the log:\n%s", id, r.output.String())
			}
		}
	})
}

func TestUnusableDocument(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bundy-config.db"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := launch(t, dir)
	if r.status() != exitDocument {
		t.Errorf("exit status is not %d:\n%s", exitDocument, r.output.String())
	}
	if n := strings.Count(r.output.String(), "unexpected end"); n != 1 {
		t.Errorf("%d errors for one cause:\n%s", n, r.output.String())
	}
}

// What cannot be done at the end of the start ends the suite with a message that says why, not with silence.
func TestPIDFileThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	r := launch(t, dir, "--pid-file", filepath.Join(dir, "missing", "pid"))
	if got := r.status(); got != exitFailure {
		t.Errorf("exit status %d", got)
	}
	if text := r.output.String(); !strings.Contains(text, "BUNDY_STARTUP_ERROR") || !strings.Contains(text, "missing") || strings.Contains(text, "BUNDY_STARTUP_COMPLETE") {
		t.Errorf("log:\n%s", text)
	}
}
