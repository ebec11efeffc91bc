package dhcp4

import (
	"context"
	"maps"
	"slices"
	"time"

	"bundy/internal/dhcp/netif"
)

// detectInterval is how often the interfaces are looked at even if the system tells of no change: sockets that could not
// be made are tried again.
const detectInterval = 2 * time.Second

// lookPause is between two looks, so that interfaces that flap do not use up a processor.
const lookPause = 100 * time.Millisecond

// watchInterfaces serves the configured interfaces that are there. It looks again now and then, and at once when it
// is woken. served is closed after the first look.
func (c *component) watchInterfaces(ctx context.Context, wake <-chan struct{}, served chan<- struct{}) {
	tick := time.NewTicker(detectInterval)
	defer tick.Stop()
	w := watcher{component: c, failed: map[string]string{}, noFrames: map[string]string{}}
	for first := true; ; first = false {
		w.look(ctx)
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

// watcher remembers what it logged, so that the log tells changes and not states.
type watcher struct {
	*component
	failed   map[string]string       // by interface; the error last logged
	noFrames map[string]string       // by interface served: why it has no packet socket
	absent   map[netif.Unserved]bool // named, and cannot be served
	detect   string
	noPing   string
	none     bool
}

func (w *watcher) look(ctx context.Context) {
	log := w.deps.Log
	all, err := netif.Detect()
	if err != nil {
		if w.detect != err.Error() {
			w.detect = err.Error()
			log.Log(msgDetectFail, err)
		}
		return
	}
	w.detect = ""
	set := w.current.Load()
	chosen, unserved := netif.Choose(all, set.interfaces)
	changes := w.links.Update(ctx, chosen, set.ports)
	if ctx.Err() != nil {
		return
	}
	absent := map[netif.Unserved]bool{}
	for _, u := range unserved {
		if absent[u] = true; !w.absent[u] {
			log.Log(msgInterfaceAbsent, u.Entry, u.Reason)
		}
	}
	w.absent = absent
	for _, name := range changes.Closed {
		delete(w.noFrames, name)
		log.Log(msgDeactivateInterface, name)
	}
	for _, name := range changes.Opened {
		delete(w.failed, name)
		log.Log(msgActivateInterface, name)
	}
	for _, name := range slices.Sorted(maps.Keys(changes.NoFrames)) {
		w.noFrames[name] = changes.NoFrames[name].Error()
		log.Log(msgNoFrames, name, changes.NoFrames[name])
	}
	for _, name := range slices.Sorted(maps.Keys(changes.Failed)) {
		if text := changes.Failed[name].Error(); w.failed[name] != text {
			w.failed[name] = text
			log.Log(msgOpenSocketFail, name, text)
		}
	}
	if set.ping.timeout > 0 {
		err := w.echo.open(ctx, opener{w.deps.Sockets})
		if err != nil && w.noPing != err.Error() {
			w.noPing = err.Error()
			log.Log(msgPingFail, "of any client", err)
		}
	}
	w.tell(chosen, unserved, changes)
	none := len(w.links.Open()) == 0
	if none && !w.none {
		log.Log(msgNoSocketsOpen)
	}
	w.none = none
}

// LinkStatus is an answer to the command status: one interface, or entry of the item interfaces.
type LinkStatus struct {
	Interface string   `json:"interface"`
	Served    bool     `json:"served"`
	Addresses []string `json:"addresses,omitempty"`
	Reason    string   `json:"reason,omitempty"` // why it is not served, or not in full
}

// tell keeps what the command status says.
func (w *watcher) tell(chosen []netif.Interface, unserved []netif.Unserved, changes netif.Changes) {
	status := []LinkStatus{}
	for _, i := range chosen {
		s := LinkStatus{Interface: i.Name, Served: true}
		for _, a := range i.Addrs {
			s.Addresses = append(s.Addresses, a.String())
		}
		if err := changes.Failed[i.Name]; err != nil {
			s.Served, s.Reason = false, err.Error()
		} else if text, ok := w.noFrames[i.Name]; ok {
			s.Reason = "answers to clients without address are broadcast: " + text
		}
		status = append(status, s)
	}
	for _, u := range unserved {
		status = append(status, LinkStatus{Interface: u.Entry, Reason: u.Reason})
	}
	w.status.Store(&status)
}
