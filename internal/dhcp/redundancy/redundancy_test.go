package redundancy

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func groups(t *testing.T, text string) *Groups {
	t.Helper()
	var section map[string]any
	if err := json.Unmarshal([]byte(text), &section); err != nil {
		t.Fatal(err)
	}
	g, errs := Parse(section)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return g
}

const two = `{"groups": [
	{"name": "lan", "subnets": ["192.0.2.0/24", "2001:db8:1::/48"], "interfaces": ["eth0"]},
	{"name": "lab", "subnets": ["192.0.2.128/25"], "interfaces": ["eth1"]}]}`

func TestOf(t *testing.T) {
	g := groups(t, two)
	for _, c := range []struct{ address, iface, want string }{
		{"192.0.2.1", "", "lan"}, {"192.0.2.129", "eth0", "lab"}, {"198.51.100.1", "", ""}, {"198.51.100.1", "eth1", "lab"},
		{"2001:db8:1:2::3", "eth1", "lan"}, {"2001:db8:2::1", "eth9", ""},
	} {
		if got := g.Of(netip.MustParseAddr(c.address), c.iface); got != c.want {
			t.Errorf("%s behind %q is in group %q, want %q", c.address, c.iface, got, c.want)
		}
	}
	if (*Groups)(nil).Of(netip.MustParseAddr("192.0.2.1"), "eth0") != "" {
		t.Error("no groups have a member")
	}
}

func TestErrorsNameTheirPlace(t *testing.T) {
	for _, c := range []struct{ config, want string }{
		{`{"groups": [{"name": "a b", "subnets": ["192.0.2.0/24"]}]}`, `Ha/groups[0]/name: "a b" is no name`},
		{`{"groups": [{"name": "a"}]}`, `Ha/groups[0]: group "a" has neither`},
		{`{"groups": [{"name": "a", "subnets": ["192.0.2.0/33"]}]}`, `Ha/groups[0]/subnets[0]: netip.ParsePrefix("192.0.2.0/33")`},
		{`{"groups": [{"name": "a", "subnets": ["192.0.2.0/24"]}, {"name": "a", "interfaces": ["x"]}]}`, `Ha/groups[1]/name: duplicate group "a"`},
		{`{"groups": [{"name": "a", "subnets": ["192.0.2.0/24"]}, {"name": "b", "subnets": ["192.0.2.9/24"]}]}`,
			`Ha/groups[1]/subnets[0]: 192.0.2.0/24 is in group "a" already`},
		{`{"groups": [{"name": "a", "interfaces": ["x"]}, {"name": "b", "interfaces": ["x"]}]}`, `Ha/groups[1]/interfaces[0]: x is in group "a"`},
		{`{"groups": [{"name": "a", "interfaces": ["a/b"]}]}`, `Ha/groups[0]/interfaces[0]: "a/b" is no name`},
	} {
		var section map[string]any
		if err := json.Unmarshal([]byte(c.config), &section); err != nil {
			t.Fatal(err)
		}
		_, errs := Parse(section)
		if len(errs) == 0 || !strings.HasPrefix(errs[0].Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.config, errs, c.want)
		}
	}
}

// fake is the module Ha on the command channel.
type fake struct {
	mu    sync.Mutex
	roles map[string]Role // nil: it does not answer
	tell  func(json.RawMessage)
}

func (f *fake) Call(_ context.Context, _, _ string, _, result any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.roles == nil {
		return errors.New("not running")
	}
	text, err := json.Marshal(f.roles)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, result)
}

func (f *fake) Subscribe(_ string, fn func(json.RawMessage)) func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tell = fn
	return func() {}
}

func (f *fake) set(roles map[string]Role, tell bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.roles = roles
	if tell && f.tell != nil {
		f.tell(nil)
	}
}

func TestNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan, lab, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.129"), netip.MustParseAddr("198.51.100.1")
		ha := &fake{}
		n := NewNode(groups(t, two))
		ctx, stop := context.WithCancel(context.Background())
		var changes atomic.Int32
		ended := make(chan struct{})
		go func() { n.Run(ctx, ha, func() { changes.Add(1) }); close(ended) }()
		expect := func(what string, wantLAN, wantLab bool, wantChanges int32) {
			t.Helper()
			synctest.Wait()
			d := n.Duties()
			if d.Serves(lan, "") != wantLAN || d.Serves(lab, "") != wantLab || !d.Serves(other, "") || changes.Load() != wantChanges {
				t.Errorf("%s: lan %v, lab %v, other %v, %d changes", what, d.Serves(lan, ""), d.Serves(lab, ""), d.Serves(other, ""), changes.Load())
			}
		}
		expect("while nobody answers", false, false, 0)
		ha.set(map[string]Role{"lan": Master, "lab": Backup}, true)
		expect("master of one", true, false, 1)
		ha.set(map[string]Role{"lan": Master, "lab": Master}, false) // the event is lost
		time.Sleep(askAgain)
		expect("after the event was lost", true, true, 2)
		ha.set(nil, false)
		time.Sleep(grace - askAgain)
		expect("in the grace of a module that is away", true, true, 2)
		time.Sleep(grace)
		expect("after the grace", false, false, 3)
		ha.set(map[string]Role{"lan": Master, "lab": Master}, true)
		expect("again", true, true, 4)
		n.Use(groups(t, `{"groups": [{"name": "lan", "subnets": ["198.51.100.0/24"]}]}`))
		synctest.Wait()
		if d := n.Duties(); !d.Serves(lab, "") || !d.Serves(other, "") || d.Group(other, "") != "lan" {
			t.Error("the roles of a group that stays are gone")
		}
		stop()
		<-ended
	})
}
