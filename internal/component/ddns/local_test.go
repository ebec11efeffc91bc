package ddns

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"bundy/internal/dns/authority"
	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonedb"
)

var reverse = wire.MustParseName("2.0.192.in-addr.arpa")

// addZone puts another zone into a database as bundy-loadzone does.
func addZone(t testing.TB, database string, origin wire.Name) {
	t.Helper()
	db, err := zonedb.Open(database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Replace(t.Context(), origin, wire.ClassIN, records("@ 60 IN SOA ns.example.org. h 7 2 3 4 5\n@ 60 IN NS ns.example.org.", origin)); err != nil {
		t.Fatal(err)
	}
}

// call gives transactions to the command update.
func (s *suite) call(t testing.TB, ts ...update.Transaction) [][]error {
	t.Helper()
	call, err := update.Pack(ts)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(call.Transactions)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Call(t.Context(), "update", map[string]json.RawMessage{"transactions": raw})
	if err != nil {
		t.Fatal(err)
	}
	errs, err := answer.(update.Reply).Errors(ts)
	if err != nil {
		t.Fatal(err)
	}
	return errs
}

func (s *suite) look(t testing.TB, zone, name string, types ...string) update.Sight {
	t.Helper()
	raw := map[string]json.RawMessage{}
	for item, v := range map[string]any{"zone": zone, "name": name, "types": types} {
		raw[item], _ = json.Marshal(v)
	}
	answer, err := s.Call(t.Context(), "look", raw)
	if err != nil {
		t.Fatal(err)
	}
	return answer.(update.Sight)
}

func pair(t testing.TB, host, address string, free bool) update.Transaction {
	octets := strings.Split(address, ".")
	forward := update.Request{Zone: origin, Class: wire.ClassIN, Updates: []wire.RR{rr(t, host+".example.org. 60 IN A "+address)}}
	backward := update.Request{Zone: reverse, Class: wire.ClassIN, Updates: []wire.RR{rr(t, octets[3]+".2.0.192.in-addr.arpa. 60 IN PTR "+host+".example.org.")}}
	if free {
		forward.Prerequisites = []wire.RR{update.NameNotInUse(forward.Updates[0].Name)}
		backward.Prerequisites = []wire.RR{update.NameNotInUse(backward.Updates[0].Name)}
	}
	return update.Transaction{forward, backward}
}

// startWithReverse runs the component with a second zone in the database.
func startWithReverse(t testing.TB) *suite {
	s := start(t, nil)
	addZone(t, s.database, reverse)
	if err := s.authority.Reload(t.Context(), wire.ClassIN, reverse); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTogether changes two zones by the command of the suite: each pair whole or not at all, all of a call in one step of each
// zone, and no list is asked.
func TestTogether(t *testing.T) {
	s := startWithReverse(t)
	gone := update.Transaction{{Zone: wire.MustParseName("example.com"), Class: wire.ClassIN}}
	fromFile := update.Transaction{{Zone: wire.MustParseName("static.example"), Class: wire.ClassIN, Updates: []wire.RR{rr(t, "x.static.example. 60 IN A 192.0.2.1")}}}
	errs := s.call(t, pair(t, "a", "192.0.2.1", true), pair(t, "host", "192.0.2.2", true), pair(t, "b", "192.0.2.1", true), gone, pair(t, "c", "192.0.2.3", true), fromFile)
	var rcodes [][]wire.Rcode
	for _, list := range errs {
		var codes []wire.Rcode
		for _, err := range list {
			if errors.Is(err, update.ErrUntouched) {
				codes = append(codes, 0)
			} else {
				codes = append(codes, update.Rcode(err))
			}
		}
		rcodes = append(rcodes, codes)
	}
	want := [][]wire.Rcode{nil, {wire.RcodeYXDomain, 0}, {0, wire.RcodeYXDomain}, {wire.RcodeNotAuth}, nil, {wire.RcodeServFail}}
	if !slices.EqualFunc(rcodes, want, slices.Equal) {
		t.Errorf("rcodes %v, want %v: %v", rcodes, want, errs)
	}
	for name, there := range map[string]bool{"a.example.org": true, "b.example.org": false, "c.example.org": true} {
		if sight := s.look(t, "", name, "A"); (len(sight.Records) == 1) != there || sight.Zone != "example.org." {
			t.Errorf("%s: %+v", name, sight)
		}
	}
	for name, there := range map[string]bool{"1": true, "2": false, "3": true} {
		if sight := s.look(t, reverse.String(), name+"."+reverse.String(), "PTR", "A"); (len(sight.Records) == 1) != there {
			t.Errorf("%s: %+v", name, sight)
		}
	}
	if sight := s.look(t, "", "example.net", "A"); sight.Rcode != wire.RcodeNotAuth {
		t.Errorf("of no zone: %+v", sight)
	}
	if want := []string{`zone_updated {"origin":"example.org.","class":"IN","serial":8}`, `zone_updated {"origin":"2.0.192.in-addr.arpa.","class":"IN","serial":8}`}; !slices.Equal(s.events.published, want) {
		t.Errorf("events %q", s.events.published)
	}
	for counter, want := range map[int]uint64{requests: 10, applied: 4, unmet: 2, notAuth: 1, failed: 1, denied: 0} {
		if got := s.counters.Value(counter); got != want {
			t.Errorf("counter %s is %d, want %d", definitions()[counter].Path, got, want)
		}
	}
	if s.stored(t); s.log.Count("DDNS_UPDATE_DONE") != 2 {
		t.Errorf("%d changes logged", s.log.Count("DDNS_UPDATE_DONE"))
	}
}

// TestTogetherBesideOthers lets calls of the suite and updates from the network meet: nothing is lost, and nobody waits for ever.
func TestTogetherBesideOthers(t *testing.T) {
	s := startWithReverse(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 10 {
				host := string(rune('a'+i)) + string(rune('a'+n))
				if i%2 == 0 {
					for s.call(t, pair(t, host, "192.0.2.1", false))[0] != nil {
						t.Errorf("%s was refused", host)
					}
				} else if code := s.ask(t, pack(t, update.Request{Updates: []wire.RR{rr(t, host+" 60 IN A 192.0.2.50")}}), true); code != wire.RcodeNoError {
					t.Errorf("%s: %v", host, code)
				}
			}
		})
	}
	all.Wait()
	if n := strings.Count(s.stored(t), " A "); n+strings.Count(s.stored(t), "\tA\t") < 80 {
		t.Errorf("%d addresses stored:\n%s", n, s.stored(t))
	}
}

// TestApart: zones of two databases do not change in one transaction; the caller is told so, and each alone does.
func TestApart(t *testing.T) {
	s := start(t, nil)
	second := filepath.Join(t.TempDir(), "other.sqlite3")
	addZone(t, second, reverse)
	change, err := s.authority.Prepare(t.Context(), []authority.Source{
		{Class: wire.ClassIN, Name: "db", Type: authority.SQLite3, Database: s.database},
		{Class: wire.ClassIN, Name: "other", Type: authority.SQLite3, Database: second},
	})
	if err != nil {
		t.Fatal(err)
	}
	change.Apply()
	both := pair(t, "a", "192.0.2.1", true)
	errs := s.call(t, both, both[:1:1])
	if codes := errs[0]; len(codes) != 2 || update.Rcode(codes[0]) != wire.RcodeNotImp && update.Rcode(codes[1]) != wire.RcodeNotImp || errs[1] != nil {
		t.Errorf("%v", errs)
	}
	if errs := s.call(t, both[1:]); errs[0] != nil {
		t.Errorf("%v", errs)
	}
}

func TestHostileCalls(t *testing.T) {
	s := start(t, nil)
	for _, octets := range [][]byte{{0}, {1}, {1, 0}, {1, 0, 5, 1}, {9, 0, 0}, {1, 0, 1, 7}, []byte(strings.Repeat("\x00", 100))} {
		raw, _ := json.Marshal(octets)
		if answer, err := s.Call(t.Context(), "update", map[string]json.RawMessage{"transactions": raw}); err == nil {
			t.Errorf("%v: %v", octets, answer)
		}
	}
	for _, args := range []string{`{"zone": "a..b", "name": "x", "types": []}`, `{"zone": "", "name": "..", "types": []}`, `{"zone": "", "name": "example.org", "types": ["NONSENSE"]}`} {
		var raw map[string]json.RawMessage
		if err := json.Unmarshal([]byte(args), &raw); err != nil {
			t.Fatal(err)
		}
		if answer, err := s.Call(t.Context(), "look", raw); err == nil {
			t.Errorf("%s: %v", args, answer)
		}
	}
}
