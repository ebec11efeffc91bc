package rest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"time"
)

const (
	// timeout is for one request; a commit makes servers load their zones and leases.
	timeout = 3 * time.Minute

	// idle is how long a connection is kept between commands; shorter than the server keeps it, so that it is never
	// closed in the middle of a request.
	idle = 20 * time.Second

	// maxReply bounds a reply; the specifications of all modules have some hundred kilobytes.
	maxReply = 64 << 20
)

// Client is one session. It is not safe for use from several goroutines.
type Client struct {
	base    string
	session string
	http    *http.Client

	user, password string // of the last login
}

// New makes a client. Without a certificate file the server's certificate is not verified; with one, it must be in the
// file or signed by one that is.
func New(server netip.AddrPort, certificateFile string) (*Client, error) {
	id := make([]byte, 20)
	if _, err := rand.Read(id); err != nil {
		return nil, fmt.Errorf("session id: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} // as documented; see verify
	if certificateFile != "" {
		text, err := os.ReadFile(certificateFile)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: no certificate in PEM form", certificateFile)
		}
		config.VerifyConnection = func(s tls.ConnectionState) error { return verify(s, roots) }
	}
	return &Client{
		base:    "https://" + server.String(),
		session: hex.EncodeToString(id),
		http: &http.Client{
			Timeout:   timeout,
			Transport: &http.Transport{TLSClientConfig: config, IdleConnTimeout: idle, DisableCompression: true, Proxy: nil},
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return errors.New("the server redirects, which bundy-cmdctl never does")
			},
		},
	}, nil
}

// verify checks the chain but not the name: the operator gave us the server's own certificate, and certificates of the
// original system name no address.
func verify(s tls.ConnectionState, roots *x509.CertPool) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}

// Close gives up the connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Reply is an answer of the server.
type Reply struct {
	Status int
	Body   []byte // blanks around it removed
}

// OK tells whether the request was carried out.
func (r Reply) OK() bool { return r.Status == http.StatusOK }

// ConnectionError says that a request got no answer.
type ConnectionError struct{ Err error }

func (e *ConnectionError) Error() string { return e.Err.Error() }

func (e *ConnectionError) Unwrap() error { return e.Err }

// Login logs in and remembers how, to do it again when the session has ended.
func (c *Client) Login(ctx context.Context, user, password string) (Reply, error) {
	r, err := c.do(ctx, http.MethodPost, "/login", map[string]string{"username": user, "password": password})
	if err == nil && r.OK() {
		c.user, c.password = user, password
	}
	return r, err
}

// Get asks for a resource, and logs in again if the session has ended.
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	r, err := c.do(ctx, http.MethodGet, path, nil)
	if err == nil && r.Status == http.StatusUnauthorized && c.user != "" {
		if r, err = c.Login(ctx, c.user, c.password); err == nil && r.OK() {
			r, err = c.do(ctx, http.MethodGet, path, nil)
		}
	}
	if err != nil {
		return nil, err
	}
	if !r.OK() {
		return nil, fmt.Errorf("GET %s: status %d: %s", path, r.Status, r.Body)
	}
	return r.Body, nil
}

// Post sends a command. A refusal is a reply, not an error.
func (c *Client) Post(ctx context.Context, path string, body any) (Reply, error) {
	return c.do(ctx, http.MethodPost, path, body)
}

func (c *Client) do(ctx context.Context, method, path string, body any) (Reply, error) {
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return Reply{}, err
		}
		text = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, text)
	if err != nil {
		return Reply{}, err
	}
	request.Header.Set("Cookie", c.session)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return Reply{}, &ConnectionError{err}
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxReply+1))
	if err != nil {
		return Reply{}, &ConnectionError{fmt.Errorf("%s %s: %w", method, path, err)}
	}
	if len(answer) > maxReply {
		return Reply{}, fmt.Errorf("%s %s: reply of more than %d octets", method, path, maxReply)
	}
	return Reply{response.StatusCode, bytes.TrimSpace(answer)}, nil
}
