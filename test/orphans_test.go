package test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/dhcid"
	"bundy/internal/naming/ncr"
	"bundy/internal/naming/publish"
)

// TestOrphans lets the same happen to kea-dhcp-ddns and to bundy-dhcp-ddns, with named as the target of both: clients come, move
// and go while the server of names is killed, and while named hangs and is away. It counts what is wrong with DNS when
// nothing is left to do, and prints a table. Kea hears of it by requests; Bundy by the same requests, each sent once, or
// by the lease file. With the file nothing may be wrong. BUNDY_ORPHANS=1 runs it; it takes two minutes.
func TestOrphans(t *testing.T) {
	if os.Getenv("BUNDY_ORPHANS") == "" {
		t.Skip("comparison with a peer under failures: set BUNDY_ORPHANS=1")
	}
	needs(t, "named", "dig", "kea-dhcp-ddns")
	var table strings.Builder
	table.WriteString("| after quiet | orphans: A | PTR | DHCID | leases without A | without PTR |\n|---|---|---|---|---|---|\n")
	for _, who := range []string{"kea-dhcp-ddns, requests", "bundy, the same requests", "bundy, lease file"} {
		o := newOrphanage(t, who)
		o.script()
		c := o.count()
		if o.file != "" {
			eventually(t, 90*time.Second, "all is as the leases say", func() bool { c = o.count(); return c == counts{} })
		} else {
			for end := time.Now().Add(20 * time.Second); time.Now().Before(end); c = o.count() { // as long as Kea tries three times, and more
				<-time.After(time.Second)
			}
		}
		fmt.Fprintf(&table, "| %s | %d | %d | %d | %d | %d |\n", who, c.addresses, c.pointers, c.marks, c.noAddress, c.noPointer)
		end(o.ddns)
		end(o.named)
	}
	t.Logf("\n%s", table.String())
}

// orphanage is a server of names between clients and named.
type orphanage struct {
	t      *testing.T
	file   string // "": it hears of leases by requests
	ddns   *exec.Cmd
	begin  func() *exec.Cmd
	named  *exec.Cmd
	at     netip.AddrPort
	to     netip.AddrPort
	random *rand.Rand
	kea    bool
	leases map[netip.Addr]lease.Lease
}

func newOrphanage(t *testing.T, who string) *orphanage {
	local := netip.MustParseAddr("127.0.0.1")
	o := &orphanage{t: t, random: rand.New(rand.NewPCG(1, 1)), leases: map[netip.Addr]lease.Lease{}, kea: strings.HasPrefix(who, "kea")}
	o.at, o.named = benchNamed(t)
	o.to = netip.AddrPortFrom(local, freePort(t, local))
	dir := t.TempDir()
	more := "}}"
	if strings.HasSuffix(who, "file") {
		o.file = write(t, filepath.Join(dir, "leases.csv"), string(lease.AppendHeader(nil, lease.Family4)))
		more = fmt.Sprintf(`}}, "Dhcp4": {"lease-database": {"type": "memfile", "name": %q}, "dhcp-ddns": {"enable-updates": true}, "subnet4": [{"subnet": "10.0.0.0/8"}]}`, o.file)
	}
	o.begin = func() *exec.Cmd {
		cmd := bundyWith(t, dir, benchBundy(o.at, o.to.Port(), more))
		if o.kea {
			cmd = keaD2(t, dir, o.at, o.to.Port())
		}
		launch(t, cmd)
		o.listens()
		return cmd
	}
	o.ddns = o.begin()
	return o
}

// listens waits until somebody has the port of requests.
func (o *orphanage) listens() {
	o.t.Helper()
	conn, err := net.Dial("udp", o.to.String())
	if err != nil {
		o.t.Fatal(err)
	}
	defer conn.Close()
	eventually(o.t, 10*time.Second, "the request port is bound", func() bool {
		_, err := conn.Write([]byte{0})
		<-time.After(20 * time.Millisecond)
		_, err2 := conn.Write([]byte{0})
		return err == nil && err2 == nil
	})
}

// script is what happens.
func (o *orphanage) script() {
	calm := func(events int) {
		for range events {
			o.event()
			<-time.After(5 * time.Millisecond)
		}
	}
	calm(100)
	for range 3 { // the server of names is killed amid its work
		calm(20)
		o.kill()
		calm(5)
		o.ddns = o.begin()
	}
	for range 3 { // named hangs
		calm(10)
		o.named.Process.Signal(syscall.SIGSTOP)
		calm(20)
		<-time.After(3 * time.Second)
		o.named.Process.Signal(syscall.SIGCONT)
		calm(10)
	}
	o.named.Process.Kill() // named is away
	o.named.Wait()
	calm(30)
	<-time.After(8 * time.Second)
	o.named = exec.Command(o.named.Args[0], o.named.Args[1:]...)
	launch(o.t, o.named)
	soa := question(o.t, 1, labZone, wire.TypeSOA)
	eventually(o.t, 10*time.Second, "named answers", func() bool { m := ask(o.at, soa, false); return m != nil && len(m.Answer) == 1 })
	calm(60)
}

// kill ends the server of names, with the processes that it is made of, at once.
func (o *orphanage) kill() {
	pid := o.ddns.Process.Pid
	pids := []int{pid}                                                      // the first one starts the others anew
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is good
	for _, task := range tasks {
		text, _ := os.ReadFile(task) // a thread that has ended has none
		for _, f := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(f)
			if err != nil {
				o.t.Fatal(err)
			}
			pids = append(pids, child)
		}
	}
	for _, p := range pids {
		_ = syscall.Kill(p, syscall.SIGKILL) // one of the others may have ended with the first
	}
	o.ddns.Wait() // killed: its status says nothing
}

// event lets a client come, move or go.
func (o *orphanage) event() {
	a := netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + o.random.IntN(60))})
	n := o.random.IntN(50)
	if before, ok := o.leases[a]; ok {
		delete(o.leases, a)
		o.tell(before, ncr.Remove)
		if o.random.IntN(2) == 0 {
			return
		}
	}
	for b, l := range o.leases { // a client has one address
		if l.Hostname == fmt.Sprintf("h%d.lab.example.", n) {
			delete(o.leases, b)
			o.tell(l, ncr.Remove)
		}
	}
	l := lease.Lease{Address: a, HWType: 1, HWAddr: "\x02\x00\x00\x00\x00" + string([]byte{byte(n)}), ValidLifetime: 86400,
		Start: time.Now().UTC().Truncate(time.Second), SubnetID: 1, FQDNForward: true, FQDNReverse: true, Hostname: fmt.Sprintf("h%d.lab.example.", n)}
	o.leases[a] = l
	o.tell(l, ncr.Add)
}

// tell says it as a DHCP server does.
func (o *orphanage) tell(l lease.Lease, change ncr.Change) {
	o.t.Helper()
	if o.file != "" {
		if change == ncr.Remove {
			l.ValidLifetime = 0
		}
		f, err := os.OpenFile(o.file, os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			o.t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Write(lease.AppendRow(nil, l)); err != nil {
			o.t.Fatal(err)
		}
		return
	}
	name := wire.MustParseName(l.Hostname)
	r := ncr.Request{Change: change, Forward: true, Reverse: true, Name: name, Address: l.Address, Length: 86400,
		DHCID: dhcid.Of(l).RDATA(name), Expires: l.Expire()}
	b := r.Append(nil, ncr.Kea)
	if i := bytes.Index(b, []byte(`,"conflict-resolution-mode"`)); i > 0 { // Kea 2.2 does not know it
		b = append(b[:i], '}')
		b[0], b[1] = byte((len(b)-2)>>8), byte(len(b)-2)
	}
	conn, err := net.Dial("udp", o.to.String())
	if err != nil {
		o.t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write(b) // nobody may be there
}

// counts is what is wrong with DNS.
type counts struct{ addresses, pointers, marks, noAddress, noPointer int }

func (o *orphanage) count() (c counts) {
	want := map[string]bool{}
	for a, l := range o.leases {
		name := wire.MustParseName(l.Hostname)
		mark := fmt.Sprintf("%x", sha256.Sum256(dhcid.Of(l).RDATA(name)))
		reverse := publish.ReverseName(a).String()
		want[l.Hostname+" A "+a.String()] = true
		want[reverse+" PTR "+l.Hostname] = true
		want[l.Hostname+" DHCID "+mark], want[reverse+" DHCID "+mark] = true, true
	}
	there := map[string]bool{}
	for _, zone := range []string{"lab.example", "10.in-addr.arpa"} {
		for _, rr := range o.records(zone) {
			there[rr] = true
			if want[rr] {
				continue
			}
			switch strings.Fields(rr)[1] {
			case "A":
				c.addresses++
			case "PTR":
				c.pointers++
			case "DHCID":
				c.marks++
			}
		}
	}
	for rr := range want {
		switch f := strings.Fields(rr); {
		case f[1] == "A" && !there[rr]:
			c.noAddress++
		case f[1] == "PTR" && !there[rr]:
			c.noPointer++
		}
	}
	return c
}

// records transfers a zone: "name type data", where the data of a DHCID record is a digest of it.
func (o *orphanage) records(zone string) (out []string) {
	o.t.Helper()
	text, err := exec.Command("dig", "@"+o.at.Addr().String(), "-p", itoa(o.at.Port()), "+noall", "+answer", "+onesoa", zone, "AXFR").Output()
	if err != nil {
		o.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 5 || f[3] == "SOA" || f[3] == "NS" {
			continue
		}
		data := strings.Join(f[4:], "")
		if f[3] == "DHCID" {
			raw, err := base64.StdEncoding.DecodeString(data)
			if err != nil {
				o.t.Fatal(err)
			}
			data = fmt.Sprintf("%x", sha256.Sum256(raw))
		}
		out = append(out, f[0]+" "+f[3]+" "+data)
	}
	return out
}
