package cmdctl

import (
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"bundy/internal/control/accounts"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/schema"
)

// dial opens a connection from an address of the loopback network.
func (f *fixture) dial(from string) net.Conn {
	f.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.DialContext(f.Context(), "tcp", strings.TrimPrefix(f.url(""), "https://"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { conn.Close() })
	return conn
}

// refused tells whether the server closed a connection at once. A served one waits for the client.
func (f *fixture) refused(conn net.Conn) bool {
	f.Helper()
	t := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	return t.HandshakeContext(f.Context()) != nil
}

func TestConnectionsAreBounded(t *testing.T) {
	f := start(t, nil)
	for range maxPerClient {
		f.dial("127.0.0.1")
	}
	if !f.refused(f.dial("127.0.0.1")) {
		t.Error("a connection beyond the bound of one client was served")
	}
	if f.refused(f.dial("127.0.0.2")) {
		t.Error("a client was kept out by the connections of another")
	}
	for _, from := range []string{"127.0.0.3", "127.0.0.4", "127.0.0.5"} {
		for range maxPerClient {
			f.dial(from)
		}
	}
	if !f.refused(f.dial("127.0.0.6")) {
		t.Error("a connection beyond the bound of all clients was served")
	}
	// One more of 127.0.0.5 found the bound reached: 127.0.0.2 has one connection.
	if got := f.c.Stats()["connections_refused"]; got != int64(3) {
		t.Errorf("%v refused", got)
	}
}

// TestConnectionsAreGivenBack would refuse the last clients if an end were not counted.
func TestConnectionsAreGivenBack(t *testing.T) {
	f := start(t, nil)
	for range 2 * maxPerClient {
		conn := f.dial("127.0.0.1")
		if f.refused(conn) {
			t.Fatal("refused")
		}
		conn.Close()
		for end := time.Now().Add(5 * time.Second); ; {
			f.c.connections.mu.Lock()
			open, clients := f.c.connections.open, len(f.c.connections.perClient)
			f.c.connections.mu.Unlock()
			if open == 0 && clients == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%d open of %d clients", open, clients)
			}
			<-time.After(time.Millisecond)
		}
	}
}

func TestNetworkOfAClient(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::", "fe80::1%eth0": "fe80::",
		"2001:db8::2": "2001:db8::", "2001:db8:0:1::2": "2001:db8:0:1::",
	} {
		if got := network(netip.MustParseAddr(address)); got != netip.MustParseAddr(want) {
			t.Errorf("%s counts as %s", address, got)
		}
	}
	if a, b := throttleKeys("x", "2001:db8::1"), throttleKeys("y", "2001:db8::2"); a[1] != b[1] {
		t.Errorf("one host guesses as %s and %s", a[1], b[1])
	}
}

// TestStrangersCannotFillMemory sends large bodies without an identity: they are refused before they are read.
func TestStrangersCannotFillMemory(t *testing.T) {
	f := start(t, nil)
	if status, _, _ := f.do("POST", "/ConfigManager/set_config", "nobody", strings.Repeat(" ", maxBody+1)); status != 401 {
		t.Errorf("too large a request of a stranger: %d", status)
	}
	if status, _, _ := f.do("POST", "/login", "nobody", strings.Repeat(" ", maxLogin+1)); status != 413 {
		t.Errorf("too large a login: %d", status)
	}
}

// TestHostileRequests sends what no client of ours would, after a login where that is needed to be heard at all.
func TestHostileRequests(t *testing.T) {
	f := start(t, nil)
	f.expect("POST", "/login", "abc", login, 200, `["login success"]`)
	deep := strings.Repeat("[", 1<<20)
	if status, _, _ := f.do("POST", "/Echo/say", "abc", deep+strings.Repeat("]", 1<<20)); status != 400 {
		t.Errorf("deep JSON: %d", status)
	}
	if status, _, _ := f.do("POST", "/login", "x", strings.Repeat("[", maxLogin-1)); status != 401 {
		t.Errorf("deep JSON as a login: %d", status)
	}
	if status, _, _ := f.do("GET", "/config_data", strings.Repeat("c", maxSessionID+1), ""); status == 200 {
		t.Error("a cookie of any length was looked up")
	}
	if status, _, _ := f.do("GET", "/config_data", strings.Repeat("c", 2*maxHeader), ""); status != 431 {
		t.Errorf("huge cookie: %d", status)
	}
	conn := tls.Client(f.dial("127.0.0.1"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	if err := conn.HandshakeContext(t.Context()); err != nil || conn.ConnectionState().NegotiatedProtocol != "http/1.1" {
		t.Errorf("protocol %q, %v", conn.ConnectionState().NegotiatedProtocol, err)
	}
}

// TestDigestOffRemovesSecretsOfNewUsers adds a user while digest authentication is off.
func TestDigestOffRemovesSecretsOfNewUsers(t *testing.T) {
	f := start(t, schema.Section{"digest": false})
	late, err := accounts.New("late", "secret", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := accounts.Update(f.file, func(l accounts.List) (accounts.List, error) { return l.With(late), nil }); err != nil {
		t.Fatal(err)
	}
	f.expect("POST", "/login", "abc", `{"username":"late","password":"secret"}`, 200, `["login success"]`)
	l, err := accounts.Read(f.file)
	if err != nil {
		t.Fatal(err)
	}
	if a, found := l.Find("late"); !found || a.Secrets != (accounts.Secrets{}) {
		t.Errorf("kept: %+v", a)
	}
}

// TestGuessingDoesNotFillTheLog tries again and again while tries are refused, under a name of any length.
func TestGuessingDoesNotFillTheLog(t *testing.T) {
	f := start(t, nil)
	rec := logging.NewRecorder()
	f.c.deps.Log = rec.Logger(name)
	user := strings.Repeat("u", maxLogin/2)
	for range freeFailures + 20 {
		f.do("POST", "/login", "abc", `{"username":"`+user+`","password":"wrong"}`)
	}
	if n := rec.Count("CMDCTL_LOGIN_DELAYED"); n < 1 || n > 5 {
		t.Errorf("%d lines about refused tries", n)
	}
	for _, e := range rec.Entries() {
		if len(e.Text) > 4*maxUserKey {
			t.Errorf("%s of %d octets", e.ID, len(e.Text))
		}
	}
}
