package ddns

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"bundy/internal/dns/client"
	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
)

// TestNSUpdate has the tool of BIND make updates over both transports.
func TestNSUpdate(t *testing.T) {
	tool, err := exec.LookPath("nsupdate")
	if err != nil {
		t.Skipf("nsupdate is not installed: %v", err)
	}
	s := start(t, nil)
	at := s.listen(t)
	run := func(key string, options []string, script string) (string, error) {
		args := append([]string{"-t", "5", "-y", key}, options...)
		cmd := exec.Command(tool, args...)
		cmd.Stdin = strings.NewReader(fmt.Sprintf("server %s %d\nzone example.org\n%s\nsend\n", at.Addr(), at.Port(), script))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	const key = "hmac-sha256:update.key:c2VjcmV0IG9mIHRoZSB0ZXN0"
	for _, c := range []struct {
		name, key string
		options   []string
		script    string
		want      string // in the output; empty for success
	}{
		{"add over UDP", key, nil, "prereq nxdomain new.example.org\nupdate add new.example.org 60 A 192.0.2.77", ""},
		{"again", key, nil, "prereq nxdomain new.example.org\nupdate add new.example.org 60 A 192.0.2.78", "YXDOMAIN"},
		{"add over TCP", key, []string{"-v"}, "prereq yxrrset new.example.org A 192.0.2.77\nupdate add new.example.org 60 TXT \"over TCP\"", ""},
		{"delete", key, nil, "prereq yxdomain host.example.org\nupdate delete host.example.org", ""},
		{"no such value", key, nil, "prereq yxrrset new.example.org A 192.0.2.1\nupdate delete new.example.org", "NXRRSET"},
		{"wrong secret", "hmac-sha256:update.key:Z3Vlc3M=", nil, "update delete new.example.org", "BADSIG"},
		{"unknown key", "hmac-sha256:other.key:Z3Vlc3M=", nil, "update delete new.example.org", "BADKEY"},
	} {
		out, err := run(c.key, c.options, c.script)
		if c.want == "" && (err != nil || out != "") || c.want != "" && (err == nil || !strings.Contains(out, c.want)) {
			t.Errorf("%s: %v\n%s", c.name, err, out)
		}
	}
	stored := s.stored(t)
	for _, want := range []string{"192.0.2.77", "over TCP"} {
		if !strings.Contains(stored, want) {
			t.Errorf("%s is not stored:\n%s", want, stored)
		}
	}
	if strings.Contains(stored, "host.example.org.") {
		t.Errorf("host is still stored:\n%s", stored)
	}
}

// TestOwnClient crosses the suite's client with the component.
func TestOwnClient(t *testing.T) {
	s := start(t, nil)
	at := s.listen(t)
	for i, exchange := range []func() ([]byte, error){
		func() ([]byte, error) {
			return client.Exchange(t.Context(), at, pack(t, update.Request{Updates: []wire.RR{rr(t, "one 60 IN A 192.0.2.1")}}), &s.key)
		},
		func() ([]byte, error) {
			return client.ExchangeTCP(t.Context(), at, pack(t, update.Request{Updates: []wire.RR{rr(t, "two 60 IN A 192.0.2.2")}}), &s.key)
		},
	} {
		reply, err := exchange()
		if err != nil {
			t.Fatal(err)
		}
		if h, err := wire.ParseHeader(reply); err != nil || h.Flags.Rcode() != wire.RcodeNoError {
			t.Errorf("%d: %v, %v", i, h.Flags.Rcode(), err)
		}
	}
	if stored := s.stored(t); !strings.Contains(stored, "one.example.org.") || !strings.Contains(stored, "two.example.org.") {
		t.Errorf("stored:\n%s", stored)
	}
}

// BenchmarkUpdates is signed updates by many clients at once, each on disk before it is answered.
func BenchmarkUpdates(b *testing.B) {
	s := start(b, nil)
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			name := wire.MustParseName(fmt.Sprintf("h%d.example.org", i%1000))
			msg := pack(b, update.Request{Updates: []wire.RR{update.DeleteName(name), rr(b, fmt.Sprintf("%s 60 IN TXT t%d", name, i))}})
			if code := s.ask(b, msg, true); code != wire.RcodeNoError {
				b.Errorf("%v", code)
			}
		}
	})
}
