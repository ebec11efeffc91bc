package cmdctl

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bundy/internal/control/accounts"
	"bundy/internal/suite/bus"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/sockets"
)

// fakeBus answers as the configuration manager and one module, Echo, would.
type fakeBus struct{ spec *schema.Module }

func (b fakeBus) Call(ctx context.Context, to, command string, args, result any) error {
	text, err := json.Marshal(args)
	if err != nil {
		return err
	}
	answer := func(v any) error {
		out, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return json.Unmarshal(out, result)
	}
	switch to + " " + command {
	case "ConfigManager get_module_spec":
		return answer(map[string]any{"Cmdctl": b.spec, "Echo": echo(), "Gone": echo()})
	case "ConfigManager get_config":
		return answer(map[string]any{"version": 4, "Echo": map[string]any{"x": 1}})
	case "ConfigManager set_config":
		if strings.Contains(string(text), "refuse") {
			return bus.Errorf("Echo/x: refused")
		}
		return answer(map[string]any{"got": json.RawMessage(text)})
	case "ConfigManager rollback":
		return answer(json.RawMessage(text))
	case "Echo say":
		return answer(json.RawMessage(text))
	case "Echo quiet":
		return nil
	case "Echo panic":
		panic("as asked")
	}
	return fmt.Errorf("%s: %w", to, bus.ErrNotRunning)
}

func (fakeBus) Publish(string, any) error { return nil }

func (fakeBus) Subscribe(string, func(json.RawMessage)) func() { return func() {} }

func echo() *schema.Module {
	type words struct {
		Text string `json:"text"`
	}
	return schema.New("Echo", "For tests", nil, paths.Default()).
		Command("say", "", words{}).Command("quiet", "", nil).Command("panic", "", nil)
}

// freePort is a source of sockets that binds any free port on the loopback address, whatever port is asked for.
type freePort struct{ dropped atomic.Int64 }

func (f *freePort) Get(_ context.Context, r sockets.Request) ([]*os.File, error) {
	if r.Address.Port() == 1 {
		return nil, errors.New("bind: port 1 is for nobody")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	return []*os.File{file}, err
}

func (f *freePort) Drop(sockets.Request) { f.dropped.Add(1) }

type fixture struct {
	*testing.T
	c       *component
	sockets *freePort
	clock   atomic.Int64 // nanoseconds ahead of the true time
	file    string       // accounts
	client  *http.Client
	stop    func() error
}

// start runs the component with the users root (password secret) and old (password secret, legacy row).
func start(t *testing.T, section schema.Section) *fixture {
	t.Helper()
	p := paths.Below(t.TempDir())
	if err := os.MkdirAll(p.Config, 0o700); err != nil {
		t.Fatal(err)
	}
	f := &fixture{T: t, sockets: &freePort{}, file: filepath.Join(p.Config, "cmdctl-accounts.csv")}
	root, err := accounts.New("root", "secret", true)
	if err != nil {
		t.Fatal(err)
	}
	err = accounts.Update(f.file, func(l accounts.List) (accounts.List, error) {
		// sha1 of "secret" and the salt
		old := accounts.Account{User: "old", Hash: "c89cfce4182ecc52fe2948349a58d3f4a2f4f000", Salt: `salt,"x`}
		return l.With(root).With(old), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d := Descriptor(p)
	doc := schema.Document{name: section}
	if errs := d.Check(doc); len(errs) > 0 {
		t.Fatal(errs)
	}
	made, err := d.New(doc, module.Deps{Bus: fakeBus{d.Spec}, Sockets: f.sockets, Paths: p})
	if err != nil {
		t.Fatal(err)
	}
	f.c = made.(*component)
	f.c.now = func() time.Time { return time.Now().Add(time.Duration(f.clock.Load())) }
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- f.c.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	f.client = &http.Client{Transport: transport}
	f.stop = func() error {
		cancel()
		transport.CloseIdleConnections()
		return <-done
	}
	t.Cleanup(func() {
		cancel()
		transport.CloseIdleConnections()
	})
	return f
}

func (f *fixture) url(path string) string {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	return "https://" + f.c.listeners[0].Addr().String() + path
}

// do sends a request and returns status and body.
func (f *fixture) do(method, path, cookie, body string, headers ...string) (int, string, http.Header) {
	f.Helper()
	r, err := http.NewRequest(method, f.url(path), strings.NewReader(body))
	if err != nil {
		f.Fatal(err)
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := f.client.Do(r)
	if err != nil {
		f.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		f.Fatal(err)
	}
	return response.StatusCode, string(text), response.Header
}

func (f *fixture) expect(method, path, cookie, body string, status int, want string) {
	f.Helper()
	if got, text, _ := f.do(method, path, cookie, body); got != status || text != want {
		f.Errorf("%s %s (cookie %q, body %.60q): %d %q instead of %d %q", method, path, cookie, body, got, text, status, want)
	}
}

const login = `{"username":"root","password":"secret"}`

func TestRequests(t *testing.T) {
	f := start(t, schema.Section{"digest": false})
	f.expect("GET", "/config_data", "", "", 400, `[]`)
	f.expect("POST", "/Echo/say", "", "", 400, `["session isn't valid"]`)
	f.expect("POST", "/login", "", login, 400, `["session isn't valid"]`)
	f.expect("GET", "/config_data", "abc", "", 401, `["please login"]`)
	f.expect("PUT", "/config_data", "abc", "", 501, `["only GET and POST are supported"]`)
	f.expect("POST", "/login", "abc", ``, 401, `["invalid username or password"]`)
	f.expect("POST", "/login", "abc", `{"password":"x"}`, 401, `["need user name"]`)
	f.expect("POST", "/login", "abc", `{"username":"root"}`, 401, `["need password"]`)
	f.expect("POST", "/login", "abc", `{"username":"root","password":"x"}`, 401, `["username or password error"]`)
	f.expect("POST", "/login", "abc", `{"username":"joe","password":"x"}`, 401, `["username or password error"]`)
	f.expect("POST", "/login", "abc", login, 200, `["login success"]`)
	f.expect("POST", "/login", "abc", login, 200, `["user has already login"]`)
	f.expect("GET", "/config_data", "abc", "", 200, `{"Echo":{"x":1},"version":4}`)
	f.expect("GET", "/config_data", "other", "", 401, `["please login"]`)
	f.expect("GET", "/nothing", "abc", "", 204, ``)
	f.expect("POST", "/word", "abc", "", 400, `["malformed url"]`)
	f.expect("POST", "/a/b/c", "abc", "", 400, `["malformed url"]`)
	f.expect("POST", "/Echo/say", "abc", `{"text":"hi"}`, 200, `{"text":"hi"}`)
	f.expect("POST", "/Echo/quiet/", "abc", ``, 200, `{}`)
	f.expect("POST", "/Nobody/say", "abc", `{}`, 400, `{"error":"unknown module"}`)
	f.expect("POST", "/Echo/nothing", "abc", `{}`, 400, `{"error":"unknown command 'nothing' of module 'Echo'"}`)
	f.expect("POST", "/Gone/quiet", "abc", ``, 400, `{"error":"Module 'Gone' not running: No such recipient"}`)
	f.expect("POST", "/Echo/say", "abc", `{`, 400, `{"error":"the body of the request is not JSON"}`)
	for _, bad := range []string{``, `{"text":5}`, `{"text":"x","more":1}`, `[]`} {
		if status, text, _ := f.do("POST", "/Echo/say", "abc", bad); status != 400 || !strings.HasPrefix(text, `{"error":`) {
			t.Errorf("arguments %q: %d %s", bad, status, text)
		}
	}
	f.expect("POST", "/ConfigManager/set_config", "abc", `[{"Echo":{"x":2}}]`, 200, `{"got":{"author":"root","changes":[{"Echo":{"x":2}}]}}`)
	f.expect("POST", "/ConfigManager/set_config", "abc", `[{"Echo":"refuse"}]`, 400, `{"error":"Echo/x: refused"}`)
	f.expect("POST", "/ConfigManager/rollback", "abc", `{"number":3,"author":"somebody else"}`, 200, `{"author":"root","number":3}`)
	f.expect("POST", "/Echo/panic", "abc", ``, 500, `{"error":"internal error, see the log"}`)
	if status, _, _ := f.do("POST", "/Echo/say", "abc", `{"text":"`+strings.Repeat("x", maxBody)+`"}`); status != 413 {
		t.Errorf("a request larger than the bound: %d", status)
	}
	if status, _, h := f.do("GET", "/config_data", "x", ""); h.Get("WWW-Authenticate") != "" || status != 401 {
		t.Errorf("digest is off, but offered: %v", h)
	}
	status, _, _ := f.do("POST", "/Echo/say", "abc", `{"text":"x"}`, "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site")
	if status != 403 {
		t.Errorf("request of another site: %d", status)
	}
	if err := f.stop(); err != nil {
		t.Error(err)
	}
}

func TestSessionsEnd(t *testing.T) {
	f := start(t, nil)
	f.expect("POST", "/login", "abc", login, 200, `["login success"]`)
	for range 3 { // use keeps it alive
		f.clock.Add(int64(1000 * time.Second))
		if status, text, _ := f.do("GET", "/config_data", "abc", ""); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	f.clock.Add(int64(1201 * time.Second))
	f.expect("GET", "/config_data", "abc", "", 401, `["please login"]`)

	f.expect("POST", "/login", "abc", login, 200, `["login success"]`)
	err := accounts.Update(f.file, func(l accounts.List) (accounts.List, error) { return l.Without("root"), nil })
	if err != nil {
		t.Fatal(err)
	}
	f.expect("GET", "/config_data", "abc", "", 401, `["please login"]`)
}

func TestSessionsAreBounded(t *testing.T) {
	s, at := newSessions(), time.Now()
	for i := range maxSessions + 1 {
		displaced := s.begin(fmt.Sprint(i), "u", "h", time.Hour, at.Add(time.Duration(i)))
		if displaced != (i == maxSessions) {
			t.Fatalf("session %d displaced another: %v", i, displaced)
		}
	}
	if _, ok := s.use("0", time.Hour, at); ok || len(s.byID) != maxSessions {
		t.Errorf("%d sessions, the oldest there: %v", len(s.byID), ok)
	}
}

func TestLegacyRowIsReplacedAtLogin(t *testing.T) {
	f := start(t, nil)
	f.expect("POST", "/login", "abc", `{"username":"old","password":"secret"}`, 200, `["login success"]`)
	if status, _, _ := f.do("GET", "/config_data", "abc", ""); status != 200 {
		t.Error("the session did not outlive the new row")
	}
	l, err := accounts.Read(f.file)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := l.Find("old"); a.Legacy() || a.Secrets.SHA256 == "" || !a.Verify("secret") {
		t.Errorf("row %+v", a)
	}
	f.expect("POST", "/login", "def", `{"username":"old","password":"secret"}`, 200, `["login success"]`)
}

func TestGuessingIsSlowedDown(t *testing.T) {
	f := start(t, nil)
	wrong := `{"username":"root","password":"guess"}`
	for range freeFailures + 1 {
		f.expect("POST", "/login", "abc", wrong, 401, `["username or password error"]`)
	}
	f.expect("POST", "/login", "abc", login, 429, `["too many failed logins, try again in 1 seconds"]`)
	f.clock.Add(int64(time.Second))
	f.expect("POST", "/login", "abc", login, 200, `["login success"]`)
	f.expect("POST", "/login", "def", wrong, 401, `["username or password error"]`)
	f.expect("POST", "/login", "def", login, 200, `["login success"]`)
}

func TestThrottle(t *testing.T) {
	th, at := newThrottle(), time.Now()
	for range 100 {
		th.failed(at, "u:x")
	}
	if got := th.wait(at, "u:x", "a:y"); got != maxDelay {
		t.Errorf("after 100 failures %v", got)
	}
	if got := th.wait(at.Add(forgetAfter), "u:x"); got > 0 {
		t.Errorf("after all was forgotten %v", got)
	}
	for i := range maxFailing + 100 {
		th.failed(at.Add(time.Duration(i)), fmt.Sprint(i))
	}
	if len(th.failing) > maxFailing {
		t.Errorf("%d entries", len(th.failing))
	}
}

func TestDigestWithCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed:", err)
	}
	f := start(t, nil)
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), curl, append([]string{"-s", "-k", "-m", "10", "--noproxy", "*", "-w", " %{http_code}"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("curl: %v\n%s", err, out)
		}
		return string(out)
	}
	if got := run("--digest", "-u", "root:secret", f.url("/config_data")); got != `{"Echo":{"x":1},"version":4} 200` {
		t.Error("right password:", got)
	}
	if got := run("--digest", "-u", "root:secret", "-d", `{"text":"hi"}`, f.url("/Echo/say")); got != `{"text":"hi"} 200` {
		t.Error("POST:", got)
	}
	if got := run("--digest", "-u", "root:wrong", f.url("/config_data")); got != `["please login"] 401` {
		t.Error("wrong password:", got)
	}
	if got := run(f.url("/config_data")); got != `[] 401` {
		t.Error("no password:", got)
	}
	if _, _, h := f.do("GET", "/config_data", "", ""); len(h.Values("WWW-Authenticate")) != 2 {
		t.Errorf("challenges %q", h.Values("WWW-Authenticate"))
	}
}

func TestDigestOffRemovesSecrets(t *testing.T) {
	f := start(t, schema.Section{"digest": false})
	l, err := accounts.Read(f.file)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := l.Find("root"); a.Secrets != (accounts.Secrets{}) {
		t.Errorf("secrets left: %+v", a.Secrets)
	}
	f.expect("POST", "/login", "abc", login, 200, `["login success"]`)
	if l, _ = accounts.Read(f.file); l.Len() != 2 {
		t.Errorf("%d users left", l.Len())
	}
	if a, _ := l.Find("root"); a.Secrets != (accounts.Secrets{}) {
		t.Error("a login brought secrets back")
	}
}

func TestReconfigure(t *testing.T) {
	f := start(t, nil)
	f.expect("POST", "/login", "abc", login, 200, `["login success"]`)
	first := f.url("")
	on := func(port int) schema.Document {
		return schema.Document{name: {"listen_on": []any{map[string]any{"address": "127.0.0.1", "port": int64(port)}}}}
	}
	if _, err := f.c.Prepare(t.Context(), on(1)); err == nil {
		t.Error("an address that cannot be bound was prepared")
	}
	change, err := f.c.Prepare(t.Context(), on(8081))
	if err != nil {
		t.Fatal(err)
	}
	change.Discard()
	if f.url("") != first || f.sockets.dropped.Load() != 1 {
		t.Errorf("after Discard %s, %d sockets dropped", f.url(""), f.sockets.dropped.Load())
	}
	if change, err = f.c.Prepare(t.Context(), on(8081)); err != nil {
		t.Fatal(err)
	}
	change.Apply()
	if f.url("") == first {
		t.Error("still on the old address")
	}
	f.client.CloseIdleConnections()
	if status, _, _ := f.do("GET", "/config_data", "abc", ""); status != 200 {
		t.Errorf("on the new address: %d", status)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(first, "https://")); err == nil {
		t.Error("the old address still answers")
	}
	missing := schema.Document{name: {"cert_file": "/nonexistent.pem"}}
	if _, err := f.c.Prepare(t.Context(), missing); err == nil || !strings.HasPrefix(err.Error(), "Cmdctl/cert_file: ") {
		t.Errorf("certificate that is not there: %v", err)
	}
}

func TestCertificateActsAtOnce(t *testing.T) {
	f := start(t, nil)
	f.expect("GET", "/config_data", "abc", "", 401, `["please login"]`)
	if err := os.WriteFile(f.c.settings.Load().KeyFile, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.client.CloseIdleConnections()
	if _, err := f.client.Get(f.url("/")); err == nil {
		t.Error("a connection was made with a broken key")
	}
}

func TestCheck(t *testing.T) {
	d := Descriptor(paths.Default())
	for _, c := range []struct {
		section schema.Section
		want    []string
	}{
		{nil, nil},
		{schema.Section{"listen_on": []any{}}, []string{"Cmdctl/listen_on: without"}},
		{schema.Section{"listen_on": []any{map[string]any{"address": "here"}}}, []string{`Cmdctl/listen_on[0]/address: "here"`}},
		{schema.Section{"listen_on": []any{map[string]any{}, map[string]any{}}}, []string{"Cmdctl/listen_on[1]: 127.0.0.1:8080"}},
		{schema.Section{"key_file": ""}, []string{"Cmdctl/key_file: "}},
	} {
		var got []string
		for i, err := range d.Check(schema.Document{name: c.section}) {
			text := err.Error()
			if i < len(c.want) {
				text = text[:min(len(text), len(c.want[i]))]
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v: %s", c.section, diff)
		}
	}
}

func TestPortOfEnvironment(t *testing.T) {
	t.Setenv(portVariable, "5300")
	f := start(t, nil)
	if got := f.c.requests()[0].Address.Port(); got != 5300 {
		t.Errorf("asked for port %d", got)
	}
}

func TestSpecificationIsJSON(t *testing.T) {
	text, err := json.Marshal(Descriptor(paths.Default()).Spec)
	if err != nil || !bytes.Contains(text, []byte("/usr/local/etc/bundy/cmdctl-keyfile.pem")) {
		t.Errorf("%v: %s", err, text)
	}
}

// An operator learns at the start, not when nobody can connect, that the certificate cannot be used.
func TestUnusableCertificateIsToldAtTheStart(t *testing.T) {
	p := paths.Below(t.TempDir())
	if err := os.MkdirAll(p.Config, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(p.Config, "cmdctl-keyfile.pem")
	if err := os.WriteFile(file, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	root := logging.New(logging.Options{Stderr: &text})
	if err := root.Configure(logging.Config{}); err != nil {
		t.Fatal(err)
	}
	d := Descriptor(p)
	c, err := d.New(schema.Document{}, module.Deps{Bus: fakeBus{d.Spec}, Sockets: &freePort{}, Paths: p, Log: root.Logger(name)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	if err := c.Run(ctx, stop); err != nil { // stops as soon as it serves
		t.Error(err)
	}
	root.Close()
	if n := strings.Count(text.String(), "CMDCTL_SSL_SETUP_FAILURE_READING_CERT"); n != 1 {
		t.Errorf("%d errors about %s:\n%s", n, file, text.String())
	}
}
