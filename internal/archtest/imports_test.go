package archtest

import (
	"strings"
	"testing"
)

// rooms says what the packages of a room may import of this module. The first line that fits a package counts.
// component/X is a room of its own for each X.
var rooms = []struct {
	room string
	may  []string
}{
	// The components of bundy-dns share zones and keys through it, and it describes the two sections of the
	// configuration that these come from. So it knows the suite's contracts, which the rest of the library does not.
	{"internal/dns/authority", []string{"internal/dns", "internal/suite/module", "internal/suite/paths", "internal/suite/schema", "internal/suite/logging"}},
	// bundy-loadzone is a program of its own: it has default paths and writes messages.
	{"internal/dns/loadzone", []string{"internal/dns", "internal/suite/paths", "internal/suite/logging", "internal/version"}},
	{"internal/dns", []string{"internal/dns", "internal/version"}},
	// bundy-kea-config is a program of its own: it holds what it makes against the descriptions of the modules.
	{"internal/dhcp/keaconf", []string{"internal/dhcp", "internal/suite/module", "internal/suite/schema"}},
	{"internal/dhcp", []string{"internal/dhcp", "internal/dns/wire"}},
	{"internal/naming", []string{"internal/naming", "internal/dns", "internal/dhcp"}},
	{"internal/suite", []string{"internal/suite", "internal/version"}},
	{"internal/control", []string{"internal/control", "internal/suite/paths", "internal/version"}},
	{"internal/shell", []string{"internal/shell", "internal/version"}},
	{"internal/component", []string{
		"internal/dns", "internal/dhcp", "internal/naming", "internal/suite", "internal/control", "internal/version",
	}},
	{"internal/version", nil},
	{"internal/archtest", nil},
	{"cmd", []string{"internal"}},
	{"test", []string{"internal"}},
}

// Tests of a package may stand on more than the package: a test of naming talks to a DNS server, a test of the suite
// to a component. They may not reach into another component.
func TestRooms(t *testing.T) {
	for _, s := range sources(t) {
		known := false
		for _, r := range rooms {
			if !within(s.dir, []string{r.room}) {
				continue
			}
			known = true
			may := r.may
			if r.room == "internal/component" {
				parts := strings.SplitN(s.dir, "/", 4)
				may = append([]string{strings.Join(parts[:min(3, len(parts))], "/")}, may...)
			}
			for _, path := range s.imports() {
				path, ours := strings.CutPrefix(path, module+"/")
				if ours && !within(path, may) && !(s.test && !within(path, []string{"internal/component"})) {
					t.Errorf("%s imports %s: %s may import only %v", s.path, path, r.room, may)
				}
			}
			break
		}
		if !known {
			t.Errorf("%s: %s is not a room of the house", s.path, s.dir)
		}
	}
}

// pure packages decide: they have no socket, no file, no logger and no clock, so that they are tested with values.
var pure = []string{
	"internal/dns/wire", "internal/dns/zone", "internal/dns/transfer", "internal/dns/update", "internal/dns/resolve",
	"internal/dhcp/allocate", "internal/dhcp/packet4", "internal/dhcp/packet6", "internal/dhcp/option",
	"internal/naming/policy", "internal/naming/reconcile",
}

func TestPure(t *testing.T) {
	impure := []string{"net", "os", "log", "log/slog", "syscall", "math/rand", "math/rand/v2", "golang.org/x/sys/unix", module + "/internal/suite/logging"}
	for _, s := range sources(t) {
		if s.test || !within(s.dir, pure) {
			continue
		}
		for _, path := range s.imports() {
			for _, bad := range impure {
				if path == bad {
					t.Errorf("%s imports %s: a package that decides does not", s.path, path)
				}
			}
		}
		for _, call := range s.calls("time", "Now", "Since", "Until", "Sleep", "After", "NewTimer", "NewTicker", "AfterFunc") {
			t.Errorf("%s: a package that decides takes the time as an argument", s.at(call))
		}
	}
}

// confined libraries are known to one room only, and to tests, which use them as oracles.
func TestConfinedLibraries(t *testing.T) {
	confined := map[string][]string{
		"github.com/miekg/dns":            {"internal/dns"},
		"modernc.org/sqlite":              {"internal/dns/zonedb", "internal/naming/owned"},
		"github.com/peterh/liner":         {"internal/shell"},
		"github.com/icholy/digest":        {"internal/control", "internal/component/cmdctl"},
		"github.com/insomniacslk/dhcp":    nil,
		"github.com/google/go-cmp":        nil,
		"pgregory.net/rapid":              {"internal/dhcp/lease/leasetest"},
		"go.uber.org/goleak":              nil,
		"github.com/vishvananda/netns":    nil,
		"github.com/rogpeppe/go-internal": nil,
	}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, path := range s.imports() {
			for library, where := range confined {
				if within(path, []string{library}) && !within(s.dir, where) {
					t.Errorf("%s imports %s, which only %v may, and tests", s.path, path, where)
				}
			}
		}
	}
}

// TestImportForms: no blank imports for effect, and no dot imports.
func TestImportForms(t *testing.T) {
	for _, s := range sources(t) {
		for _, i := range s.file.Imports {
			if i.Name == nil {
				continue
			}
			switch {
			case i.Name.Name == ".":
				t.Errorf("%s: dot import of %s", s.at(i), i.Path.Value)
			case i.Name.Name == "_" && i.Path.Value != `"embed"` && !strings.Contains(i.Path.Value, "modernc.org/sqlite"):
				t.Errorf("%s: %s is imported for its effect only", s.at(i), i.Path.Value)
			}
		}
	}
}
