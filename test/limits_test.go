package test

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

// TestRateLimitHoldsAFlood sends a flood of one question, as an attacker does in somebody's name: what comes back is what
// the limit says, while another network, clients with cookies and those over TCP are answered; dig gets its answer in
// spite of the limit, by a truncated one; and the counters tell.
func TestRateLimitHoldsAFlood(t *testing.T) {
	t.Parallel()
	const limit, slip, rate, length = 20, 2, 4000, 2 * time.Second
	s := newSuite(t, "grouped")
	s.loadZones()
	s.start()
	s.script(s.dnsScript() + fmt.Sprintf("config set Auth/rate_limit/responses_per_second %d\nconfig set Auth/rate_limit/slip %d\nconfig commit\n", limit, slip))
	at := netip.AddrPortFrom(s.address, s.dns)
	eventually(t, 5*time.Second, "the zone is served", func() bool { return s.lookup("ns.lab.example") != "" })

	flooded := make(chan blasted)
	go func() {
		r, err := blastFrom(netip.MustParseAddr("127.0.0.1"), at, flood(t), length, rate)
		if err != nil {
			t.Error(err)
		}
		flooded <- r
	}()
	for range limit { // of another network, within its limit
		conn, err := net.DialUDP("udp", &net.UDPAddr{IP: s.address.AsSlice()}, net.UDPAddrFromAddrPort(at))
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(busy * time.Second))
		conn.Write(question(t, 9, wire.MustParseName("ns.lab.example"), wire.TypeA))
		if n, err := conn.Read(make([]byte, 512)); err != nil || n < 40 {
			t.Fatalf("another network has %d octets of an answer: %v", n, err)
		}
		conn.Close()
		<-time.After(length / limit / 2)
	}
	if m := ask(at, question(t, 3, wire.MustParseName("ns.lab.example"), wire.TypeA), true); m == nil || len(m.Answer) != 1 {
		t.Errorf("over TCP: %+v", m)
	}
	known, _, err := askWithCookie(t, at, []byte("a client"))
	for err != nil { // dropped, for who has no cookie yet is limited
		known, _, err = askWithCookie(t, at, []byte("a client"))
	}
	for range 2 * limit {
		if _, rcode, err := askWithCookie(t, at, known); err != nil || rcode != wire.RcodeNoError {
			t.Fatalf("a client with a cookie: %s, %v", rcode, err)
		}
	}
	if out := s.digAll("+nocookie", "+tries=9", "+time=1", "-b", "127.0.0.1", "ns.lab.example", "A"); !strings.Contains(out, "192.0.2.1") {
		t.Errorf("dig: %s", out)
	}
	r := <-flooded
	whole := r.answered - r.truncated
	held := r.sent - whole
	// Who goes on asking has the credit of the first second, and no more.
	if whole > limit || whole < limit/2 || math.Abs(float64(r.truncated)*slip-float64(held)) > float64(held)/10 {
		t.Errorf("of %d questions %d are answered whole and %d truncated", r.sent, whole, r.truncated)
	}
	var stats struct {
		Zones map[string]struct {
			Dropped   int `json:"ratedropped"`
			Truncated int `json:"ratetruncated"`
		}
	}
	out := s.ctl("Auth", "getstats")
	if err := json.Unmarshal([]byte(out), &stats); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if n := stats.Zones["_SERVER_"]; n.Truncated < r.truncated || n.Dropped < r.lost || n.Dropped > r.lost+100 {
		t.Errorf("counted %+v, the client %+v", n, r)
	}
	t.Logf("of %d questions %d are answered whole and %d truncated", r.sent, whole, r.truncated)
}

// flood is one question.
func flood(t *testing.T) *questions {
	q := &questions{}
	for range blastBatch {
		q.add(t, wire.MustParseName("ns.lab.example"), wire.TypeA, false)
	}
	return q
}
