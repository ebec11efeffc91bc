package dhcp6

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/memfile"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/sockets"
)

// serverDirectory names the state directory in the environment of the process that the tests in namespaces run as
// server.
const serverDirectory = "BUNDY_TEST_DHCP6_DIRECTORY"

// patience bounds the waits of tests for another goroutine or process.
const patience = 20 * time.Second

const namespaceConfig = `{
	"interfaces": ["srv0", "srv0/2001:db8:1::1"],
	"option-data": [{"name": "dns-servers", "data": "2001:db8::53", "csv-format": true}],
	"dhcp-ddns": {"enable-updates": true, "qualifying-suffix": "lab.test"},
	"subnet6": [
		{"subnet": "2001:db8:1::/64", "interface": "srv0", "pool": ["2001:db8:1::100 - 2001:db8:1::1ff"],
			"pd-pools": [{"prefix": "2001:db8:8000::", "prefix-len": 48, "delegated-len": 56}]},
		{"subnet": "2001:db8:2::/64", "pool": ["2001:db8:2::100 - 2001:db8:2::1ff"]},
		{"subnet": "2001:db8:40::/48", "interface-id": "perf", "pool": ["2001:db8:40::/64"]}
	]
}`

// start runs the component with sockets of its own; stop ends it in order.
func start(t *testing.T, p paths.Paths, config string) (c module.Component, stop func()) {
	t.Helper()
	v, err := schema.Parse([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	keeper := sockets.NewKeeper(nil)
	c, err = Descriptor(p).New(schema.Document{moduleName: v.(schema.Section)}, module.Deps{Sockets: keeper.For("dhcp6"), Paths: p})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- c.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		keeper.Close()
	}
	t.Cleanup(stop)
	return c, stop
}

// TestServerProcess is no test of its own: it is the server in its namespace, until its standard input ends.
func TestServerProcess(t *testing.T) {
	dir := os.Getenv(serverDirectory)
	if dir == "" {
		t.Skip("only run by tests in namespaces")
	}
	c, stop := start(t, paths.Below(dir), namespaceConfig)
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); { // commands with their arguments
		command, text, _ := strings.Cut(lines.Text(), " ")
		var args map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &args); err != nil {
			t.Error(err)
		}
		result, err := any(nil), error(nil)
		if command == "statistics" {
			result = c.Stats()
		} else if result, err = c.Call(t.Context(), command, args); err != nil {
			t.Error(err)
		}
		text = ""
		if b, err := json.Marshal(result); err == nil {
			text = string(b)
		}
		fmt.Println(text)
	}
	stop()
}

// network is namespaces in a row, joined by wires: srv0 of the server to cli0 of the client, or, with a relay agent
// between them, srv0 to up0 and down0 to cli0.
type network struct {
	*testing.T
	server, relay, client string
}

func newNetwork(t *testing.T, relayed bool, tools ...string) network {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	if os.Getuid() != 0 {
		t.Skip("namespaces need root")
	}
	for _, tool := range append(tools, "ip") {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("not installed:", err)
		}
	}
	name := func(what string) string { return fmt.Sprintf("bundy6-%s%d", what, os.Getpid()) }
	n := network{T: t, server: name("s"), client: name("c")}
	n.namespace(n.server)
	n.namespace(n.client)
	if !relayed {
		n.wire(n.server, "srv0", n.client, "cli0")
		return n
	}
	n.relay = name("r")
	n.namespace(n.relay)
	n.wire(n.server, "srv0", n.relay, "up0")
	n.wire(n.relay, "down0", n.client, "cli0")
	return n
}

func (n network) namespace(name string) {
	n.Helper()
	if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		n.Skipf("no namespace can be made: %v: %s", err, out)
	}
	n.Cleanup(func() { n.run("ip", "netns", "del", name) })
	// Nobody else is here: addresses are ready at once.
	n.run("ip", "netns", "exec", name, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad")
}

func (n network) wire(at, one, to, other string) {
	n.Helper()
	n.run("ip", "link", "add", one, "netns", at, "type", "veth", "peer", "name", other, "netns", to)
	n.run("ip", "-n", at, "link", "set", one, "up")
	n.run("ip", "-n", to, "link", "set", other, "up")
}

func (n network) run(name string, args ...string) string {
	n.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		n.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func (n network) inClient(args ...string) string {
	n.Helper()
	return n.run("ip", append([]string{"netns", "exec", n.client}, args...)...)
}

// settled waits until an interface has a link-local address that is ready.
func (n network) settled(namespace, link string) {
	n.Helper()
	n.until("a link-local address of "+link, func() bool {
		out := n.run("ip", "-n", namespace, "-6", "addr", "show", "dev", link, "scope", "link")
		return strings.Contains(out, "fe80::") && !strings.Contains(out, "tentative")
	})
}

func (n network) until(what string, done func() bool) {
	n.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(deadline) {
			n.Fatalf("waited in vain for %s", what)
		}
	}
}

// serve runs the server until the end of the test. ask gives it a command, with arguments, and returns what it says.
func (n network) serve(dir string) (ask func(command string) string) {
	n.Helper()
	cmd := exec.Command("ip", "netns", "exec", n.server, os.Args[0], "-test.run=^TestServerProcess$", "-test.v")
	cmd.Env = append(os.Environ(), serverDirectory+"="+dir)
	cmd.WaitDelay = patience
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		n.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		n.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		n.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var text strings.Builder
	for lines.Scan() && lines.Text() != "ready" {
		text.WriteString(lines.Text() + "\n")
	}
	n.Cleanup(func() {
		in.Close()
		for lines.Scan() {
			text.WriteString(lines.Text() + "\n")
		}
		if err := cmd.Wait(); err != nil {
			n.Errorf("server: %v\n%s", err, text.String())
		}
	})
	return func(command string) string {
		n.Helper()
		if _, err := io.WriteString(in, command+"\n"); err != nil || !lines.Scan() {
			n.Fatalf("the server is gone: %v", err)
		}
		return lines.Text()
	}
}

// background runs a program in a namespace until the end of the test.
func (n network) background(namespace string, args ...string) {
	n.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", namespace}, args...)...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second // what it started may go on
	if err := cmd.Start(); err != nil {
		n.Fatal(err)
	}
	n.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			n.Error(err)
		}
		_ = cmd.Wait() // it was killed
		if n.Failed() {
			n.Logf("%v said:\n%s", args, out.String())
		}
	})
}

func fileText(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var leased = regexp.MustCompile(`2001:db8:[12]::1[0-9a-f][0-9a-f]`)

// held is the leases that are active in the file of a server that has stopped.
func held(t *testing.T, dir string) []lease.Lease {
	store, err := memfile.Open(filepath.Join(dir, leaseFileName), memfile.Options{Family: lease.Family6})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var out []lease.Lease
	store.All(func(l lease.Lease) bool {
		if l.State == lease.Active {
			out = append(out, l)
		}
		return true
	})
	return out
}

// TestDhclient gets an address and a prefix, and gives them back. The server starts before its interface is up.
func TestDhclient(t *testing.T) {
	n := newNetwork(t, false, "dhclient")
	dir := t.TempDir()
	t.Cleanup(func() {
		if leases := held(t, dir); len(leases) > 0 {
			t.Errorf("the client released everything, but there is %+v", leases)
		}
	})
	n.run("ip", "-n", n.server, "link", "set", "srv0", "down")
	n.serve(dir)
	n.run("ip", "-n", n.server, "link", "set", "srv0", "up")
	n.run("ip", "-n", n.server, "addr", "add", "2001:db8:1::1/64", "dev", "srv0", "nodad")
	n.settled(n.client, "cli0")
	state, pid, config := filepath.Join(dir, "dhclient.leases"), filepath.Join(dir, "dhclient.pid"), filepath.Join(dir, "dhclient.conf")
	text := "send fqdn.fqdn \"boxthree.lab.test.\";\nsend fqdn.server-update on;\nsend fqdn.encoded on;\nalso request dhcp6.fqdn;\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"dhclient", "-6", "-N", "-P", "-1", "-sf", "/bin/true", "-lf", state, "-pf", pid, "-cf", config}
	n.inClient(append(args, "cli0")...)
	got := fileText(t, state)
	for _, want := range []string{"2001:db8:1::100", "2001:db8:8000::/56", "dhcp6.name-servers 2001:db8::53"} {
		if !strings.Contains(got, want) {
			t.Errorf("dhclient's leases lack %s:\n%s", want, got)
		}
	}
	rows := fileText(t, filepath.Join(dir, leaseFileName))
	if !strings.Contains(rows, "2001:db8:1::100") || !strings.Contains(rows, "boxthree.lab.test.") {
		t.Errorf("lease file:\n%s", rows)
	}
	n.inClient(append(args, "-r", "cli0")...)
}

// TestDhcpcd gets an address with dhcpcd, which asks for a rapid commit and confirms what it knows.
func TestDhcpcd(t *testing.T) {
	n := newNetwork(t, false, "dhcpcd")
	dir := t.TempDir()
	n.serve(dir)
	n.settled(n.client, "cli0")
	config := filepath.Join(dir, "dhcpcd.conf")
	if err := os.WriteFile(config, []byte("duid\nnoipv6rs\noption dhcp6_name_servers\ninterface cli0\nia_na 1\nia_pd 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := n.inClient("sh", "-c", "mount -t tmpfs none /run; mkdir -p /var/lib/dhcpcd && mount -t tmpfs none /var/lib/dhcpcd && "+
		"exec dhcpcd -6 -1 -B -t 10 -c /bin/true -f "+config+" cli0 2>&1")
	if !leased.MatchString(out) {
		t.Errorf("dhcpcd said:\n%s", out)
	}
	rows := fileText(t, filepath.Join(dir, leaseFileName))
	if !strings.Contains(rows, "2001:db8:8000::") {
		t.Errorf("no prefix was delegated:\n%s", rows)
	}
}

// TestDhcrelay gets an address through a relay agent that sends to the server's address.
func TestDhcrelay(t *testing.T) {
	n := newNetwork(t, true, "dhclient", "dhcrelay")
	dir := t.TempDir()
	n.run("ip", "-n", n.server, "addr", "add", "2001:db8:1::1/64", "dev", "srv0", "nodad")
	n.run("ip", "-n", n.relay, "addr", "add", "2001:db8:1::2/64", "dev", "up0", "nodad")
	n.run("ip", "-n", n.relay, "addr", "add", "2001:db8:2::1/64", "dev", "down0", "nodad")
	n.serve(dir)
	for namespace, link := range map[string]string{n.client: "cli0", n.relay: "down0", n.server: "srv0"} {
		n.settled(namespace, link)
	}
	n.settled(n.relay, "up0")
	n.background(n.relay, "dhcrelay", "-6", "-d", "-l", "down0", "-u", "2001:db8:1::1%up0")
	state, pid := filepath.Join(dir, "dhclient.leases"), filepath.Join(dir, "dhclient.pid")
	n.inClient("dhclient", "-6", "-1", "-sf", "/bin/true", "-lf", state, "-pf", pid, "-cf", "/dev/null", "cli0")
	if got := leased.FindString(fileText(t, state)); got != "2001:db8:2::100" {
		t.Errorf("dhclient got %q:\n%s", got, fileText(t, state))
	}
	n.inClient("dhclient", "-6", "-x", "-sf", "/bin/true", "-lf", state, "-pf", pid, "-cf", "/dev/null", "cli0")
}

// TestPerfdhcp lets many clients come in a short time.
func TestPerfdhcp(t *testing.T) {
	n := newNetwork(t, false, "perfdhcp")
	dir := t.TempDir()
	n.serve(dir)
	n.settled(n.client, "cli0")
	n.settled(n.server, "srv0")
	out := n.inClient("perfdhcp", "-6", "-l", "cli0", "-r", "50", "-R", "200", "-n", "100", "-W", "2000000", "-x", "i", "all")
	if !strings.Contains(out, "REQUEST-REPLY") || strings.Count(out, "\ndrops: 0\n") != 2 || strings.Count(out, "non unique addresses: 0") != 2 {
		t.Errorf("perfdhcp said:\n%s", out)
	}
}
