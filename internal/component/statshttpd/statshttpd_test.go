package statshttpd

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

type results struct {
	Success int `json:"success"`
}

type kinds struct {
	A results `json:"A"`
}

type totals struct {
	V4 kinds `json:"v4"`
}

type items struct {
	Count int `json:"count" help:"a \\ and\na line"`
	Zones map[string]struct {
		Queries int `json:"queries"`
	} `json:"zones"`
	Updates totals `json:"dhcp_ddns_updates_total"`
	Error   string `json:"dhcp_ddns_last_error"`
}

type fakeBus struct {
	silent bool
	shown  int
}

func (b *fakeBus) Call(ctx context.Context, to, _ string, _, result any) error {
	var v any = map[string]*schema.Module{"DhcpDdns": schema.New("DhcpDdns", "", nil, paths.Default()).Statistic(items{})}
	if to == "Stats" {
		if b.silent {
			<-ctx.Done()
			return ctx.Err()
		}
		b.shown++
		v = map[string]any{"DhcpDdns": map[string]any{
			"count": 3, "zones": map[string]any{"a\"\n} 1\\": map[string]any{"queries": 5}},
			"dhcp_ddns_updates_total": map[string]any{"v4": map[string]any{"A": map[string]any{"success": 7}}},
			"dhcp_ddns_last_error":    "secret.example. refused",
		}}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, result)
}

func (*fakeBus) Publish(string, any) error                      { return nil }
func (*fakeBus) Subscribe(string, func(json.RawMessage)) func() { return func() {} }

func get(t *testing.T, c *component) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	c.server.Handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w
}

func start(t *testing.T, b *fakeBus) *component {
	t.Helper()
	made, err := Descriptor(paths.Default()).New(schema.Document{}, module.Deps{Bus: b})
	if err != nil {
		t.Fatal(err)
	}
	return made.(*component)
}

func TestMetrics(t *testing.T) {
	b := &fakeBus{}
	c := start(t, b)
	w := get(t, c)
	text := w.Body.String()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	got, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if v := got["bundy_dhcpddns_count"].GetMetric()[0].GetGauge().GetValue(); v != 3 {
		t.Errorf("count is %v", v)
	}
	if l := got["bundy_dhcpddns_zones_queries"].GetMetric()[0].GetLabel()[0].GetValue(); l != "a\"\n} 1\\" {
		t.Errorf("the hostile name came back as %q", l)
	}
	if want := `dhcp_ddns_updates_total{family="v4",type="A",result="success"} 7`; !bytes.Contains([]byte(text), []byte(want)) {
		t.Errorf("no %s in\n%s", want, text)
	}
	if bytes.Contains([]byte(text), []byte("secret")) || got["dhcp_ddns_last_error"].GetMetric()[0].GetGauge().GetValue() != 1 {
		t.Errorf("last error shown as\n%s", text)
	}
	if get(t, c); b.shown != 1 {
		t.Errorf("Stats was asked %d times within a second", b.shown)
	}
}

func TestSilentStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if w := get(t, start(t, &fakeBus{silent: true})); w.Code != 503 {
			t.Errorf("status %d", w.Code)
		}
	})
}

// TestDefaults: an element that leaves out its address or port has the default.
func TestDefaults(t *testing.T) {
	for _, element := range []map[string]any{{}, {"port": int64(8000)}, {"address": "127.0.0.1"}} {
		doc := schema.Document{name: schema.Section{"listen_on": []any{element}}}
		got, errs := decode(specification(paths.Default()), doc)
		if len(errs) > 0 || len(got) != 1 || got[0].String() != "127.0.0.1:8000" {
			t.Errorf("%v: %v, %v", element, got, errs)
		}
	}
}

// TestTooManyConnections: what is beyond the bound is closed at once, and room comes back.
func TestTooManyConnections(t *testing.T) {
	c := start(t, &fakeBus{})
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{Listener: inner, c: c}
	defer l.Close()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	var accepted []net.Conn
	for range maxConnections {
		dial()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		accepted = append(accepted, conn)
	}
	go func() { // ends with the listener
		if conn, err := l.Accept(); err == nil {
			conn.Close()
		}
	}()
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("a connection beyond the bound was served")
	}
	if n := c.counters.refused.Load(); n != 1 {
		t.Errorf("%d connections refused", n)
	}
	for _, conn := range accepted {
		conn.Close()
		conn.Close() // twice, as the server may
	}
	if len(c.open) != 0 {
		t.Errorf("%d connections still counted", len(c.open))
	}
}
