package dhcp4

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/memfile"
	"bundy/internal/suite/paths"
)

// serverDirectory names the state directory in the environment of the process that TestInNamespace runs as server.
const serverDirectory = "BUNDY_TEST_DHCP4_DIRECTORY"

const namespaceConfig = `{
	"interfaces": ["srv0"],
	"option-data": [{"name": "routers", "data": "192.0.2.1", "csv-format": true}],
	"dhcp-ddns": {"enable-updates": true, "qualifying-suffix": "lab.test"},
	"subnet4": [
		{"subnet": "192.0.2.0/24", "pool": ["192.0.2.100 - 192.0.2.110"]},
		{"subnet": "10.7.0.0/24", "pool": ["10.7.0.10 - 10.7.0.20"],
			"option-data": [{"name": "routers", "data": "10.7.0.1", "csv-format": true}]}
	]
}`

// TestServerProcess is no test of its own: it is the server in its namespace, until its standard input ends.
func TestServerProcess(t *testing.T) {
	dir := os.Getenv(serverDirectory)
	if dir == "" {
		t.Skip("only run by TestClients")
	}
	_, stop := start(t, paths.Below(dir), namespaceConfig)
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Error(err)
	}
	stop()
}

// network is two namespaces joined by a wire: srv0 of the server, cli0 of the client.
type network struct {
	*testing.T
	server, client string
}

// endAll ends what still runs in a namespace: a client that went into the background may have missed its order to end.
func (n network) endAll(namespace string) {
	out, err := exec.Command("ip", "netns", "pids", namespace).Output()
	if err != nil {
		n.Errorf("ip netns pids %s: %v", namespace, err)
	}
	for _, text := range strings.Fields(string(out)) {
		if pid, err := strconv.Atoi(text); err == nil && pid != os.Getpid() { // a thread of ours may be in there
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func newNetwork(t *testing.T) network {
	if os.Getuid() != 0 {
		t.Skip("namespaces need root")
	}
	for _, tool := range []string{"ip", "udhcpc", "dhclient"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("not installed:", err)
		}
	}
	n := network{t, fmt.Sprintf("bundy-s%d", os.Getpid()), fmt.Sprintf("bundy-c%d", os.Getpid())}
	if out, err := exec.Command("ip", "netns", "add", n.server).CombinedOutput(); err != nil {
		t.Skipf("no namespace can be made: %v: %s", err, out)
	}
	t.Cleanup(func() { n.run("ip", "netns", "del", n.server) })
	n.run("ip", "netns", "add", n.client)
	t.Cleanup(func() {
		n.endAll(n.client)
		n.run("ip", "netns", "del", n.client)
	})
	n.run("ip", "link", "add", "srv0", "netns", n.server, "type", "veth", "peer", "name", "cli0", "netns", n.client)
	n.run("ip", "-n", n.server, "link", "set", "srv0", "up")
	n.run("ip", "-n", n.client, "link", "set", "cli0", "up")
	return n
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

// serve runs the server until the end of the test.
func (n network) serve(dir string) {
	cmd := exec.Command("ip", "netns", "exec", n.server, os.Args[0], "-test.run=^TestServerProcess$", "-test.v")
	cmd.Env = append(os.Environ(), serverDirectory+"="+dir)
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
}

// TestClients lets real clients get, renew and release addresses over a wire. The server starts before its interface
// has an address.
func TestClients(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	n := newNetwork(t)
	dir := t.TempDir()
	t.Cleanup(func() { // when the server has stopped
		store, err := memfile.Open(filepath.Join(dir, leaseFileName), memfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		store.All(func(l lease.Lease) bool {
			t.Errorf("all clients released their addresses, but there is %+v", l)
			return true
		})
	})
	n.serve(dir)
	n.run("ip", "-n", n.server, "addr", "add", "192.0.2.1/24", "dev", "srv0")
	leases := filepath.Join(dir, leaseFileName)
	address := regexp.MustCompile(`192\.0\.2\.1\d\d`)

	t.Run("udhcpc", func(t *testing.T) {
		script := filepath.Join(dir, "script")
		text := `#!/bin/sh
echo "$1 ip=$ip router=$router serverid=$serverid lease=$lease"
case $1 in
deconfig) ip addr flush dev $interface ;;
bound) ip addr add $ip/24 dev $interface ;;
esac
`
		if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		get := func(flags ...string) string {
			t.Helper()
			return network{t, n.server, n.client}.inClient(append([]string{"udhcpc", "-i", "cli0", "-f", "-q", "-n", "-t", "8", "-T", "1", "-s", script,
				"-x", "hostname:boxone"}, flags...)...)
		}
		out := get()
		if !strings.Contains(out, "bound ip=192.0.2.100 router=192.0.2.1 serverid=192.0.2.1 lease=4000") {
			t.Errorf("udhcpc said:\n%s", out)
		}
		if out := get("-B"); !strings.Contains(out, "bound ip=192.0.2.100 ") { // answers by broadcast
			t.Errorf("udhcpc -B said:\n%s", out)
		}
		if text := leaseFile(t, leases); !strings.Contains(text, "boxone.lab.test.") {
			t.Errorf("lease file:\n%s", text)
		}
		cmd := exec.Command("ip", "netns", "exec", n.client, "udhcpc", "-i", "cli0", "-f", "-R", "-T", "1", "-s", script)
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(pipe); lines.Scan() && !strings.HasPrefix(lines.Text(), "bound "); {
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil { // releases the address
			t.Error(err)
		}
		if _, err := io.Copy(io.Discard, pipe); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Logf("udhcpc ended: %v", err)
		}
		awaitRelease(t, leases, "192.0.2.100")
	})

	t.Run("dhclient", func(t *testing.T) {
		n := network{t, n.server, n.client}
		state, pid, config := filepath.Join(dir, "dhclient.leases"), filepath.Join(dir, "dhclient.pid"), filepath.Join(dir, "dhclient.conf")
		text := "send host-name \"boxtwo\";\nrequest subnet-mask, routers, host-name;\nsend dhcp-client-identifier \"two\";\ninitial-interval 1;\nretry 1;\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"dhclient", "-4", "-sf", "/bin/true", "-lf", state, "-pf", pid, "-cf", config}
		n.inClient(append(args, "-1", "cli0")...)
		got := address.FindString(leaseFile(t, state))
		if got == "" || !strings.Contains(leaseFile(t, state), "option routers 192.0.2.1;") {
			t.Errorf("dhclient's leases:\n%s", leaseFile(t, state))
		}
		if text := leaseFile(t, leases); !strings.Contains(text, "boxtwo.lab.test.") || !strings.Contains(text, got) {
			t.Errorf("lease file:\n%s", text)
		}
		// The RELEASE is unicast: the client needs its address, which its script would have set.
		n.run("ip", "-n", n.client, "addr", "add", got+"/24", "dev", "cli0")
		n.inClient(append(args, "-r", "cli0")...)
		awaitRelease(t, leases, got) // or the server ends before it has read of it
	})
}
