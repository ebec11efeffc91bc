package dhcp6

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
	w := watcher{component: c, failed: map[string]string{}}
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
	failed map[string]string       // by endpoint; the error last logged
	absent map[netif.Unserved]bool // named, and cannot be served
	detect string
	none   bool
}

func (w *watcher) look(ctx context.Context) {
	log := w.deps.Log
	all, err := netif.Detect6()
	if err != nil {
		if w.detect != err.Error() {
			w.detect = err.Error()
			log.Log(msgDetectFail, err)
		}
		return
	}
	w.detect = ""
	set := w.current.Load()
	chosen, unserved := netif.Choose6(all, set.interfaces)
	changes := w.links.Update(ctx, chosen, set.serverPort)
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
		log.Log(msgDeactivateInterface, name)
	}
	for _, name := range changes.Opened {
		delete(w.failed, name)
		log.Log(msgActivateInterface, name)
	}
	for _, name := range slices.Sorted(maps.Keys(changes.Failed)) {
		if text := changes.Failed[name].Error(); w.failed[name] != text {
			w.failed[name] = text
			log.Log(msgOpenSocketFail, name, text)
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
	Reason    string   `json:"reason,omitempty"` // why it is not served
}

// tell keeps what the command status says.
func (w *watcher) tell(chosen []netif.Endpoint6, unserved []netif.Unserved, changes netif.Changes) {
	status := []LinkStatus{}
	for _, e := range chosen {
		s := LinkStatus{Interface: e.String(), Served: true}
		if e.Unicast.IsValid() {
			s.Addresses = []string{e.Unicast.String()}
		} else {
			s.Addresses = []string{e.LinkLocal.String()}
		}
		if err := changes.Failed[e.String()]; err != nil {
			s.Served, s.Reason = false, err.Error()
		}
		status = append(status, s)
	}
	for _, u := range unserved {
		status = append(status, LinkStatus{Interface: u.Entry, Reason: u.Reason})
	}
	w.status.Store(&status)
}
