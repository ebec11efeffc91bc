package parent

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{me.Username, me.Uid} {
		if a, err := lookup(name); err != nil || strconv.Itoa(a.uid) != me.Uid {
			t.Errorf("%s: %+v %v", name, a, err)
		}
	}
	if _, err := lookup("no such user"); err == nil {
		t.Error("unknown user found")
	}
}

// Components run as the user, with what binding sockets needs where the parent is the same process and nothing else.
func TestUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("becoming another user needs root")
	}
	nobody, err := lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	for placement, capabilities := range map[string]string{placementGrouped: "0000000000000000", placementSingle: "0000000000002400"} {
		t.Run(placement, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Chown(dir, nobody.uid, nobody.gid); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
				t.Fatal(err)
			}
			r := start(t, dir, "--user", "nobody", "--placement", placement)
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.pid("bundy-cmdctl")))
			if err != nil {
				t.Fatal(err)
			}
			field := func(name string) string {
				found := regexp.MustCompile(`(?m)^` + name + `:\s*(.*)$`).FindStringSubmatch(string(status))
				if found == nil {
					t.Fatalf("no %s in\n%s", name, status)
				}
				return strings.TrimSpace(found[1])
			}
			id := strconv.Itoa(nobody.uid)
			if got := field("Uid"); got != strings.Join([]string{id, id, id, id}, "\t") {
				t.Errorf("user %s", got)
			}
			if got := field("CapEff"); got != capabilities {
				t.Errorf("effective capabilities %s, want %s", got, capabilities)
			}
			if got := field("CapPrm"); got != capabilities {
				t.Errorf("permitted capabilities %s, want %s", got, capabilities)
			}
			r.must("Cmdctl", "say", nil, nil)
			r.must("Init", "shutdown", nil, nil)
			if got := r.status(); got != exitOK {
				t.Errorf("exit status %d", got)
			}
		})
	}
	bad := launch(t, t.TempDir(), "--user", "no-such-user")
	if bad.status() != exitFailure || !strings.Contains(bad.output.String(), "BUNDY_INVALID_USER") {
		t.Errorf("unknown user:\n%s", bad.output.String())
	}
}
