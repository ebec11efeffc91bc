package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bundy/internal/dns/authority"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/sockets"
)

// loopback is a source of sockets that remembers which are held.
type loopback struct {
	sockets.Source
	mu   sync.Mutex
	held map[sockets.Request]bool
}

func newLoopback() *loopback {
	return &loopback{Source: sockets.NewKeeper(nil).For("bundy-auth"), held: map[sockets.Request]bool{}}
}

func (l *loopback) Get(ctx context.Context, r sockets.Request) ([]*os.File, error) {
	files, err := l.Source.Get(ctx, r)
	if err == nil {
		l.mu.Lock()
		r.Early = false
		l.held[r] = true
		l.mu.Unlock()
	}
	return files, err
}

func (l *loopback) Drop(r sockets.Request) {
	l.Source.Drop(r)
	l.mu.Lock()
	delete(l.held, r)
	l.mu.Unlock()
}

func (l *loopback) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held)
}

// freePort gives a port that was free for TCP and UDP on all addresses just now. It lies below those that the system gives
// to clients, whose connections, even ended ones, would be in the way of 0.0.0.0.
func freePort(t *testing.T) int {
	t.Helper()
	for range 50 {
		port := 10000 + rand.IntN(22000)
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			continue
		}
		p, err := net.ListenPacket("udp", fmt.Sprintf(":%d", port))
		l.Close()
		if err == nil {
			p.Close()
			return port
		}
	}
	t.Fatal("no port is free for both UDP and TCP")
	return 0
}

// suite is a running component.
type suite struct {
	t         *testing.T
	dir       string
	port      int
	sockets   *loopback
	component module.Component
	events    events
	spec      *module.Descriptor
}

func (s *suite) doc(listen ...string) schema.Document {
	on := make([]any, 0, len(listen))
	for _, a := range listen {
		on = append(on, map[string]any{"address": a, "port": int64(s.port)})
	}
	return schema.Document{
		Name: {"listen_on": on},
		authority.DataSourcesModule: {"classes": map[string]any{
			"IN": []any{map[string]any{"type": "MasterFiles", "cache-enable": true, "params": map[string]any{
				"example.org": filepath.Join(s.dir, "example.org"), "broken.example": filepath.Join(s.dir, "broken")}}},
			"CH": []any{map[string]any{"type": "MasterFiles", "cache-enable": true, "params": map[string]any{"BIND": filepath.Join(s.dir, "static")}}},
		}},
		authority.KeysModule: {"keys": []any{"test.key:c2VjcmV0c2VjcmV0c2VjcmV0:hmac-sha256"}},
	}
}

func (s *suite) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func run(t *testing.T, listen ...string) *suite {
	t.Helper()
	return runWith(t, func(*suite, schema.Document) {}, listen...)
}

// runWith is run with another configuration.
func runWith(t *testing.T, change func(*suite, schema.Document), listen ...string) *suite {
	t.Helper()
	s := &suite{t: t, dir: t.TempDir(), port: freePort(t), sockets: newLoopback()}
	big := exampleZone
	for i := range 60 {
		big += fmt.Sprintf("big 60 IN TXT \"%050d\"\n", i)
	}
	s.write("example.org", big)
	s.write("broken", "@ 3600 IN NS ns\n")
	a := authority.New("1.2.3")
	p := paths.Below(s.dir)
	s.spec = Descriptor(p, a)
	doc := s.doc(listen...)
	change(s, doc)
	if errs := append(schema.Validate(s.spec.Spec, doc[Name]), s.spec.Check(doc)...); len(errs) > 0 {
		t.Fatal(errs)
	}
	c, err := s.spec.New(doc, module.Deps{Bus: &s.events, Sockets: s.sockets, Paths: p})
	if err != nil {
		t.Fatal(err)
	}
	s.component = c
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- c.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		a.Close()
	})
	return s
}

// dig asks with the usual tool and gives what it prints.
func (s *suite) dig(args ...string) string {
	s.t.Helper()
	path, err := exec.LookPath("dig")
	if err != nil {
		s.t.Skip("dig is not installed")
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	args = append([]string{"-p", fmt.Sprint(s.port), "+tries=2", "+time=2"}, args...)
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil {
		s.t.Logf("dig %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (s *suite) expect(args string, want ...string) {
	s.t.Helper()
	out := s.dig(strings.Fields(args)...)
	for _, w := range want {
		if !strings.Contains(out, w) {
			s.t.Errorf("dig %s does not say %q:\n%s", args, w, out)
		}
	}
}

func TestWithDig(t *testing.T) {
	s := run(t, "0.0.0.0", "::")
	s.expect("@127.0.0.1 web.example.org A", "status: NOERROR", "flags: qr aa rd;", "192.0.2.80", "EDNS: version: 0", "udp: 1232")
	s.expect("@127.0.0.1 +tcp web.example.org A +noedns", "192.0.2.80", "ADDITIONAL: 0")
	s.expect("@127.0.0.9 web.example.org A", "192.0.2.80") // answered from the address that was asked
	if _, err := net.Dial("udp", "[::1]:53"); err == nil {
		s.expect("@::1 web.example.org A", "192.0.2.80")
		s.expect("@::1 +tcp web.example.org A", "192.0.2.80")
	}
	s.expect("@127.0.0.1 big.example.org TXT +bufsize=1232", "(TCP)", "ANSWER: 60")
	s.expect("@127.0.0.1 big.example.org TXT +bufsize=1232 +ignore", "flags: qr aa tc rd;", "ANSWER: 0")
	s.expect("@127.0.0.1 nope.example.org A", "status: NXDOMAIN", "AUTHORITY: 1")
	s.expect("@127.0.0.1 sub.example.org A +norecurse", "flags: qr;", "AUTHORITY: 2, ADDITIONAL: 2")
	s.expect("@127.0.0.1 example.com A", "status: REFUSED")
	s.expect("@127.0.0.1 broken.example A", "status: SERVFAIL")
	s.expect("@127.0.0.1 -c CH -t TXT version.bind", "Bundy 1.2.3", "status: NOERROR")
	s.expect("@127.0.0.1 -c HS web.example.org A", "status: REFUSED")
	s.expect("@127.0.0.1 +edns=1 +noednsneg web.example.org A", "BADVERS")
	s.expect("@127.0.0.1 +ednsopt=65001:00ff +nsid +cookie web.example.org A", "192.0.2.80")
	s.expect("@127.0.0.1 +opcode=status web.example.org A", "status: NOTIMP")
	s.expect("@127.0.0.1 +opcode=notify example.org SOA", "status: NOERROR")
	s.expect("@127.0.0.1 example.org AXFR", "Transfer failed")
	s.expect("@127.0.0.1 +keepopen +tcp web.example.org A mail.example.org A", "192.0.2.80", "192.0.2.25")
	s.expect("@127.0.0.1 -y hmac-sha256:test.key:c2VjcmV0c2VjcmV0c2VjcmV0 web.example.org A", "192.0.2.80", "TSIG PSEUDOSECTION", "NOERROR 0")
	s.expect("@127.0.0.1 -y hmac-sha256:test.key:AAAAcmV0c2VjcmV0c2VjcmV0 web.example.org A", "status: NOTAUTH", "BADSIG")

	text, err := json.Marshal(s.component.Stats())
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Zones map[string]Counted }
	if err := json.Unmarshal(text, &got); err != nil || got.Zones["_SERVER_"].Request["tsig"] != 2 || got.Zones["_SERVER_"].Request["badsig"] != 1 {
		t.Errorf("%s: %v", text, err)
	}
}

// TestBadPackets sends what no client should; the server must go on.
func TestBadPackets(t *testing.T) {
	s := run(t, "127.0.0.1")
	good := query("web.example.org", wire.TypeA, 0, 1232, true)
	packets := [][]byte{nil, make([]byte, 12), make([]byte, 4096), make([]byte, 9000)}
	for i := range good {
		packets = append(packets, good[:i])
		for _, b := range []byte{0, 0x3f, 0x40, 0x80, 0xc0, 0xff} {
			bent := append([]byte(nil), good...)
			bent[i] = b
			packets = append(packets, bent)
		}
	}
	addr := fmt.Sprintf("127.0.0.1:%d", s.port)
	udp, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for _, p := range packets {
		udp.Write(p)
		tcp, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		tcp.Write(append([]byte{byte(len(p) >> 8), byte(len(p))}, p...))
		tcp.Close()
	}
	client, err := net.Dial("udp", addr) // the buffer of the other socket is full of answers
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	buf := make([]byte, 4096)
	n := 0
	for try := 0; try < 5 && n == 0; try++ { // the server's buffer may overflow too
		client.SetDeadline(time.Now().Add(time.Second))
		client.Write(good)
		n, err = client.Read(buf)
	}
	if err != nil {
		t.Fatal(err)
	}
	if m, err := wire.ParseMessage(buf[:n]); err != nil || len(m.Answer) != 1 {
		t.Errorf("answer %+v, %v", m, err)
	}
}

// Counted is what the test reads of the statistics.
type Counted struct{ Request map[string]uint64 }

func TestReconfigure(t *testing.T) {
	s := run(t, "127.0.0.1")
	if n := s.sockets.count(); n != 2 {
		t.Fatalf("%d sockets are open, want 2", n)
	}
	// A port in use by somebody else: nothing changes, and the error names the item.
	other, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip(err)
	}
	defer other.Close()
	bad := s.doc("127.0.0.1", "127.0.0.3")
	list := bad[Name]["listen_on"].([]any)
	bad[Name]["listen_on"] = append(list, map[string]any{"address": "127.0.0.2", "port": int64(other.Addr().(*net.TCPAddr).Port)})
	hasty, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // a port in use is tried again for a while
	defer cancel()
	if _, err := s.component.Prepare(hasty, bad); err == nil || !strings.Contains(err.Error(), "Auth/listen_on[2]") {
		t.Errorf("a port in use gave %v", err)
	}
	if n := s.sockets.count(); n != 2 {
		t.Errorf("after a refusal %d sockets are open, want 2", n)
	}
	s.expect("@127.0.0.1 web.example.org A", "192.0.2.80")

	// A change that is given up.
	change, err := s.component.Prepare(t.Context(), s.doc("127.0.0.1", "127.0.0.3"))
	if err != nil {
		t.Fatal(err)
	}
	change.Discard()
	if n := s.sockets.count(); n != 2 {
		t.Errorf("after giving up %d sockets are open, want 2", n)
	}

	// From one address to another, with other zones.
	s.write("example.net", strings.ReplaceAll(exampleZone, "192.0.2.80", "192.0.2.81"))
	doc := s.doc("127.0.0.3")
	classes := doc[authority.DataSourcesModule]["classes"].(map[string]any)
	classes["IN"].([]any)[0].(map[string]any)["params"] = map[string]any{"example.net": filepath.Join(s.dir, "example.net")}
	if change, err = s.component.Prepare(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	s.expect("@127.0.0.1 web.example.org A", "192.0.2.80")
	change.Apply()
	s.expect("@127.0.0.3 web.example.net A", "192.0.2.81")
	s.expect("@127.0.0.3 web.example.org A", "status: REFUSED")
	if n := s.sockets.count(); n != 2 {
		t.Errorf("after the change %d sockets are open, want 2", n)
	}
	if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port)); err == nil {
		conn.Close()
		t.Error("the old address still listens")
	}

	// A master file that does not exist is refused when it is configured.
	doc = s.doc("127.0.0.3")
	os.Remove(filepath.Join(s.dir, "example.org"))
	if _, err := s.component.Prepare(t.Context(), doc); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gave %v", err)
	}
}

// TestBrokenDatabase: a database that cannot be opened keeps nothing else from being served when the server starts, and
// is a reason to refuse a new configuration.
func TestBrokenDatabase(t *testing.T) {
	add := func(s *suite, doc schema.Document, file string) {
		classes := doc[authority.DataSourcesModule]["classes"].(map[string]any)
		classes["IN"] = append(classes["IN"].([]any), map[string]any{"type": "sqlite3", "name": file,
			"params": map[string]any{"database_file": filepath.Join(s.dir, file)}})
	}
	s := runWith(t, func(s *suite, doc schema.Document) {
		s.write("no-database", strings.Repeat("text ", 1000))
		add(s, doc, "no-database")
	}, "127.0.0.1")
	s.expect("@127.0.0.1 web.example.org A", "192.0.2.80")
	s.expect("@127.0.0.1 www.example.com A", "status: REFUSED")
	doc := s.doc("127.0.0.1")
	add(s, doc, "no/such/file")
	if _, err := s.component.Prepare(t.Context(), doc); err == nil || !strings.Contains(err.Error(), "no/such/file") {
		t.Errorf("got %v", err)
	}
	s.expect("@127.0.0.1 web.example.org A", "192.0.2.80")
}

// An address that the machine does not have keeps no other from answering. A change to one is taken for a mistake, unless
// it is said to be none.
func TestMissingAddress(t *testing.T) {
	const absent = "192.0.2.77" // of a network for documentation
	s := run(t, "127.0.0.1", absent)
	s.expect("@127.0.0.1 web.example.org A", "192.0.2.80")
	doc := s.doc("127.0.0.1", "192.0.2.78")
	if _, err := s.component.Prepare(t.Context(), doc); err == nil || !strings.Contains(err.Error(), "Auth/listen_on[1]: bind udp 192.0.2.78:") {
		t.Errorf("a change to an address that is not there: %v", err)
	}
	doc[Name]["freebind"] = true
	change, err := s.component.Prepare(t.Context(), doc)
	if err != nil {
		t.Fatal(err)
	}
	change.Apply()
	s.expect("@127.0.0.1 web.example.org A", "192.0.2.80")
	if n := s.sockets.count(); n != 4 {
		t.Errorf("%d sockets are open, want 4", n)
	}
}

func TestLoadzone(t *testing.T) {
	s := run(t, "127.0.0.1")
	for _, bad := range []map[string]string{{"class": "XX", "origin": "example.org"}, {"class": "IN", "origin": "a..b"}, {"class": "IN", "origin": ""},
		{"class": "IN", "origin": "nosuch.example"}, {"class": "CH", "origin": "example.org"}} {
		if _, err := s.call("loadzone", bad); err == nil {
			t.Errorf("loadzone %v was taken", bad)
		}
	}
	s.write("example.org", strings.ReplaceAll(exampleZone, "192.0.2.80", "192.0.2.81"))
	c := s.component.(*component)
	before := c.authority.Catalog().Get(wire.ClassIN, wire.MustParseName("example.org")).Version()
	if _, err := s.call("loadzone", map[string]string{"class": "IN", "origin": "example.org"}); err != nil {
		t.Fatal(err)
	}
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for c.authority.Catalog().Get(wire.ClassIN, wire.MustParseName("example.org")).Version() == before {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("the zone is not loaded")
		}
	}
	s.expect("@127.0.0.1 web.example.org A", "192.0.2.81")
	// Who puts names of leases into zones hears of it, and at the start of all zones.
	serial := c.authority.Catalog().Get(wire.ClassIN, wire.MustParseName("example.org")).Version().Serial()
	s.events.await(t, `zone_loaded {"origin":".","serial":0}`)
	s.events.await(t, fmt.Sprintf(`zone_loaded {"origin":"example.org.","class":"IN","serial":%d}`, serial))
}

// The command reload loads what has changed.
func TestReload(t *testing.T) {
	s := run(t, "127.0.0.1")
	s.write("example.org", strings.ReplaceAll(exampleZone, "192.0.2.80", "192.0.2.81"))
	if _, err := s.call("reload", nil); err != nil {
		t.Fatal(err)
	}
	s.events.await(t, fmt.Sprintf(`zone_loaded {"origin":"example.org.","class":"IN","serial":%d}`, exampleSerial(t, s)))
	s.expect("@127.0.0.1 web.example.org A", "192.0.2.81")
}

// TestZoneStatus: what is served, what is not, and what is not as it is stored.
func TestZoneStatus(t *testing.T) {
	s := run(t, "127.0.0.1")
	status := func(args map[string]string) string {
		t.Helper()
		got, err := s.call("zonestatus", args)
		if err != nil {
			return err.Error()
		}
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	serial := exampleSerial(t, s)
	if got, want := status(map[string]string{"origin": "Example.ORG"}), fmt.Sprintf(`{"state":"served","serial":%d,"records":`, serial); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, `,"source":"MasterFiles"}`) {
		t.Errorf("one zone: %s, want %s…", got, want)
	}
	s.write("example.org", "@ SOA")
	c := s.component.(*component)
	if err := c.authority.Reload(t.Context(), wire.ClassIN, wire.MustParseName("example.org")); err == nil {
		t.Fatal("a broken file was loaded")
	}
	for args, want := range map[string]string{
		"example.org":    fmt.Sprintf(`{"state":"stale","serial":%d,`, serial),
		"broken.example": `{"state":"failed","source":"MasterFiles","reason":"the zone is not valid: `,
		"nosuch.example": "zonestatus: nosuch.example./IN: zone is not served here",
		"a..b":           `zonestatus: bad domain name "a..b"`,
	} {
		if got := status(map[string]string{"origin": args}); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s…", args, got, want)
		}
	}
	all := status(nil)
	for _, want := range []string{`"stale":1,"failed":1,"omitted":0`, `"example.org.":{"state":"stale"`, `"broken.example.":{"state":"failed"`} {
		if !strings.Contains(all, want) {
			t.Errorf("all zones: %s, want %s", all, want)
		}
	}
}

// Of very many zones those with trouble are listed.
func TestZoneStatusOfManyZones(t *testing.T) {
	zones := make([]authority.ZoneStatus, maxListedZones+10)
	for i := range zones {
		zones[i] = authority.ZoneStatus{Class: wire.ClassIN, Origin: wire.MustParseName(fmt.Sprint("z", i)), Served: true}
	}
	last := &zones[len(zones)-1]
	last.Served, last.Err = false, errors.New("gone")
	list := listZones(zones)
	if n := len(list.Zones["IN"]); n != maxListedZones || list.Omitted != 10 || list.Failed != 1 || list.Served != len(zones)-1 {
		t.Errorf("%d listed, %d omitted, %d failed, %d served", n, list.Omitted, list.Failed, list.Served)
	}
	if list.Zones["IN"][last.Origin.String()].Reason != "gone" {
		t.Error("the zone with trouble is left out")
	}
}

func exampleSerial(t *testing.T, s *suite) zone.Serial {
	t.Helper()
	return s.component.(*component).authority.Catalog().Get(wire.ClassIN, wire.MustParseName("example.org")).Version().Serial()
}

// events is a bus that remembers what was published.
type events struct {
	mu        sync.Mutex
	published []string
}

func (e *events) Call(context.Context, string, string, any, any) error {
	return errors.New("not in this test")
}
func (e *events) Subscribe(string, func(json.RawMessage)) func() { return func() {} }
func (e *events) Publish(event string, params any) error {
	text, err := json.Marshal(params)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.published = append(e.published, event+" "+string(text))
	return err
}

func (e *events) await(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; {
		e.mu.Lock()
		all := slices.Clone(e.published)
		e.mu.Unlock()
		if slices.Contains(all, want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no event %s; there are %q", want, all)
		}
	}
}

func (s *suite) call(command string, args map[string]string) (any, error) {
	raw := map[string]json.RawMessage{}
	for k, v := range args {
		raw[k], _ = json.Marshal(v)
	}
	return s.component.Call(s.t.Context(), command, raw)
}

func TestCheck(t *testing.T) {
	d := Descriptor(paths.Below(t.TempDir()), authority.New("0"))
	if errs := d.Check(schema.Document{}); len(errs) > 0 {
		t.Errorf("the default is refused: %v", errs)
	}
	errs := d.Check(schema.Document{Name: {"listen_on": []any{
		map[string]any{"address": "localhost", "port": int64(53)},
		map[string]any{"address": "192.0.2.1", "port": int64(53)},
		map[string]any{"address": "192.0.2.1", "port": int64(53)},
	}}})
	want := []string{`Auth/listen_on[0]/address: "localhost" is not an IP address`, "Auth/listen_on[2]: 192.0.2.1:53 stands twice"}
	if len(errs) != len(want) || errs[0].Error() != want[0] || errs[1].Error() != want[1] {
		t.Errorf("got %v, want %v", errs, want)
	}
	s, err := decode(d.Spec, schema.Document{})
	if err != nil || s.policy.streams.Receive != 5*time.Second || len(s.listen) != 2 || s.listen[0] != netip.MustParseAddrPort("[::]:53") {
		t.Errorf("defaults: %+v, %v", s, err)
	}
}

// The specification must offer what users know: items, commands and statistics of the published description.
func TestSpecification(t *testing.T) {
	text, err := os.ReadFile("../../../../shared/spec/config-schema/Auth.json")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the published description is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var known struct {
		Commands   []struct{ Name string }
		Statistics []struct{ Path string }
	}
	if err := json.Unmarshal(text, &known); err != nil {
		t.Fatal(err)
	}
	m := Descriptor(paths.Below(t.TempDir()), authority.New("0")).Spec
	for _, c := range known.Commands {
		if m.FindCommand(c.Name) == nil {
			t.Errorf("no command %s", c.Name)
		}
	}
	have := map[string]bool{}
	for _, d := range definitions() {
		have[strings.Replace(d.Path, "<_SERVER_>", "<name>", 1)] = true
	}
	for _, s := range known.Statistics {
		if s.Path != "zones" && !have[s.Path] {
			t.Errorf("no statistics item %s", s.Path)
		}
	}
	seen := map[string]bool{}
	for _, msg := range Messages() {
		if seen[msg.ID()] {
			t.Errorf("message %s stands twice", msg.ID())
		}
		seen[msg.ID()] = true
	}
}
