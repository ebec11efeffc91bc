package tsig

import (
	"encoding/base64"
	"encoding/hex"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"bundy/internal/dns/wire"
)

// TestOracle crosses every algorithm that the other implementation has, in both roles.
func TestOracle(t *testing.T) {
	clock := time.Now() // the oracle reads the clock itself
	text := base64.StdEncoding.EncodeToString(secret)
	for _, algorithm := range algorithms()[1:] { // it refuses HMAC-MD5, which TestDig crosses
		key := testKey(t, algorithm)

		m := new(dns.Msg).SetQuestion("www.example.org.", dns.TypeA)
		m.SetTsig(keyName.String(), algorithm+".", Fudge, clock.Unix())
		request, mac, err := dns.TsigGenerate(m, text, "", false)
		if err != nil {
			t.Fatal(err)
		}
		_, server, err := testRing(t, key).Verify(request, clock)
		if err != nil {
			t.Errorf("%s: its request: %v", algorithm, err)
			continue
		}
		reply, err := server.Sign(response(request), clock)
		if err != nil {
			t.Fatal(err)
		}
		if err := dns.TsigVerify(reply, text, mac, false); err != nil {
			t.Errorf("%s: our response: %v", algorithm, err)
		}

		ours, client, err := SignRequest(append([]byte(nil), testQuery...), key, clock)
		if err != nil {
			t.Fatal(err)
		}
		if err := dns.TsigVerify(append([]byte(nil), ours...), text, "", false); err != nil {
			t.Errorf("%s: our request: %v", algorithm, err)
		}
		answer := new(dns.Msg)
		if err := answer.Unpack(response(ours)); err != nil {
			t.Fatal(err)
		}
		answer.SetTsig(keyName.String(), algorithm+".", Fudge, clock.Unix())
		its, _, err := dns.TsigGenerate(answer, text, hex.EncodeToString(client.requestMAC), false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.VerifyResponse(its, clock); err != nil {
			t.Errorf("%s: its response: %v", algorithm, err)
		}
	}
}

// TestDig has dig sign queries and check the signatures of our responses.
func TestDig(t *testing.T) {
	dig, err := exec.LookPath("dig")
	if err != nil {
		t.Skipf("dig is not installed: %v", err)
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	keys := make([]Key, 0, len(algorithms()))
	for _, algorithm := range algorithms() {
		k := testKey(t, algorithm)
		k.Name = wire.MustParseName(algorithm + ".key")
		keys = append(keys, k)
	}
	ring := testRing(t, keys...)
	go func() {
		buf := make([]byte, wire.MaxMessage)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			body, s, err := ring.Verify(buf[:n], time.Now())
			if s == nil {
				continue
			}
			out := append([]byte(nil), buf[:12]...)
			clear(out[4:])
			if err == nil {
				out = body[:12]
				clear(out[6:])
				end, _ := skipName(body, 12)
				out = body[:end+4]
			} else {
				out[3] = byte(wire.RcodeNotAuth)
			}
			out[2] |= 0x80
			if out, err = s.Sign(out, time.Now()); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	_, port, _ := net.SplitHostPort(conn.LocalAddr().String())
	run := func(key string) string {
		out, err := exec.Command(dig, "@127.0.0.1", "-p", port, "+tries=1", "+time=3", "-y", key, "www.example.org", "A").CombinedOutput()
		if err != nil {
			t.Errorf("dig -y %s: %v\n%s", key, err, out)
		}
		return string(out)
	}
	text := base64.StdEncoding.EncodeToString(secret)
	for _, algorithm := range algorithms() {
		out := run(algorithm + ":" + algorithm + ".key:" + text)
		if !strings.Contains(out, "status: NOERROR") || strings.Contains(out, "Couldn't verify") {
			t.Errorf("%s:\n%s", algorithm, out)
		}
	}
	if out := run("hmac-sha256:hmac-sha256.key:Z3Vlc3M="); !strings.Contains(out, "BADSIG") {
		t.Errorf("wrong secret:\n%s", out)
	}
	if out := run("hmac-sha256:nobody:" + text); !strings.Contains(out, "BADKEY") {
		t.Errorf("unknown key:\n%s", out)
	}
}
