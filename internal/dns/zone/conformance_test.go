package zone_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// TestConformance answers the recorded questions that four other servers were asked.
func TestConformance(t *testing.T) {
	f, err := os.Open("../../../../shared/conformance/dns-answers.jsonl.gz")
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
	type reply struct {
		Servers           []string
		Rcode             string
		AA                bool
		Answer, Authority []string
	}
	type question struct {
		Name, Type, Tag string
		Accepted        []reply
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	cases, right := 0, 0
	for lines.Scan() {
		var c struct {
			ID      int
			Zone    string
			Queries []question
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		rrs := parseZone(t, c.Zone)
		v, err := zone.Build(rrs[0].Name, wire.ClassIN, seq(rrs))
		if err != nil {
			t.Errorf("case %d: %v", c.ID, err)
			continue
		}
		catalog := &zone.Catalog{}
		catalog.Put(v)
		for _, q := range c.Queries {
			cases++
			m := ask(t, catalog, q.Name, q.Type)
			got := reply{
				Rcode:     wire.Rcode(m.Header.Flags.Rcode()).String(),
				AA:        m.Header.Flags&wire.FlagAA != 0,
				Answer:    texts(m.Answer),
				Authority: texts(m.Authority),
			}
			apex := texts(v.RRset(v.Origin(), wire.TypeNS))
			if slices.ContainsFunc(q.Accepted, func(want reply) bool {
				answer, authority := normal(want.Answer), normal(want.Authority)
				if got.Rcode != want.Rcode || got.AA != want.AA || !slices.Equal(got.Answer, answer) {
					return false
				}
				return slices.Equal(got.Authority, authority) ||
					len(answer) > 0 && slices.Equal(without(got.Authority, apex), without(authority, apex))
			}) {
				right++
				continue
			}
			if cases-right <= 10 {
				t.Errorf("case %d (%s) %s %s\n%s\ngot %+v\nwant one of %+v", c.ID, q.Tag, q.Name, q.Type, c.Zone, got, q.Accepted)
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d answers are right", right, cases)
	if right != cases || cases == 0 {
		t.Errorf("%d answers are wrong", cases-right)
	}
}

func ask(t testing.TB, c *zone.Catalog, name, qtype string) *wire.Message {
	t.Helper()
	n := wire.MustParseName(name)
	typ, err := wire.ParseType(qtype)
	if err != nil {
		t.Fatal(err)
	}
	var a zone.Answer
	c.Lookup(wire.ClassIN, n.Lower(), typ, false, &a)
	var b wire.Builder
	b.Reset(nil, wire.MaxMessage)
	var flags wire.Flags
	if a.AA {
		flags |= wire.FlagAA
	}
	b.SetHeader(1, (flags | wire.FlagQR).WithRcode(a.Rcode))
	b.AddQuestion(wire.Question{Name: n, Type: typ, Class: wire.ClassIN})
	if a.Write(&b) {
		t.Fatal("truncated")
	}
	m, err := wire.ParseMessage(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// parseZone reads master file text with a library, as an oracle beside our own code.
func parseZone(t testing.TB, text string) []wire.RR {
	t.Helper()
	var rrs []wire.RR
	p := dns.NewZoneParser(strings.NewReader(text+"\n"), ".", "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		rrs = append(rrs, fromLibrary(t, rr))
	}
	if err := p.Err(); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return rrs
}

func fromLibrary(t testing.TB, rr dns.RR) wire.RR {
	t.Helper()
	buf := make([]byte, dns.Len(rr)+1)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := wire.ReadRR(buf[:n], 0)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func seq(rrs []wire.RR) iter.Seq2[wire.RR, error] {
	return func(yield func(wire.RR, error) bool) {
		for _, rr := range rrs {
			if !yield(rr, nil) {
				return
			}
		}
	}
}

// texts gives records in one comparable form: sorted, in lower case, without repetition.
func texts(rrs []wire.RR) []string {
	var out []string
	for _, rr := range rrs {
		out = append(out, fmt.Sprintf("%s %d %s %x", rr.Name.Lower(), rr.TTL, rr.Type, lowered(rr)))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func lowered(rr wire.RR) []byte {
	for _, n := range wire.DataNames(rr.Type, rr.Data) {
		rr.Data = []byte(strings.Replace(string(rr.Data), string(n), string(n.Lower()), 1))
	}
	return rr.Data
}

func normal(lines []string) []string {
	var rrs []wire.RR
	for _, l := range lines {
		rr, err := dns.NewRR(l)
		if err != nil {
			panic(fmt.Sprintf("%q: %v", l, err))
		}
		buf := make([]byte, dns.Len(rr)+1)
		n, err := dns.PackRR(rr, buf, 0, nil, false)
		if err != nil {
			panic(err)
		}
		out, _, err := wire.ReadRR(buf[:n], 0)
		if err != nil {
			panic(err)
		}
		rrs = append(rrs, out)
	}
	return texts(rrs)
}

func without(lines, drop []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return slices.Contains(drop, l) })
}
