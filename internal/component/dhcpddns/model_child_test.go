package dhcpddns

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"bundy/internal/dns/client"
	"bundy/internal/dns/tsig"
	"bundy/internal/naming/owned"
	"bundy/internal/suite/bus"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/sockets"
)

// The component of the model test runs in a process of its own, so that it can be killed. It is told what to do by lines
// of JSON, and answers each with one.

// Environment of the process: its state directory, and how far its clock is ahead at its start.
const (
	modelDir   = "DHCPDDNS_MODEL_DIR"
	modelLater = "DHCPDDNS_MODEL_LATER"
)

// modelTimeout is how long an answer of the name server is waited for: the test has no two seconds for each that is lost.
const modelTimeout = 200 * time.Millisecond

// order is a line to the process.
type order struct {
	Later int64 `json:"later"`           // nanoseconds that its clock is to be ahead
	Apply bool  `json:"apply,omitempty"` // take the configuration that is in doc.json
	Call  string
	Check bool // look over the state, and give it
}

// reply is its answer.
type reply struct {
	Error   string
	Records []stored // with Check
	Busy    int      // addresses to compare, and transactions under way
}

// stored is what the state holds of a record.
type stored struct {
	Kind, Address, Name, State, Error string
}

// inheritedSocket is the request port, which the parent process keeps open.
type inheritedSocket struct{}

func (inheritedSocket) Get(context.Context, sockets.Request) ([]*os.File, error) {
	return []*os.File{os.NewFile(3, "request port")}, nil
}

func (inheritedSocket) Drop(sockets.Request) {}

// modelChild is the process.
func modelChild(t *testing.T, dir string) {
	document := func() schema.Document {
		text, err := os.ReadFile(filepath.Join(dir, "doc.json"))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Document(parse(t, string(text)))
	}
	var channel bus.Client = &eventBus{}
	if path := filepath.Join(dir, "channel"); fileExists(path) {
		conn, err := bus.Dial(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		channel = conn
	}
	m, err := Descriptor(paths.Below(dir)).New(document(), module.Deps{Bus: channel, Sockets: inheritedSocket{}, Paths: paths.Below(dir)})
	if err != nil {
		t.Fatal(err)
	}
	c := m.(*component)
	var later atomic.Int64
	ahead, err := strconv.ParseInt(os.Getenv(modelLater), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	later.Store(ahead)
	c.now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	c.publisher.Suite = dnsOfSuite{channel, modelTimeout}
	c.publisher.Exchange = func(ctx context.Context, at netip.AddrPort, msg []byte, key *tsig.Key) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, modelTimeout)
		defer cancel()
		return client.Exchange(ctx, at, msg, key)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	answers := json.NewEncoder(os.Stdout)
	go func() { ended <- c.Run(ctx, func() { answers.Encode(reply{}) }) }()
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var o order
		if err := json.Unmarshal(in.Bytes(), &o); err != nil {
			t.Fatal(err)
		}
		later.Store(o.Later)
		answers.Encode(c.obey(document, o))
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func (c *component) obey(document func() schema.Document, o order) (r reply) {
	if o.Apply {
		change, err := c.Prepare(context.Background(), document())
		if err != nil {
			return reply{Error: err.Error()}
		}
		change.Apply()
	}
	if o.Call != "" {
		if _, err := c.Call(context.Background(), o.Call, nil); err != nil {
			return reply{Error: err.Error()}
		}
	}
	done := make(chan struct{})
	c.asks <- func(e *engine) { // so that it sees the new time
		defer close(done)
		r.Busy = e.dirty.len() + e.running + len(e.news) + len(e.requests) + len(e.backlog)
		if !o.Check {
			return
		}
		if err := e.store.Check(context.Background()); err != nil {
			r.Error = err.Error()
		}
		for k := range e.store.All() {
			r.Records = append(r.Records, stored{k.Kind.String(), k.Address.String(), k.Name.String(), k.State.String(), k.LastError})
		}
	}
	<-done
	return r
}

// process is the component in its process.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (m *model) begin() {
	m.t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestModel$")
	cmd.Env = append(os.Environ(), modelDir+"="+m.dir, modelLater+"="+strconv.FormatInt(int64(m.later), 10))
	cmd.ExtraFiles = []*os.File{m.port}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.p = &process{cmd, in, bufio.NewReader(out)}
	m.hear()
}

// stalled is how long the process may take for an answer.
const stalled = time.Minute

func (m *model) hear() (r reply) {
	m.t.Helper()
	watch := time.AfterFunc(stalled, func() { m.p.cmd.Process.Kill() })
	defer watch.Stop()
	line, err := m.p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &r)
	}
	if err != nil || r.Error != "" {
		m.fail("the component says %q: %v %s", line, err, r.Error)
	}
	return r
}

// tell sends an order, if the component runs, with the time.
func (m *model) tell(o order) (r reply) {
	m.t.Helper()
	if m.p == nil {
		return r
	}
	o.Later = int64(m.later)
	text, err := json.Marshal(o)
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := m.p.in.Write(append(text, '\n')); err != nil {
		m.fail("the component does not listen: %v", err)
	}
	return m.hear()
}

// end stops the component, or kills it.
func (m *model) end(kill bool) {
	m.t.Helper()
	if m.p == nil {
		return
	}
	p := m.p
	m.p = nil
	if kill {
		p.cmd.Process.Kill()
		p.cmd.Wait() // killed: its status says nothing
		return
	}
	p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		m.fail("the component ended: %v", err)
	}
}

// stateHolds opens the state of a component that does not run, and lets it check itself.
func (m *model) stateHolds() {
	m.t.Helper()
	s, err := owned.Open(context.Background(), filepath.Join(m.dir, stateFile))
	if err != nil {
		m.fail("%v", err)
	}
	defer s.Close()
	if err := s.Check(context.Background()); err != nil {
		m.fail("the state after the end: %v", err)
	}
}

// requestPort binds the port that requests come to.
func requestPort(t testing.TB) (*os.File, netip.AddrPort) {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	f, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, conn.LocalAddr().(*net.UDPAddr).AddrPort()
}
