package rest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func newClient(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	c, err := New(netip.MustParseAddrPort(server.Listener.Addr().String()), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestGetLogsInAgainOnce(t *testing.T) {
	logins, valid := 0, false
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case len(r.Header.Get("Cookie")) != 40:
			w.WriteHeader(400)
		case r.URL.Path == "/login":
			logins, valid = logins+1, true
		case !valid:
			w.WriteHeader(401)
		default:
			valid = false // every session is good for one request
			_, _ = w.Write([]byte(" here \n"))
		}
	})
	if _, err := c.Get(t.Context(), "/x"); err == nil || logins != 0 {
		t.Errorf("before any login: %v, %d logins", err, logins)
	}
	if r, err := c.Login(t.Context(), "u", "p"); err != nil || !r.OK() {
		t.Fatal(r, err)
	}
	for i := range 2 {
		if got, err := c.Get(t.Context(), "/x"); string(got) != "here" || err != nil || logins != i+1 {
			t.Errorf("%q, %v, %d logins", got, err, logins)
		}
	}
	// A command is never repeated by itself.
	if r, err := c.Post(t.Context(), "/M/c", nil); err != nil || r.Status != 401 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRedirectIsRefused(t *testing.T) {
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
	})
	var lost *ConnectionError
	if r, err := c.Post(t.Context(), "/login", "secret"); !errors.As(err, &lost) {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestNewRefusesBadCertificateFile(t *testing.T) {
	for _, file := range []string{"/nonexistent", "client.go"} {
		if _, err := New(netip.MustParseAddrPort("127.0.0.1:1"), file); err == nil {
			t.Errorf("%s was taken as certificate", file)
		}
	}
}
