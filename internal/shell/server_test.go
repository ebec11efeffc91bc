package shell

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"bundy/internal/shell/rest"
	"bundy/internal/shell/terminal"
)

// fakeServer answers as bundy-cmdctl does, for the modules of testdata/module_spec.json.
type fakeServer struct {
	*httptest.Server
	specs []byte

	mu       sync.Mutex
	sessions map[string]bool
	stored   map[string]any
	posted   []string // path and body of each command and commit
}

func newServer(t testing.TB) *fakeServer {
	t.Helper()
	specs, err := os.ReadFile("testdata/module_spec.json")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeServer{specs: specs, sessions: map[string]bool{}, stored: map[string]any{"version": 4}}
	f.Server = httptest.NewUnstartedServer(f)
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

func (f *fakeServer) address(t testing.TB) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddrPort(f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	say := func(status int, text string) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
	id := r.Header.Get("Cookie")
	switch {
	case r.URL.Path == "/login" && string(body) == `{"password":"secret","username":"root"}`:
		f.sessions[id] = true
		say(200, `["login success"]`)
	case r.URL.Path == "/login":
		say(401, `["username or password error"]`)
	case !f.sessions[id]:
		say(401, `["please login"]`)
	case r.URL.Path == "/module_spec":
		say(200, string(f.specs))
	case r.URL.Path == "/config_data":
		text, _ := json.Marshal(f.stored)
		say(200, string(text))
	default:
		f.posted = append(f.posted, r.URL.Path+" "+string(body))
		say(f.post(r.URL.Path, body))
	}
}

func (f *fakeServer) post(path string, body []byte) (int, string) {
	switch path {
	case "/ConfigManager/set_config":
		var changes []map[string]any
		if err := json.Unmarshal(body, &changes); err != nil || len(changes) != 1 {
			return 400, `{"error": "bad request"}`
		}
		if strings.Contains(string(body), "refuse me") {
			return 400, `{"error": "Dhcp4/next-server: refuse me is no address"}`
		}
		lay(f.stored, changes[0])
		return 200, `{}`
	case "/ConfigManager/history":
		return 200, `[{"number":1,"time":"2026-11-23T09:00:00Z","author":"root","modules":["Auth","Init"]},{"number":2,"time":"2026-11-23T09:05:00.123456789Z","author":"joe","modules":["Auth"],"comment":"more"}]`
	case "/ConfigManager/rollback":
		if string(body) != `{"number":1}` {
			return 400, `{"error": "there is no commit 9"}`
		}
		return 200, ``
	case "/Init/ping":
		return 200, `"pong"`
	case "/Init/show_processes":
		return 200, `[[2,"bundy-auth","Auth"]]`
	case "/DhcpDdns/status":
		return 200, `{"enabled": true, "forward_zones": ["lab.example.net."], "last_error": "", "pending_retries": 2}`
	case "/DhcpDdns/leases":
		return 200, `{"total": 1, "leases": [{"address": "192.0.2.1", "client": "02:00", "name": "pc.lab.example.net.", "state": "refused (forward): it is somebody else's\u001b[2J",
			"source": "fqdn", "refused": ["fqdn wpad: no"], "subnet": "192.0.2.0/24", "pool": "", "expires": "never"}]}`
	case "/Auth/fail":
		return 400, `{"error": "as asked"}`
	}
	return 200, `{}`
}

// lay merges changes as the configuration manager does.
func lay(base, changes map[string]any) {
	for name, v := range changes {
		inner, isMap := v.(map[string]any)
		old, wasMap := base[name].(map[string]any)
		switch {
		case v == nil:
			delete(base, name)
		case isMap && wasMap && name != "components" && name != "classes":
			lay(old, inner)
		default:
			base[name] = v
		}
	}
}

// shell is a session with a fake server.
func newShell(t testing.TB) (*session, *fakeServer, *strings.Builder) {
	t.Helper()
	f := newServer(t)
	client, err := rest.New(f.address(t), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	out := new(strings.Builder)
	if _, err := client.Login(t.Context(), "root", "secret"); err != nil {
		t.Fatal(err)
	}
	return newSession(client, out), f, out
}

// transcript checks a session: lines that begin with "> " are typed, the others are what must be printed. A line "..."
// stands for any further output of one command.
func transcript(t *testing.T, s *session, out *strings.Builder, text string) {
	t.Helper()
	var command string
	var want []string
	check := func() {
		t.Helper()
		if command == "" && len(want) == 0 {
			return
		}
		out.Reset()
		if err := s.loop(t.Context(), terminal.Lines(strings.NewReader(command+"\n"))); err != nil {
			t.Errorf("%s: %v", command, err)
		}
		got := strings.TrimSuffix(out.String(), "\n")
		expected := strings.Join(want, "\n")
		if head, cut := strings.CutSuffix(expected, "..."); cut {
			if !strings.HasPrefix(got, head) {
				t.Errorf("> %s\nprints:\n%s\ninstead of:\n%s", command, got, expected)
			}
		} else if got != expected {
			t.Errorf("> %s\nprints:\n%s\ninstead of:\n%s", command, got, expected)
		}
	}
	for _, line := range strings.Split(strings.Trim(text, "\n"), "\n") {
		if typed, ok := strings.CutPrefix(line, "> "); ok {
			check()
			command, want = typed, nil
			continue
		}
		want = append(want, line)
	}
	check()
}

func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
