package netif

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// detectInterval is how often the interfaces are looked at even if the system tells of no change: sockets that could
	// not be made are tried again.
	detectInterval = 2 * time.Second

	// lookPause is between two looks, so that interfaces that flap do not use up a processor.
	lookPause = 100 * time.Millisecond
)

// Sight is what a look at the interfaces found and did.
type Sight struct {
	Chosen   []Place
	Unserved []Unserved
	Changes
	Open int // how many are served now
}

// Place is an interface, or an address of one, that is to be served.
type Place struct {
	Name  string
	Addrs []netip.Addr
}

// News are what an Observer tells. Each is told when it changes, and not with every look.
type News struct {
	DetectFailed func(error)
	Absent       func(entry, reason string) // named by the configuration, and cannot be served
	Closed       func(name string)
	Opened       func(name string)
	NoFrames     func(name string, err error) // served without packet socket
	Failed       func(name, reason string)    // could not be opened
	NothingOpen  func()
}

// Observer serves the configured interfaces that are there.
type Observer struct {
	look   func(context.Context) (Sight, error)
	news   News
	status atomic.Pointer[[]LinkStatus]

	// What was told last.
	detect   string
	failed   map[string]string // by name; the reason
	noFrames map[string]string // by name of a served one; the reason
	absent   map[Unserved]bool
	nothing  bool
}

// NewObserver makes an observer that looks by look: with Links.Look or Links6.Look.
func NewObserver(look func(context.Context) (Sight, error), news News) *Observer {
	return &Observer{look: look, news: news, failed: map[string]string{}, noFrames: map[string]string{}}
}

// Run looks at once, then now and then and whenever it is woken, until ctx ends. served is closed after the first look.
func (o *Observer) Run(ctx context.Context, wake <-chan struct{}, served chan<- struct{}) {
	tick := time.NewTicker(detectInterval)
	defer tick.Stop()
	for first := true; ; first = false {
		o.observe(ctx)
		if first {
			close(served)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookPause):
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-wake:
		}
	}
}

// LinkStatus is an answer to the command status: one interface, or entry of the item interfaces.
type LinkStatus struct {
	Interface string   `json:"interface"`
	Served    bool     `json:"served"`
	Addresses []string `json:"addresses,omitempty"`
	Reason    string   `json:"reason,omitempty"` // why it is not served, or not in full
}

// Status is what the last look found. It may be called from any goroutine.
func (o *Observer) Status() []LinkStatus {
	if s := o.status.Load(); s != nil {
		return *s
	}
	return []LinkStatus{}
}

func (o *Observer) observe(ctx context.Context) {
	s, err := o.look(ctx)
	if err != nil {
		if o.detect != err.Error() {
			o.detect = err.Error()
			o.news.DetectFailed(err)
		}
		return
	}
	o.detect = ""
	if ctx.Err() != nil {
		return
	}
	absent := map[Unserved]bool{}
	for _, u := range s.Unserved {
		if absent[u] = true; !o.absent[u] {
			o.news.Absent(u.Entry, u.Reason)
		}
	}
	o.absent = absent
	for _, name := range s.Closed {
		delete(o.noFrames, name)
		o.news.Closed(name)
	}
	for _, name := range s.Opened {
		delete(o.failed, name)
		o.news.Opened(name)
	}
	for _, name := range slices.Sorted(maps.Keys(s.NoFrames)) {
		o.noFrames[name] = s.NoFrames[name].Error()
		o.news.NoFrames(name, s.NoFrames[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Failed)) {
		if text := s.Failed[name].Error(); o.failed[name] != text {
			o.failed[name] = text
			o.news.Failed(name, text)
		}
	}
	o.tell(s)
	nothing := s.Open == 0
	if nothing && !o.nothing {
		o.news.NothingOpen()
	}
	o.nothing = nothing
}

// tell keeps what Status says.
func (o *Observer) tell(s Sight) {
	status := []LinkStatus{}
	for _, p := range s.Chosen {
		one := LinkStatus{Interface: p.Name, Served: true}
		for _, a := range p.Addrs {
			one.Addresses = append(one.Addresses, a.String())
		}
		if err := s.Failed[p.Name]; err != nil {
			one.Served, one.Reason = false, err.Error()
		} else if text, ok := o.noFrames[p.Name]; ok {
			one.Reason = "answers to clients without address are broadcast: " + text
		}
		status = append(status, one)
	}
	for _, u := range s.Unserved {
		status = append(status, LinkStatus{Interface: u.Entry, Reason: u.Reason})
	}
	o.status.Store(&status)
}

// Look serves the interfaces that are chosen of those that are there now.
func (s *Links) Look(ctx context.Context, choices []Choice, ports Ports) (Sight, error) {
	all, err := Detect()
	if err != nil {
		return Sight{}, err
	}
	chosen, unserved := Choose(all, choices)
	out := Sight{Unserved: unserved, Changes: s.Update(ctx, chosen, ports), Open: len(s.Open())}
	for _, i := range chosen {
		out.Chosen = append(out.Chosen, Place{i.Name, i.Addrs})
	}
	return out, nil
}

// Look serves the endpoints that are chosen of those that are there now.
func (s *Links6) Look(ctx context.Context, choices []Choice, port uint16) (Sight, error) {
	all, err := Detect6()
	if err != nil {
		return Sight{}, err
	}
	chosen, unserved := Choose6(all, choices)
	out := Sight{Unserved: unserved, Changes: s.Update(ctx, chosen, port), Open: len(s.Open())}
	for _, e := range chosen {
		a := e.LinkLocal
		if e.Unicast.IsValid() {
			a = e.Unicast
		}
		out.Chosen = append(out.Chosen, Place{e.String(), []netip.Addr{a}})
	}
	return out, nil
}
