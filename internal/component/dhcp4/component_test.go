package dhcp4

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bundy/internal/dhcp/packet4"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/sockets"
)

// patience bounds the waits of tests for another goroutine or process.
const patience = 20 * time.Second

func document(t testing.TB, config string) schema.Document {
	t.Helper()
	v, err := schema.Parse([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Document{moduleName: v.(schema.Section)}
}

// start runs the component with sockets of its own; stop ends it in order.
func start(t *testing.T, p paths.Paths, config string) (c module.Component, stop func()) {
	t.Helper()
	keeper := sockets.NewKeeper(nil)
	c, err := Descriptor(p).New(document(t, config), module.Deps{Sockets: keeper.For("dhcp4"), Paths: p})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- c.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		keeper.Close()
	}
	t.Cleanup(stop)
	return c, stop
}

// relay is a relay agent on the loopback interface that wants answers at its own port (RFC 8357).
type relay struct {
	*testing.T
	conn *net.UDPConn
}

func newRelay(t *testing.T, port int) relay {
	conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return relay{t, conn}
}

func (r relay) exchange(kind packet4.Type, parts ...string) *packet4.Message {
	r.Helper()
	m := message(r, kind, append(parts, "giaddr=127.0.0.2", "82=1300")...)
	b, _ := m.Append(nil, 1472)
	if _, err := r.conn.Write(b); err != nil {
		r.Fatal(err)
	}
	if kind == packet4.Release {
		return nil
	}
	if err := r.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		r.Fatal(err)
	}
	b = make([]byte, 2048)
	n, err := r.conn.Read(b)
	if err != nil {
		r.Fatal(err)
	}
	answer, err := packet4.Parse(b[:n])
	if err != nil {
		r.Fatal(err)
	}
	return &answer
}

// freePort finds a UDP port that nobody uses, below those that the system gives to clients.
func freePort(t *testing.T) int {
	for range 50 {
		port := 10000 + rand.IntN(22000)
		if c, err := net.ListenPacket("udp4", fmt.Sprintf(":%d", port)); err == nil {
			c.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func leaseFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestLoopback takes relayed exchanges through the whole component: sockets, lease file, change of the configuration,
// restart.
func TestLoopback(t *testing.T) {
	dir := t.TempDir()
	port := freePort(t)
	config := func(more string) string {
		return fmt.Sprintf(`{"interfaces": ["lo"], "server-port": %d, "client-port": %d,
			"subnet4": [{"subnet": "127.0.0.0/8", "pool": ["127.1.0.1 - 127.1.0.9"]}]%s}`, port, port, more)
	}
	c, stop := start(t, paths.Below(dir), config(""))
	r := newRelay(t, port)
	offer := r.exchange(packet4.Discover, "host=pc1")
	if offer.Type() != packet4.Offer || offer.YIAddr != addr("127.1.0.1") {
		t.Fatalf("answer %v %v", offer.Type(), offer.YIAddr)
	}
	ack := r.exchange(packet4.Request, "host=pc1", "want=127.1.0.1", "server=127.0.0.1")
	if ack.Type() != packet4.ACK {
		t.Fatalf("answer %v", ack.Type())
	}
	first := filepath.Join(dir, leaseFileName)
	if text := leaseFile(t, first); !strings.Contains(text, "127.1.0.1,02:00:00:00:00:01") {
		t.Errorf("acknowledged and not in the lease file:\n%s", text)
	}

	second := filepath.Join(dir, "other.csv")
	change, err := c.Prepare(t.Context(), document(t, config(`,"lease-database": {"name": "`+second+`"}`)))
	if err != nil {
		t.Fatal(err)
	}
	change.Discard()
	if r.exchange(packet4.Request, "want=127.1.0.1").Type() != packet4.ACK {
		t.Error("the lease is unknown after a change was discarded")
	}
	change, err = c.Prepare(t.Context(), document(t, config(`,"authoritative": true, "lease-database": {"name": "`+second+`"}`)))
	if err != nil {
		t.Fatal(err)
	}
	change.Apply()
	if r.exchange(packet4.Request, "want=127.2.0.1").Type() != packet4.NAK {
		t.Error("the new configuration is not in use")
	}
	if ack := r.exchange(packet4.Request, "mac=020000000002", "want=127.1.0.1", "server=127.0.0.1"); ack.Type() != packet4.ACK {
		t.Errorf("answer %v with an empty lease file", ack.Type())
	}
	if !strings.Contains(leaseFile(t, second), "127.1.0.1,02:00:00:00:00:02") {
		t.Error("not in the new lease file")
	}
	if _, err := c.Prepare(t.Context(), document(t, config(`,"lease-database": {"name": "`+dir+`/none/x.csv"}`))); err == nil ||
		!strings.HasPrefix(err.Error(), "Dhcp4/lease-database/name: ") {
		t.Errorf("error %v for a lease file that cannot be made", err)
	}
	if got := c.Stats()["pkt4-nak-sent"]; got != uint64(1) {
		t.Errorf("%v NAKs counted", got)
	}
	if _, err := c.Call(t.Context(), "libreload", map[string]json.RawMessage{}); err != nil {
		t.Error(err)
	}
	stop()

	start(t, paths.Below(dir), config("")) // the first file again
	if ack := r.exchange(packet4.Request, "want=127.1.0.1"); ack.Type() != packet4.ACK || ack.YIAddr != addr("127.1.0.1") {
		t.Errorf("answer %v %v after a restart", ack.Type(), ack.YIAddr)
	}
}

// TestNameChangeRequests receives what the DHCP-DDNS server would.
func TestNameChangeRequests(t *testing.T) {
	d2, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer d2.Close()
	port := freePort(t)
	start(t, paths.Below(t.TempDir()), fmt.Sprintf(`{"interfaces": ["lo"], "server-port": %d, "client-port": %d,
		"dhcp-ddns": {"enable-updates": true, "server-port": %d, "qualifying-suffix": "lab.test"},
		"subnet4": [{"subnet": "127.0.0.0/8", "pool": ["127.1.0.1 - 127.1.0.9"], "valid-lifetime": 1}]}`,
		port, port, d2.LocalAddr().(*net.UDPAddr).Port))
	newRelay(t, port).exchange(packet4.Request, "host=pc1", "want=127.1.0.1", "server=127.0.0.1")
	for _, want := range []string{`"change_type":0`, `"change_type":1`} { // the lease ends a second later
		if err := d2.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		var b [1500]byte
		n, err := d2.Read(b[:])
		if err != nil {
			t.Fatal(err)
		}
		if text := string(b[2:n]); !strings.Contains(text, want) || !strings.Contains(text, `"fqdn":"pc1.lab.test."`) {
			t.Errorf("request %s", text)
		}
	}
}
