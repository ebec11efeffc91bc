package reconfigure

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bundy/internal/dhcp/packet6"
)

func TestSecretIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	first, err := LoadSecret(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadSecret(path)
	if err != nil || *again != *first {
		t.Errorf("after a restart: %v", err)
	}
	if first.Key("one") == first.Key("two") || first.Key("one") != again.Key("one") {
		t.Error("keys do not depend on the client, or not on it alone")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v %v", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("1234\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSecret(path); !errors.Is(err, ErrSecret) || strings.Contains(err.Error(), "1234") {
		t.Errorf("a broken file: %v", err)
	}
	if _, err := LoadSecret(filepath.Join(path, "x")); err == nil {
		t.Error("written into a file")
	}
}

func TestContact(t *testing.T) {
	relay := packet6.Relay{Hops: 1, Link: netip.MustParseAddr("2001:db8::1"), Peer: netip.MustParseAddr("fe80::1")}
	relay.Options = packet6.Options{{Code: packet6.OptInterfaceID, Data: []byte("port7")}, {Code: 37, Data: []byte("remote")}}
	c := Of(&packet6.Packet{Relays: []packet6.Relay{relay}}, "eth0", netip.MustParseAddrPort("[2001:db8::2]:547"))
	for _, before := range []string{"", "null", `{"comment":"a"}`, `{"bundy-reconfigure":{"interface":"old","to":"[fe80::9]:546"},"comment":"a"}`} {
		with, err := c.Note(before)
		if err != nil {
			t.Errorf("%s: %v", before, err)
		}
		got, ok := Noted(with)
		if !ok || got.To != c.To || got.Interface != "eth0" || len(got.Relays) != 1 || string(got.Relays[0].InterfaceID) != "port7" {
			t.Errorf("%s: %+v", before, got)
		}
		want := ""
		if strings.Contains(before, "comment") {
			want = `{"comment":"a"}`
		}
		if got := Forget(with); got != want {
			t.Errorf("%s: without contact %s", before, got)
		}
	}
	for _, bad := range []string{"", "{}", `{"bundy-reconfigure":7}`, `{"bundy-reconfigure":null}`, `{"bundy-reconfigure":{"interface":"x"}}`,
		`{"bundy-reconfigure":{"to":"[fe80::9]:546","relays":[{}]}}`, `"bundy-reconfigure`} {
		if _, ok := Noted(bad); ok {
			t.Errorf("%s is a contact", bad)
		}
	}
	if _, err := c.Note(`["a"]`); err == nil {
		t.Error("noted in a list")
	}
	c.Relays[0].InterfaceID = make([]byte, maxContact)
	if with, err := c.Note(`{"comment":"a"}`); err == nil || with != `{"comment":"a"}` {
		t.Errorf("a contact of any length: %s %v", with, err)
	}
}

func TestSchedule(t *testing.T) {
	begin := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	var s Schedule
	s.Add("a", packet6.Renew, Contact{}, begin)
	s.Add("b", packet6.Renew, Contact{}, begin.Add(time.Second))
	s.Add("a", packet6.Rebind, Contact{}, begin.Add(3*time.Second)) // in place of the first
	var calls []string
	for now := begin; s.Len() > 0; now = now.Add(time.Second) {
		for {
			c, over, ok := s.Next(now)
			if !ok {
				break
			}
			if c.DUID == "a" && c.Ask != packet6.Rebind {
				t.Errorf("%+v", c)
			}
			text := c.DUID + now.Sub(begin).String()
			if over {
				text += " over"
			}
			calls = append(calls, text)
		}
		if now.Sub(begin) == 8*time.Second && !s.Answered("b") {
			t.Error("b is not being called")
		}
	}
	want := "b1s b3s a3s a5s b7s a9s a17s a33s a1m5s a2m9s a4m17s a8m33s over"
	if got := strings.Join(calls, " "); got != want {
		t.Errorf("called at\n%s\ninstead of\n%s", got, want)
	}
	if s.Answered("b") {
		t.Error("b answered twice")
	}
	if _, ok := s.Due(); ok {
		t.Error("something is due")
	}
	if first, second := s.Replay(begin), s.Replay(begin); first >= second || s.Replay(begin.Add(time.Hour)) < uint64(begin.Add(time.Hour).UnixNano()) {
		t.Error("numbers against replay do not grow")
	}
}

func TestCallsAreBounded(t *testing.T) {
	var s Schedule
	for i := range MaxCalls {
		if !s.Add(string([]byte{byte(i), byte(i >> 8), byte(i >> 16)}), packet6.Renew, Contact{}, time.Time{}) {
			t.Fatal(i)
		}
	}
	if s.Add("one more", packet6.Renew, Contact{}, time.Time{}) || s.Len() != MaxCalls {
		t.Error("more than the bound")
	}
}
