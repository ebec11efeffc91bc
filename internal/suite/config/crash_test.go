package config

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// crashFile tells the test binary to be the process that is killed.
const crashFile = "BUNDY_TEST_CRASH_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		commitForEver(path)
	}
	os.Exit(m.Run())
}

// commitForEver makes commits and says the port of each on standard output when it is acknowledged.
func commitForEver(path string) {
	k, err := Open(Options{File: path, Modules: modules(), Runner: &fakeRunner{}, Publish: func(string, any) error { return nil }})
	for err == nil {
		doc, _ := k.Document()
		port, _ := doc["Auth"]["port"].(int64)
		port = port%60000 + 1
		if err = k.Commit(context.Background(), map[string]schema.Section{"Auth": {"port": port}}, Author{Name: "ann"}); err == nil {
			fmt.Println(port)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKilledDuringCommits kills a process at any step of its commits: what it acknowledged is there, the file is whole,
// the history agrees with it, and nothing half made is left behind.
func TestKilledDuringCommits(t *testing.T) {
	o := testOptions(t, &fakeRunner{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for round := range 12 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), crashFile+"="+o.File)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		acknowledged, enough := 0, 3+rand.IntN(5)
		for lines.Scan() {
			if acknowledged, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatalf("%q", lines.Text())
			}
			if enough--; enough == 0 {
				// A commit takes about a millisecond or two: this falls into any part of the next.
				time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { cmd.Process.Kill() })
			}
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("the process ended by itself: %v", err)
		}
		k := open(t, o)
		doc, number := k.Document()
		if port := doc["Auth"]["port"].(int64); port != int64(acknowledged) && port != int64(acknowledged)+1 {
			t.Fatalf("round %d: %d was acknowledged, %d is stored", round, acknowledged, port)
		}
		if rev, err := k.history.read(number); err != nil || !schema.Equal(rev.Document, doc) {
			t.Fatalf("round %d: revision %d is not the document: %v", round, number, err)
		}
		for _, pattern := range []string{o.File + "?*", filepath.Join(k.history.dir, "*"+tempMark+"*")} {
			if left, _ := filepath.Glob(pattern); len(left) > 0 {
				t.Errorf("round %d: left behind: %v", round, left)
			}
		}
	}
}

// TestHalfMadeRevisionIsSwept leaves a temporary file, which holds keys, in the history.
func TestHalfMadeRevisionIsSwept(t *testing.T) {
	o := testOptions(t, &fakeRunner{})
	k := open(t, o)
	temp := k.history.path(2) + tempMark + "123"
	if err := os.WriteFile(temp, []byte(`{"num`), 0o600); err != nil {
		t.Fatal(err)
	}
	k = open(t, o)
	if _, err := os.Stat(temp); err == nil {
		t.Error("the temporary file is still there")
	}
	if list, err := k.History(); err != nil || len(list) != 1 {
		t.Errorf("history: %v %v", list, err)
	}
}

// TestInitAppliesLast shows that what a commit stops has taken the commit before: Init is told when all others are done.
func TestInitAppliesLast(t *testing.T) {
	r := &fakeRunner{running: []string{"Auth", "Init", "Idle"}}
	o := testOptions(t, r)
	o.Modules = append(o.Modules, &module.Descriptor{Spec: schema.New("Init", "parent", ringConfig{}, paths.Default())})
	k := open(t, o)
	for range 20 { // the others have no order among them
		if err := k.Commit(t.Context(), changes(t, `{"Auth":{"port":1},"Idle":{"keys":["a"]},"Init":{"keys":["a"]}}`), Author{}); err != nil {
			t.Fatal(err)
		}
		if did := r.did(); !strings.HasSuffix(did, ", apply Init") {
			t.Fatal(did)
		}
		if err := k.Rollback(t.Context(), 1, Author{}); err != nil {
			t.Fatal(err)
		}
		if did := r.did(); !strings.HasSuffix(did, ", apply Init") {
			t.Fatal(did)
		}
	}
}

// TestCommitGivenUpInTime has whoever asked go away while the modules prepare: nothing is stored.
func TestCommitGivenUpInTime(t *testing.T) {
	r := &fakeRunner{running: []string{"Auth"}}
	o := testOptions(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	o.Runner = leavingRunner{r, cancel}
	k := open(t, o)
	if err := k.Commit(ctx, changes(t, `{"Auth":{"port":1}}`), Author{}); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v", err)
	}
	if did := r.did(); did != "prepare Auth, discard Auth" {
		t.Error(did)
	}
	if doc, number := open(t, o).Document(); number != 1 || len(doc) != 0 {
		t.Errorf("revision %d: %v", number, doc)
	}
}

type leavingRunner struct {
	*fakeRunner
	leave func()
}

func (r leavingRunner) Prepare(ctx context.Context, name string, doc schema.Document) (Prepared, error) {
	defer r.leave()
	return r.fakeRunner.Prepare(ctx, name, doc)
}

// endingRunner has a module that has ended, or cannot be told, when the commit is applied.
type endingRunner struct {
	*fakeRunner
	apply error
}

func (r endingRunner) Prepare(ctx context.Context, name string, doc schema.Document) (Prepared, error) {
	p, err := r.fakeRunner.Prepare(ctx, name, doc)
	return endingPrepared{p, r.apply}, err
}

type endingPrepared struct {
	Prepared
	err error
}

func (p endingPrepared) Apply(context.Context) error { return p.err }

// TestModuleEndsBeforeApply ends a module between prepare and apply: that is no fault of it, another error is.
func TestModuleEndsBeforeApply(t *testing.T) {
	for _, test := range []struct {
		err  error
		want int
	}{
		{fmt.Errorf("Auth: %w", bus.ErrNotRunning), 0},
		{errors.New("no"), 1},
	} {
		rec := logging.NewRecorder()
		o := testOptions(t, nil)
		o.Runner = endingRunner{&fakeRunner{running: []string{"Auth"}}, test.err}
		o.Log = rec.Logger(ModuleName)
		if err := open(t, o).Commit(t.Context(), changes(t, `{"Auth":{"port":1}}`), Author{}); err != nil {
			t.Fatal(err)
		}
		if n := rec.Count("CFGMGR_BAD_UPDATE_RESPONSE_FROM_MODULE"); n != test.want {
			t.Errorf("%v: logged %d times, want %d", test.err, n, test.want)
		}
	}
}

// TestPanicInACommandEndsNothing has a runner panic in the middle of a commit: the caller hears of it, nothing is stored,
// and the next commit has its turn.
func TestPanicInACommandEndsNothing(t *testing.T) {
	r := &panickingRunner{fakeRunner: &fakeRunner{}, panics: true}
	o := testOptions(t, nil)
	o.Runner = r
	k := open(t, o)
	change := json.RawMessage(`["Auth",{"port":1}]`)
	if _, err := k.Call(t.Context(), "set_config", change); err == nil || !strings.Contains(err.Error(), "panic: as asked") {
		t.Errorf("answer %v", err)
	}
	if doc, number := k.Document(); number != 1 || len(doc) != 0 {
		t.Errorf("revision %d: %v", number, doc)
	}
	r.panics = false
	if _, err := k.Call(t.Context(), "set_config", change); err != nil {
		t.Error(err)
	}
}

type panickingRunner struct {
	*fakeRunner
	panics bool
}

func (r *panickingRunner) Running() []string {
	if r.panics {
		panic("as asked")
	}
	return nil
}
