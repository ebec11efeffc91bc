package test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bundy/internal/dns/loadzone"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonefile"
	"bundy/internal/suite/paths"
)

// recorded is a zone with questions and the answers that other servers gave.
type recorded struct {
	ID      int
	Zone    string
	Queries []struct {
		Name, Type, Tag string
		Accepted        []struct {
			Rcode             string
			AA                bool
			Answer, Authority []string
		}
	}
}

func readRecorded(t *testing.T) []recorded {
	t.Helper()
	f, err := os.Open("../../shared/conformance/dns-answers.jsonl.gz")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the recorded answers are not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []recorded
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c recorded
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// memoryDir gives a folder in memory, if there is one, for thousands of transactions that no crash must survive.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "bundy-test")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

var absoluteName = regexp.MustCompile(`([^\s"]+\.)(\s|$)`)

// below puts a label behind every absolute name in text, so that many zones can have the same names.
func below(text, label string) string {
	return absoluteName.ReplaceAllString(text, "${1}"+label+".${2}")
}

// TestConformance asks the suite all recorded questions, of zones from master files and of the same zones from a
// database that bundy-loadzone filled, which is in memory and then is not: the answers are among the recorded ones, and all
// three give the same.
func TestConformance(t *testing.T) {
	t.Parallel()
	cases := readRecorded(t)
	if raceEnabled { // all of them are asked without it, and in package zone
		rand.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
		cases = cases[:len(cases)/5]
	}
	s := newSuite(t, "grouped")
	zones := filepath.Join(s.dir, "zones")
	if err := os.Mkdir(zones, 0o755); err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(memoryDir(t), "zone.sqlite3")
	label := func(source string, c recorded) string { return fmt.Sprintf("%s%d", source, c.ID) }
	params := map[string]string{}
	work := make(chan [2]string, len(cases))
	for _, c := range cases {
		for _, source := range []string{"m", "s"} {
			text, origin := "", ""
			for line := range strings.Lines(c.Zone) {
				line = below(strings.TrimSpace(line), label(source, c))
				if text += line + "\n"; strings.Contains(line, " IN SOA ") {
					origin, _, _ = strings.Cut(line, " ")
				}
			}
			file := filepath.Join(zones, label(source, c))
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if source == "m" {
				params[origin] = file
			} else {
				work <- [2]string{origin, file}
			}
		}
	}
	close(work)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for w := range work {
				var told strings.Builder
				config := fmt.Sprintf(`{"database_file": %q}`, database)
				if loadzone.Main([]string{"-i", "0", "-c", config, w[0], w[1]}, nil, io.Discard, &told, paths.Below(s.dir), nil) != 0 {
					t.Errorf("bundy-loadzone %s: %s", w[0], told.String())
				}
			}
		})
	}
	all.Wait()

	files, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	s.write("bundy-config.db", fmt.Sprintf(`{"version": 4, "Init": {"components": {"bundy-auth": {"special": "auth", "kind": "dispensable"}, "bundy-cmdctl": {"special": "cmdctl", "kind": "needed"}}},
"Auth": {"listen_on": [{"address": %q, "port": %d}]}, "data_sources": {"classes": {"IN": [
{"type": "MasterFiles", "cache-enable": true, "params": %s}, {"type": "sqlite3", "params": {"database_file": %q}}]}}}`, s.address, s.dns, files, database))
	s.start()
	at := netip.AddrPortFrom(s.address, s.dns)
	last := question(t, 1, wire.MustParseName(label("s", cases[0])), wire.TypeSOA)
	eventually(t, 30*time.Second, "the zones are served", func() bool { return ask(at, last, false) != nil })
	asked := 0
	fromFiles := map[string]string{}
	askAll := func(sources ...string) {
		for _, c := range cases {
			for _, q := range c.Queries {
				for _, source := range sources {
					l := label(source, c)
					typ, err := wire.ParseType(q.Type)
					if err != nil {
						t.Fatal(err)
					}
					asked++
					m := ask(at, question(t, 1, wire.MustParseName(below(q.Name, l)), typ), false)
					if m == nil {
						t.Errorf("case %d from %s: no answer", c.ID, source)
						continue
					}
					soa := below(strings.SplitN(c.Zone, "\n", 2)[0], l)
					apex, _, _ := strings.Cut(soa, " ")
					answer, authority := sorted(m.Answer, ""), sorted(m.Authority, "")
					got := fmt.Sprint(m.Header.Flags.Rcode(), m.Header.Flags&wire.FlagAA != 0, unlabelled(answer, l), unlabelled(authority, l))
					right := slices.ContainsFunc(q.Accepted, func(want struct {
						Rcode             string
						AA                bool
						Answer, Authority []string
					}) bool {
						wanted := recordsOf(t, want.Answer, l)
						if m.Header.Flags.Rcode().String() != want.Rcode || (m.Header.Flags&wire.FlagAA != 0) != want.AA || !slices.Equal(answer, sorted(wanted, "")) {
							return false
						}
						ns := recordsOf(t, want.Authority, l)
						return slices.Equal(authority, sorted(ns, "")) || len(wanted) > 0 && slices.Equal(sorted(m.Authority, apex), sorted(ns, apex))
					})
					if !right {
						t.Errorf("case %d (%s) from %s: %s %s\n%s\ngot %s\nwant one of %+v", c.ID, q.Tag, source, q.Name, q.Type, c.Zone, got, q.Accepted)
					}
					same := fmt.Sprint(c.ID, " ", q.Name, " ", q.Type)
					if source == "m" {
						fromFiles[same] = got
					} else if got != fromFiles[same] {
						t.Errorf("case %d (%s) %s %s\nfrom the file:     %s\nfrom the database: %s", c.ID, q.Tag, q.Name, q.Type, fromFiles[same], got)
					}
				}
			}
		}
	}
	askAll("m", "s")
	// The files are left with the same commit, which tells when the database is answered from.
	s.script(fmt.Sprintf("config set data_sources/classes/IN [{\"type\": \"sqlite3\", \"cache-enable\": false, \"params\": {\"database_file\": %q}}]\nconfig commit\n", database))
	left := question(t, 1, wire.MustParseName(label("m", cases[0])), wire.TypeSOA)
	eventually(t, 30*time.Second, "the files are left", func() bool {
		m := ask(at, left, false)
		return m != nil && m.Header.Flags.Rcode() == wire.RcodeRefused
	})
	askAll("s")
	t.Logf("%d zones, %d questions", 2*len(cases), asked)
}

func recordsOf(t *testing.T, lines []string, label string) []wire.RR {
	t.Helper()
	var all []wire.RR
	for _, l := range lines {
		rr, err := zonefile.ParseRR(below(l, label), wire.MustParseName("."))
		if err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		all = append(all, rr)
	}
	return all
}

// unlabelled takes the label of a case out of records.
func unlabelled(records []string, label string) []string {
	var all []string
	for _, r := range records {
		all = append(all, strings.ReplaceAll(r, label+".", ""))
	}
	slices.Sort(all)
	return all
}

// sorted gives records in one comparable form: sorted, in lower case, without repetition, and without the NS records of
// the apex, if it is given.
func sorted(records []wire.RR, apex string) []string {
	var all []string
	for _, rr := range records {
		rr.Name = rr.Name.Lower()
		if rr.Type == wire.TypeNS && rr.Name.String() == apex {
			continue
		}
		all = append(all, strings.ToLower(zonefile.FormatRR(rr)))
	}
	slices.Sort(all)
	return slices.Compact(all)
}
