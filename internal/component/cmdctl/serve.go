package cmdctl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"
)

const (
	maxBody   = 4 << 20  // octets of a request: a whole configuration with thousands of subnets
	maxLogin  = 16 << 10 // octets of a login, which anybody may send: user name and password, escaped
	maxHeader = 16 << 10 // octets of a request's head

	headerTimeout = 10 * time.Second // also for the TLS handshake
	readTimeout   = 30 * time.Second
	writeTimeout  = commitTimeout + readTimeout // counted from the end of the head
	idleTimeout   = time.Minute
)

// path is /word or /word/word. What is not such a path is no resource.
var path = regexp.MustCompile(`^/(\w+)(?:/(\w+))?/?$`)

// reply is an answer before it is encoded.
type reply struct {
	status int
	body   any // encoded as JSON; nil: nothing
}

func refusal(status int, text string) reply { return reply{status, []string{text}} }

func failure(text string) reply {
	return reply{http.StatusBadRequest, map[string]string{"error": text}}
}

func (c *component) newServer() *http.Server {
	// Digest credentials are repeated by browsers by themselves, so requests that another site made the browser send
	// are refused. There is no CORS header anywhere: no other site may read an answer either.
	guard := http.NewCrossOriginProtection()
	return &http.Server{
		Handler:           c.recover(c.onlyGetAndPost(guard.Handler(http.HandlerFunc(c.handle)))),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(io.Discard, "", 0), // failed handshakes of strangers; certificate errors are logged
	}
}

func (c *component) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if fault := recover(); fault != nil {
				c.deps.Log.Log(msgUncaught, r.Method+" "+r.RequestURI, fmt.Sprintf("%v\n%s", fault, debug.Stack()))
				write(w, reply{http.StatusInternalServerError, map[string]string{"error": "internal error, see the log"}})
			}
		}()
		c.counters.requests.Add(1)
		next.ServeHTTP(w, r)
	})
}

func (c *component) onlyGetAndPost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodPost {
			write(w, refusal(http.StatusNotImplemented, "only GET and POST are supported"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// handle is the way of every request: login, or identity, body, resource. Strangers make the server keep no large body.
func (c *component) handle(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Path == "/login" {
		if body, ok := read(w, r, maxLogin); ok {
			write(w, c.login(r, body))
		}
		return
	}
	user, refused := c.identify(r)
	if refused != nil {
		c.challenge(w, refused)
		write(w, refused.reply)
		return
	}
	body, ok := read(w, r, maxBody)
	switch {
	case !ok:
	case r.Method == http.MethodGet:
		write(w, c.get(r))
	default:
		write(w, c.post(r, user, body))
	}
}

// read reads the body of a request. When it cannot, it has answered, unless nobody is left to answer.
func read(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		write(w, reply{http.StatusRequestEntityTooLarge, map[string]string{"error": fmt.Sprintf("request of more than %d octets", limit)}})
	}
	return body, err == nil
}

func (c *component) get(r *http.Request) reply {
	switch found := path.FindStringSubmatch(r.URL.Path); {
	case found == nil || found[2] != "":
		return reply{http.StatusNoContent, nil}
	case found[1] == "config_data":
		return c.ask(r.Context(), "get_config")
	case found[1] == "module_spec":
		return c.ask(r.Context(), "get_module_spec")
	}
	return reply{http.StatusNoContent, nil}
}

func (c *component) post(r *http.Request, user string, body []byte) reply {
	found := path.FindStringSubmatch(r.URL.Path)
	if found == nil || found[2] == "" {
		return refusal(http.StatusBadRequest, "malformed url")
	}
	body = bytes.TrimSpace(body)
	if len(body) > 0 && !json.Valid(body) {
		return failure("the body of the request is not JSON")
	}
	return c.run(r.Context(), user, found[1], found[2], body)
}

func write(w http.ResponseWriter, r reply) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.body == nil {
		w.WriteHeader(r.status)
		return
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r.body); err != nil { // a module's answer that is not JSON
		out.Reset()
		r.status = http.StatusInternalServerError
		fmt.Fprintf(&out, `{"error": %q}`, "the answer cannot be encoded")
	}
	text := bytes.TrimSpace(out.Bytes())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(r.status)
	_, _ = w.Write(text) // a client that went away needs no answer
}
