package test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonedb"
	"bundy/internal/dns/zonefile"
)

// versionedLines are records of one version of a zone; each says which one, and some stand in one answer with others.
func versionedLines(serial int) []string {
	return []string{
		fmt.Sprintf("mail 60 A 10.9.%d.%d", serial>>8, serial&255),
		fmt.Sprintf("@ 60 MX %d mail", serial),
		fmt.Sprintf("both 60 TXT one v%d", serial),
		fmt.Sprintf("both 60 TXT two v%d", serial),
		fmt.Sprintf("alias 60 CNAME to%d", serial),
		fmt.Sprintf("to%d 60 TXT v%[1]d", serial),
		fmt.Sprintf("cut 60 NS ns%d.cut", serial),
		fmt.Sprintf("ns%d.cut 60 A 10.9.%d.%d", serial, serial>>8, serial&255),
		fmt.Sprintf("*.wild 60 TXT v%d", serial),
	}
}

// versionedZone is a whole zone, whose SOA has the serial as MINIMUM too.
func versionedZone(serial, extra int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "@ 60 SOA ns.example.net. h %d 3600 900 604800 %[1]d\n@ 60 NS ns.example.net.\n%s\n", serial, strings.Join(versionedLines(serial), "\n"))
	for i := range extra {
		fmt.Fprintf(&b, "extra%d 60 TXT v%d\n", i, serial)
	}
	return b.String()
}

// versionedQuestions are asked of such a zone, below its origin.
func versionedQuestions(t *testing.T, origin string) [][]byte {
	var all [][]byte
	for i, q := range []struct {
		name string
		typ  wire.Type
	}{{"", wire.TypeMX}, {"both.", wire.TypeTXT}, {"alias.", wire.TypeTXT}, {"x.cut.", wire.TypeA}, {"a.wild.", wire.TypeTXT}, {"none.", wire.TypeA}, {"", wire.TypeSOA}, {"both.", wire.TypeA}} {
		all = append(all, question(t, uint16(i), wire.MustParseName(q.name+origin), q.typ))
	}
	return all
}

// versionsOf gives the versions that records are of.
func versionsOf(m *wire.Message) map[int]bool {
	found := map[int]bool{}
	for _, records := range [][]wire.RR{m.Answer, m.Authority, m.Additional} {
		for _, rr := range records {
			var n int
			switch text := zonefile.FormatData(rr.Type, rr.Data); rr.Type {
			case wire.TypeSOA:
				n = int(zone.SerialOf(rr))
			case wire.TypeA:
				n = int(rr.Data[2])<<8 | int(rr.Data[3])
			case wire.TypeMX:
				n = int(rr.Data[0])<<8 | int(rr.Data[1])
			case wire.TypeCNAME:
				fmt.Sscanf(text, "to%d.", &n)
			case wire.TypeNS:
				if _, err := fmt.Sscanf(text, "ns%d.", &n); err != nil {
					continue // of the apex
				}
			case wire.TypeTXT:
				fmt.Sscanf(text[strings.LastIndex(text, `"v`)+1:], "v%d", &n)
			default:
				continue
			}
			found[n] = true
		}
	}
	return found
}

// hammer asks questions over UDP, many at a time, until stop is closed: every one is answered, each answer is of one
// version, and none is older than one that came before on its way. It returns the number of answers.
func hammer(at netip.AddrPort, questions [][]byte, stop <-chan struct{}) (int, error) {
	return hammerFor(busy*3*time.Second, at, questions, stop) // to be told of a query that was lost, not of one that was slow
}

func hammerFor(patience time.Duration, at netip.AddrPort, questions [][]byte, stop <-chan struct{}) (int, error) {
	conn, err := net.Dial("udp", at.String())
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	buf := make([]byte, 65536)
	newest := make(map[uint16]int)
	for answers := 0; ; {
		select {
		case <-stop:
			return answers, nil
		default:
		}
		if raceEnabled {
			<-time.After(5 * time.Millisecond) // or nothing else would get on
		}
		for _, q := range questions {
			if _, err := conn.Write(q); err != nil {
				return answers, err
			}
		}
		conn.SetReadDeadline(time.Now().Add(patience))
		floor := 0
		for _, n := range newest {
			floor = max(floor, n)
		}
		for range questions {
			n, err := conn.Read(buf)
			if err != nil {
				return answers, fmt.Errorf("a query got no answer: %w", err)
			}
			m, err := wire.ParseMessage(buf[:n])
			if err != nil {
				return answers, err
			}
			versions := versionsOf(m)
			if rcode := m.Header.Flags.Rcode(); len(versions) != 1 || rcode != wire.RcodeNoError && rcode != wire.RcodeNXDomain {
				return answers, fmt.Errorf("%s with the versions %v: %+v", rcode, versions, m)
			}
			for v := range versions {
				if v < floor {
					return answers, fmt.Errorf("version %d after version %d: %+v", v, floor, m)
				}
				newest[m.Header.ID] = v
			}
			answers++
		}
	}
}

// TestReloadUnderLoad changes zones in all ways while they are asked for without a pause. No query is lost, and no answer
// mixes two versions.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	changes, extra := 12, 2000
	if raceEnabled {
		changes, extra = 8, 500 // each kind of change comes twice at least
	}
	placements(t, func(t *testing.T, s *suite) {
		t.Parallel()
		database := filepath.Join(s.dir, "zone.sqlite3")
		master := s.write("file.zone", versionedZone(1, extra))
		stored := s.write("stored.zone", versionedZone(1, extra))
		if out, err := s.loadzone("lab.example", stored); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		s.start()
		s.script(s.dnsScript() + "config commit\n")
		// configure changes what is served beside the zones under load, and where.
		other := freePort(t, s.address)
		configure := func(n int) {
			listen, more := fmt.Sprintf("{\"address\": %q, \"port\": %d}", s.address, s.dns), ""
			if n%2 == 1 {
				listen += fmt.Sprintf(", {\"address\": %q, \"port\": %d}", s.address, other)
				more = fmt.Sprintf(", \"more.example\": %q", stored)
			}
			s.script(fmt.Sprintf("config set Auth/listen_on [%s]\nconfig set Auth/tcp_recv_timeout %d\n", listen, 4000+n) + fmt.Sprintf("config set data_sources/classes/IN [{\"type\": \"MasterFiles\", \"cache-enable\": true, \"params\": {\"file.example\": %q%s}}, {\"type\": \"sqlite3\", \"params\": {\"database_file\": %q}}]\nconfig commit\n", master, more, database))
		}
		configure(0)
		at := netip.AddrPortFrom(s.address, s.dns)
		for _, origin := range []string{"lab.example", "file.example"} {
			eventually(t, 5*time.Second, origin+" is served", func() bool {
				m := ask(at, question(t, 1, wire.MustParseName(origin), wire.TypeSOA), false)
				return m != nil && len(m.Answer) == 1
			})
		}
		stop := make(chan struct{})
		var all sync.WaitGroup
		var asked atomic.Int64
		var once sync.Once
		for _, origin := range []string{"lab.example", "file.example", "lab.example"} {
			all.Go(func() {
				n, err := hammer(at, versionedQuestions(t, origin), stop)
				asked.Add(int64(n))
				if err != nil {
					t.Errorf("%s: %v", origin, err)
				}
			})
		}
		end := func() { once.Do(func() { close(stop); all.Wait() }) }
		defer end()

		key := labKey(t)
		serial := func(origin string) int {
			m := ask(at, question(t, 1, wire.MustParseName(origin), wire.TypeSOA), false)
			if m == nil || len(m.Answer) != 1 {
				return 0
			}
			return int(zone.SerialOf(m.Answer[0]))
		}
		for n := 2; n < 2+changes; n++ {
			switch n % 3 {
			case 0: // by an update of everything at once
				msg, err := versionedUpdate(t, n).Pack(uint16(n))
				if err != nil {
					t.Fatal(err)
				}
				if m := s.exchange(msg, &key); m == nil || m.Header.Flags.Rcode() != wire.RcodeNoError {
					t.Fatalf("update to version %d: %+v", n, m)
				}
				if got := serial("lab.example"); got != n {
					t.Errorf("serial %d after the update to %d", got, n)
				}
			default: // by another process, which the server notices or is told of
				if out, err := s.loadzone("lab.example", s.write("stored.zone", versionedZone(n, extra))); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				if n%3 == 1 {
					s.ctl("Auth", "loadzone", "origin=lab.example")
				}
				eventually(t, 10*time.Second, "the new version is served", func() bool { return serial("lab.example") == n })
			}
			s.write("file.zone.new", versionedZone(n, extra))
			if err := os.Rename(filepath.Join(s.dir, "file.zone.new"), master); err != nil {
				t.Fatal(err)
			}
			s.ctl("Auth", "loadzone", "origin=file.example")
			eventually(t, 10*time.Second, "the new file is served", func() bool { return serial("file.example") == n })
			if n%4 == 0 {
				configure(n / 4)
				eventually(t, 10*time.Second, "the configuration is in use", func() bool { return (serial("more.example") > 0) == (n/4%2 == 1) })
			}
		}
		end()
		t.Logf("%d answers while %d versions came", asked.Load(), changes)
	})
}

// versionedUpdate replaces the records of the version before by those of version n.
func versionedUpdate(t *testing.T, n int) update.Request {
	t.Helper()
	parse := func(line string) wire.RR {
		rr, err := zonefile.ParseRR(line, labZone)
		if err != nil {
			t.Fatal(err)
		}
		return rr
	}
	r := update.Request{Zone: labZone, Class: wire.ClassIN}
	for _, line := range versionedLines(n - 1) {
		rr := parse(line)
		rr.Class, rr.TTL = wire.ClassNONE, 0 // RFC 2136 section 2.5.4
		r.Updates = append(r.Updates, rr)
	}
	r.Updates = append(r.Updates, parse(fmt.Sprintf("@ 60 SOA ns.example.net. h %d 3600 900 604800 %[1]d", n)))
	for _, line := range versionedLines(n) {
		r.Updates = append(r.Updates, parse(line))
	}
	return r
}

// TestKillWhileLoading kills bundy-loadzone, and what serves while it reloads, at moments that walk over the whole of the
// work: what is stored and served then is the old zone or the new one, and of a master file the new one.
func TestKillWhileLoading(t *testing.T) {
	t.Parallel()
	placements(t, func(t *testing.T, s *suite) {
		t.Parallel()
		killWhileLoading(t, s)
	})
}

func killWhileLoading(t *testing.T, s *suite) {
	const rounds = 8
	extra := 20000
	if raceEnabled {
		extra = 2000
	}
	database := filepath.Join(s.dir, "zone.sqlite3")
	config := fmt.Sprintf(`{"database_file": %q}`, database)
	load := func(n int) (*os.Process, <-chan error) {
		cmd := s.program("bundy-loadzone", "-i", "0", "-c", config, "lab.example", s.write(fmt.Sprintf("v%d", n&1), versionedZone(n, extra)))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait(); close(ended) }()
		return cmd.Process, ended
	}
	began := time.Now()
	if _, ended := load(1); <-ended != nil {
		t.Fatal("bundy-loadzone failed")
	}
	whole := time.Since(began)
	master := s.write("file.zone", versionedZone(1, extra))
	s.start()
	s.script(s.dnsScript() + fmt.Sprintf("config set data_sources/classes/IN [{\"type\": \"MasterFiles\", \"cache-enable\": true, \"params\": {\"file.example\": %q}}, {\"type\": \"sqlite3\", \"params\": {\"database_file\": %q}}]\nconfig commit\n", master, database))
	served := func(origin string, want int) {
		t.Helper()
		eventually(t, 20*time.Second, fmt.Sprintf("version %d of %s is served", want, origin), func() bool { return servedVersion(t, s, origin) == want })
	}
	served("lab.example", 1)
	served("file.example", 1)

	old, file, kept, taken := 1, 1, 0, 0
	for i := range rounds {
		n := old + 1
		p, ended := load(n)
		if i%2 == 0 { // it is killed before it has ended, or when it just has
			select {
			case <-time.After(whole * time.Duration(i) / rounds):
			case <-ended:
			}
			p.Kill()
			<-ended
		} else { // the server notices within a quarter of a second, and reads for some time; of the file it is told
			if err := <-ended; err != nil {
				t.Fatal("bundy-loadzone failed: ", err)
			}
			file = i + 1
			if err := os.Rename(s.write("file.zone.new", versionedZone(file, extra)), master); err != nil {
				t.Fatal(err)
			}
			if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Duration(i) * 40 * time.Millisecond)
			if s.placement == "single" {
				s.kill()
				s.start()
			} else if pid := s.find("bundy-dns"); pid != 0 {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		now := storedVersion(t, database, extra)
		switch now {
		case old:
			kept++
		case n:
			taken++
		default:
			t.Fatalf("version %d is stored, want %d or %d", now, old, n)
		}
		old = now
		served("lab.example", now)
		served("file.example", file)
	}
	t.Logf("the old zone was kept %d times, the new one taken %d times", kept, taken)
}

// servedVersion asks everything of a zone: 0 if it is not served yet. Each answer must be of one version.
func servedVersion(t *testing.T, s *suite, origin string) (version int) {
	t.Helper()
	for _, q := range versionedQuestions(t, origin) {
		m := ask(netip.AddrPortFrom(s.address, s.dns), q, false)
		if m == nil || m.Header.Flags.Rcode() == wire.RcodeRefused {
			return 0
		}
		versions := versionsOf(m)
		if len(versions) != 1 || m.Header.Flags.Rcode() == wire.RcodeServFail {
			t.Fatalf("the versions %v of %s: %+v", versions, origin, m)
		}
		for v := range versions {
			version = v
		}
	}
	return version
}

// storedVersion reads the zone in a database, which must be whole.
func storedVersion(t *testing.T, path string, extra int) int {
	t.Helper()
	db, err := zonedb.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, err := range db.Check(context.Background()) {
		t.Error(err)
	}
	v, _, err := db.Load(t.Context(), labZone, wire.ClassIN)
	if err != nil {
		t.Fatal(err)
	}
	n := int(v.Serial())
	var records []wire.RR
	for rr := range v.All() {
		records = append(records, rr)
	}
	if versions := versionsOf(&wire.Message{Answer: records}); len(versions) != 1 || !versions[n] || len(records) != 2+len(versionedLines(n))+extra {
		t.Fatalf("%d records of the versions %v are stored", len(records), versions)
	}
	return n
}

// TestHammerNotices: what hammers look for is found where it is.
func TestHammerNotices(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(n int) (versions []int, rcode wire.Rcode) // to question n; none is no answer
		want   string
	}{
		{"nothing wrong", func(n int) ([]int, wire.Rcode) { return []int{1 + n/40}, 0 }, ""},
		{"a mixture", func(n int) ([]int, wire.Rcode) { return []int{1, 1 + n/40}, 0 }, "with the versions"},
		{"an older version", func(n int) ([]int, wire.Rcode) { return []int{2 - n/40}, 0 }, "version 1 after version 2"},
		{"a failure", func(n int) ([]int, wire.Rcode) { return []int{1}, wire.Rcode(n / 40 * 2) }, "SERVFAIL"},
		{"a query lost", func(n int) ([]int, wire.Rcode) { return []int{1}[n/40:], 0 }, "got no answer"},
	} {
		server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		go func() {
			buf := make([]byte, 512)
			for n := 0; ; n++ {
				size, client, err := server.ReadFromUDP(buf)
				if err != nil {
					return
				}
				if n == 79 {
					close(stop)
				}
				m, _ := wire.ParseMessage(buf[:size])
				versions, rcode := c.answer(min(n, 79))
				m.Header.Flags = wire.FlagQR.WithRcode(rcode)
				for i, v := range versions {
					rr, _ := zonefile.ParseRR(fmt.Sprintf("both%d 60 TXT v%d", i, v), labZone)
					m.Answer = append(m.Answer, rr)
				}
				if reply, err := m.Pack(); err == nil && len(versions) > 0 {
					server.WriteToUDP(reply, client)
				}
			}
		}()
		_, err = hammerFor(time.Second, server.LocalAddr().(*net.UDPAddr).AddrPort(), versionedQuestions(t, "lab.example"), stop)
		server.Close()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
