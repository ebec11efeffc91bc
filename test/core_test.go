package test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestQueriesWaitForTheServer asks over UDP and TCP while nobody serves: the parent keeps the sockets, so both are
// answered when the server is back.
func TestQueriesWaitForTheServer(t *testing.T) {
	t.Parallel()
	placements(t, func(t *testing.T, s *suite) {
		s.loadZones()
		s.start()
		s.script(s.dnsScript() + "config commit\n")
		eventually(t, 10*time.Second, "ns.lab.example resolves", func() bool { return s.lookup("ns.lab.example") == "192.0.2.1" })
		if s.placement == "grouped" {
			pid := s.process("bundy-dns")
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			eventually(t, 5*time.Second, "bundy-dns is gone", func() bool { return s.find("bundy-dns") != pid })
		} else {
			s.ctl("Auth", "shutdown")
		}
		answers := make(chan error, 2)
		for _, network := range []string{"udp", "tcp"} {
			go func() { answers <- s.ask(network) }()
		}
		for range cap(answers) {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
	})
}

// ask sends one question for ns.lab.example and waits long for its answer.
func (s *suite) ask(network string) error {
	conn, err := net.Dial(network, netip.AddrPortFrom(s.address, s.dns).String())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(busy * 10 * time.Second)); err != nil {
		return err
	}
	question := []byte("\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02ns\x03lab\x07example\x00\x00\x01\x00\x01")
	answer := make([]byte, 512)
	length := 0
	if network == "tcp" {
		if _, err := conn.Write(append([]byte{0, byte(len(question))}, question...)); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, answer[:2]); err != nil {
			return fmt.Errorf("%s: %w", network, err)
		}
		length = int(answer[0])<<8 | int(answer[1])
		_, err = io.ReadFull(conn, answer[:min(length, len(answer))])
	} else {
		if _, err := conn.Write(question); err != nil {
			return err
		}
		length, err = conn.Read(answer)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", network, err)
	}
	if !bytes.HasPrefix(answer, question[:2]) || !bytes.Contains(answer[:length], []byte{192, 0, 2, 1}) {
		return fmt.Errorf("%s: answer %x", network, answer[:length])
	}
	return nil
}

// set commits one change; it may be called from any goroutine.
func (s *suite) set(change string) error {
	cmd := s.program("bundyctl", "-p", itoa(s.cmdctl), "--csv-file-dir", filepath.Join(s.dir, "login")+"/")
	cmd.Stdin = strings.NewReader(change + "\nconfig commit\n")
	out, err := cmd.CombinedOutput()
	if err == nil && strings.Contains(strings.ToLower(string(out)), "error") {
		err = fmt.Errorf("%s: %s", change, out)
	}
	return err
}

// TestAcknowledgedCommitsSurviveKills kills the whole suite at any moment of a series of commits. What was acknowledged
// is in force after the next start, which the file, were it torn, would prevent.
func TestAcknowledgedCommitsSurviveKills(t *testing.T) {
	t.Parallel()
	placements(t, func(t *testing.T, s *suite) {
		acknowledged := 0
		for range 4 {
			s.start()
			if acknowledged > 0 {
				stored := 0
				if _, err := fmt.Sscan(s.ctl("config", "show", "Auth/tcp_recv_timeout"), new(string), &stored); err != nil || stored < acknowledged {
					t.Fatalf("%d was acknowledged, %d is stored (%v)", acknowledged, stored, err)
				}
			}
			ended := make(chan int)
			first := acknowledged + 1
			go func() {
				defer close(ended)
				for n := first; ; n++ {
					if s.set(fmt.Sprintf("config set Auth/tcp_recv_timeout %d", n)) != nil {
						return
					}
					ended <- n
				}
			}()
			until := time.After(300*time.Millisecond + rand.N(300*time.Millisecond))
			for done := false; !done; {
				select {
				case acknowledged = <-ended:
				case <-until:
					s.kill()
					done = true
				}
			}
			for n := range ended {
				acknowledged = max(acknowledged, n)
			}
		}
	})
}

// TestNothingLeaks commits many times, a quarter of which stop or start a component, and has every component fail: the
// number of descriptors stays what it was.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	placements(t, func(t *testing.T, s *suite) {
		s.loadZones()
		s.start()
		s.script(s.dnsScript() + s.dhcpScript() + "config commit\n")
		eventually(t, 10*time.Second, "all components run", func() bool { return strings.Count(s.ctl("Init", "show_processes"), "bundy-") == 6 })
		churn := func(rounds int) {
			var text strings.Builder
			other := freePort(t, s.address)
			for n := range rounds {
				fmt.Fprintf(&text, "config set Auth/tcp_recv_timeout %d\n", 1000+n)
				fmt.Fprintf(&text, "config set Dhcp4/valid-lifetime %d\n", 4000+n)
				switch n % 4 {
				case 0:
					fmt.Fprintf(&text, "config set Auth/listen_on [{\"address\":%q,\"port\":%d},{\"address\":%q,\"port\":%d}]\n", s.address, s.dns, s.address, other)
				case 1:
					fmt.Fprintf(&text, "config set Auth/listen_on [{\"address\":%q,\"port\":%d}]\n", s.address, s.dns)
				case 2:
					text.WriteString("config remove Init/components bundy-dhcp-ddns\n")
				case 3:
					text.WriteString("config add Init/components bundy-dhcp-ddns\nconfig set Init/components/bundy-dhcp-ddns/kind dispensable\n")
				}
				text.WriteString("config commit\n")
			}
			s.script(text.String())
		}
		settled := func() map[string]int {
			t.Helper()
			var last map[string]int
			eventually(t, 20*time.Second, "all components run and are at rest", func() bool {
				now := s.descriptors()
				same := maps.Equal(now, last)
				last = now
				<-time.After(100 * time.Millisecond)
				return same && strings.Count(s.ctl("Init", "show_processes"), "bundy-") == 6
			})
			return last
		}
		churn(4)
		before := settled()
		if raceEnabled {
			churn(24) // which take as long
		} else {
			churn(80)
		}
		for _, module := range []string{"Auth", "DDNS", "Dhcp4", "DhcpDdns", "Stats"} {
			s.ctl(module, "shutdown")
		}
		after := settled()
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("descriptors before %v, after %v", before, after)
			}
		})
		eventually(t, 5*time.Second, "the numbers of descriptors are what they were", func() bool {
			after = s.descriptors()
			for name, n := range after {
				if n > before[name]+5 { // idle connections come and go; what leaks stays
					return false
				}
			}
			return true
		})
		if text := s.log.String(); strings.Contains(text, "CFGMGR_BAD_UPDATE_RESPONSE") || strings.Contains(text, "panic") {
			t.Error("see the log")
		}
	})
}

// descriptors counts the open ones of each process by its name.
func (s *suite) descriptors() map[string]int {
	count := map[string]int{}
	for _, pid := range append(s.children(), s.cmd.Process.Pid) {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		count[strings.TrimSpace(string(name))] = len(open)
	}
	return count
}
