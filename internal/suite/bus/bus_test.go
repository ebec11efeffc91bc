package bus

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func connect(t *testing.T, h *Hub) *Conn {
	t.Helper()
	c := h.Connect()
	t.Cleanup(func() { c.Close() })
	return c
}

func hub(t *testing.T) *Hub {
	h := NewHub()
	t.Cleanup(h.Close)
	return h
}

func mustRegister(t *testing.T, c *Conn, module string, h Handler) func() {
	t.Helper()
	unregister, err := c.Register(t.Context(), module, h)
	if err != nil {
		t.Fatal(err)
	}
	return unregister
}

func TestCall(t *testing.T) {
	h := hub(t)
	auth, shell := connect(t, h), connect(t, h)
	unregister := mustRegister(t, auth, "Auth", func(_ context.Context, command string, args json.RawMessage) (any, error) {
		switch command {
		case "echo":
			return args, nil
		case "refuse":
			return nil, &Error{Code: 3, Text: "no"}
		case "fail":
			return nil, errors.New("disk full")
		}
		return nil, nil
	})
	var got map[string]int
	if err := shell.Call(t.Context(), "Auth", "echo", map[string]int{"a": 1}, &got); err != nil || got["a"] != 1 {
		t.Errorf("echo: %v, %v", got, err)
	}
	if err := shell.Call(t.Context(), "Auth", "nothing", nil, nil); err != nil {
		t.Errorf("empty success: %v", err)
	}
	for command, want := range map[string]Error{"refuse": {3, "no"}, "fail": {1, "disk full"}} {
		refusal, ok := errors.AsType[*Error](shell.Call(t.Context(), "Auth", command, nil, nil))
		if !ok || *refusal != want {
			t.Errorf("%s: %v, want %v", command, refusal, want)
		}
	}
	if err := shell.Call(t.Context(), "Xfrin", "x", nil, nil); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "Xfrin") {
		t.Errorf("absent module: %v", err)
	}
	if _, err := shell.Register(t.Context(), "Auth", nil); err == nil {
		t.Error("a second process took the name of a running module")
	}
	unregister()
	if err := shell.Call(t.Context(), "Auth", "echo", nil, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after unregister: %v", err)
	}
	mustRegister(t, shell, "Auth", nil)
}

func TestCallOfModuleThatDies(t *testing.T) {
	h := hub(t)
	auth, shell := connect(t, h), connect(t, h)
	mustRegister(t, auth, "Auth", func(ctx context.Context, _ string, _ json.RawMessage) (any, error) {
		auth.conn.Close() // as when its process is killed
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err := shell.Call(t.Context(), "Auth", "x", nil, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("got %v", err)
	}
	<-auth.Done()
	if auth.Err() == nil {
		t.Error("ended without a reason")
	}
}

func TestCallTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		auth, shell := h.Connect(), h.Connect()
		mustRegister(t, auth, "Auth", func(ctx context.Context, _ string, _ json.RawMessage) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		begin := time.Now()
		err := shell.Call(context.Background(), "Auth", "hang", nil, nil)
		var refusal *Error
		if !errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &refusal) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begin); took != DefaultTimeout {
			t.Errorf("gave up after %v", took)
		}
		auth.Close()
		shell.Close()
		<-auth.Done()
		<-shell.Done()
		h.Close()
	})
}

func TestPublish(t *testing.T) {
	h := hub(t)
	a, b, from := connect(t, h), connect(t, h), connect(t, h)
	got := make(chan string, 10)
	cancel := a.Subscribe("zone_updated", func(p json.RawMessage) { got <- "a" + string(p) })
	b.Subscribe("zone_updated", func(p json.RawMessage) { got <- "b" + string(p) })
	// A call over the same connections is behind the subscriptions.
	for _, c := range []*Conn{a, b} {
		_ = c.Call(t.Context(), "nobody", "x", nil, nil)
	}
	if err := from.Publish("zone_updated", 7); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{<-got: true, <-got: true}
	if !seen["a7"] || !seen["b7"] {
		t.Errorf("got %v", seen)
	}
	cancel()
	_ = a.Call(t.Context(), "nobody", "x", nil, nil)
	if err := from.Publish("zone_updated", 8); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != "b8" {
		t.Errorf("after cancel got %s", s)
	}
}

// A peer that reads nothing must cost the others nothing: its events are dropped, calls to it are refused in the end.
func TestStuckPeer(t *testing.T) {
	h := hub(t)
	ours, theirs := net.Pipe()
	h.Attach(ours)
	defer theirs.Close()
	for _, f := range []frame{{Kind: kindSubscribe, Name: "e"}, {Kind: kindRegister, ID: 1, Name: "Stuck"}} {
		data, err := f.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := theirs.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := readFrame(theirs); err != nil { // the answer to register; from here on nothing is read
		t.Fatal(err)
	}
	c, alive := connect(t, h), connect(t, h)
	mustRegister(t, alive, "Alive", func(context.Context, string, json.RawMessage) (any, error) { return "pong", nil })
	for range 2 * maxQueueFrames {
		if err := c.Publish("e", nil); err != nil {
			t.Fatal(err)
		}
		if err := c.Call(t.Context(), "Alive", "ping", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if h.Lost() == 0 {
		t.Error("no event was dropped")
	}
	var refused atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	const callers = maxPending + 10
	for range callers {
		go func() {
			defer func() { done <- struct{}{} }()
			if refusal, ok := errors.AsType[*Error](c.Call(ctx, "Stuck", "x", nil, nil)); ok && refusal.Code == 1 {
				if refused.Add(1) == 10 {
					cancel()
				}
			}
		}()
	}
	for range callers {
		<-done
	}
	cancel()
	if refused.Load() != 10 {
		t.Errorf("%d calls refused, want 10", refused.Load())
	}
}

func TestSlowSubscriberLosesOldest(t *testing.T) {
	h := hub(t)
	c := connect(t, h)
	first, release, last := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var got []string
	c.Subscribe("e", func(p json.RawMessage) {
		got = append(got, string(p))
		if len(got) == 1 {
			close(first)
			<-release
		}
		if string(p) == fmt.Sprint(maxBacklog+9) {
			close(last)
		}
	})
	c.Subscribe("barrier", func(json.RawMessage) { close(release) })
	_ = c.Publish("e", 0)
	<-first
	for i := range maxBacklog + 9 {
		_ = c.Publish("e", i+1)
	}
	_ = c.Publish("barrier", nil)
	<-last
	if c.Lost() != 9 || len(got) != 1+maxBacklog {
		t.Errorf("lost %d, got %d", c.Lost(), len(got))
	}
}

func TestMalformedFrameEndsConnection(t *testing.T) {
	h := hub(t)
	long := make([]byte, 4)
	binary.BigEndian.PutUint32(long, maxFrame+1)
	for name, data := range map[string][]byte{
		"zero length": {0, 0, 0, 0}, "too long": long, "not JSON": append([]byte{0, 0, 0, 1}, '{'),
		"unknown kind": append([]byte{0, 0, 0, 2}, "{}"...), "reply to no call": frameBytes(t, frame{Kind: kindReply, ID: 9}),
	} {
		ours, theirs := net.Pipe()
		h.Attach(ours)
		if _, err := theirs.Write(data); err != nil {
			t.Fatal(err)
		}
		if _, err := theirs.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: connection stays open", name)
		}
	}
}

func frameBytes(t testing.TB, f frame) []byte {
	data, err := f.encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestListen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "msgq_socket")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	h := hub(t)
	served := make(chan error, 1)
	go func() { served <- l.Serve(h) }()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket file: %v %v", info, err)
	}
	if _, err := Listen(path); !errors.Is(err, ErrAlreadyRunning) {
		t.Errorf("second hub: %v", err)
	}
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Call(t.Context(), "x", "y", nil, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("call: %v", err)
	}
	c.Close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket file is still there")
	}
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"}) // what kill -9 leaves behind
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	again, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if _, err := Listen(filepath.Join(dir, strings.Repeat("x", maxSocketPath))); err == nil || errors.Is(err, ErrAlreadyRunning) {
		t.Errorf("long path: %v", err)
	}
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(plain); err == nil {
		t.Error("a file that is no socket was removed")
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add(frameBytes(f, frame{Kind: kindCall, ID: 1, Name: "Auth", Command: "loadzone", Body: json.RawMessage(`{"origin":"example.org"}`)}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, '{'})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readFrame(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		if _, err := got.encode(); err != nil {
			t.Errorf("read but not written: %v", err)
		}
	})
}

// TestAnswerBeforeClose: a command that ends the suite is answered although the hub closes at once.
func TestAnswerBeforeClose(t *testing.T) {
	for range 200 {
		hub := NewHub()
		server, caller := hub.Connect(), hub.Connect()
		stop := make(chan struct{})
		_, err := server.Register(t.Context(), "Init", func(context.Context, string, json.RawMessage) (any, error) {
			close(stop)
			return "stopping", nil
		})
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			<-stop
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			hub.Close()
		}()
		var got string
		if err := caller.Call(t.Context(), "Init", "shutdown", nil, &got); err != nil || got != "stopping" {
			t.Fatalf("got %q, %v", got, err)
		}
		<-closed
	}
}
