package authority

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// Authority is what a process knows of its zones. Create it with New. All methods may be called from any goroutine.
type Authority struct {
	version  string
	catalog  zone.Catalog
	keys     atomic.Pointer[tsig.Ring]
	handler  atomic.Pointer[UpdateHandler]
	observer atomic.Pointer[func(Finding)]

	changing chan struct{} // holds one token, which a Change has from Prepare to Apply or Discard

	mu  sync.Mutex // also orders what goes into the catalog; locked before a slot's mutex
	set *set       // what is configured; never nil

	background sync.WaitGroup // followers of databases, and databases being closed
}

// UpdateHandler takes an update to carry it out. It must not block; reply is called at most once, from any goroutine,
// with the whole signed message.
type UpdateHandler func(r Request, reply func([]byte))

// Request is an UPDATE message as it came in.
type Request struct {
	Message []byte // with the TSIG record taken out; the handler's own
	Client  netip.AddrPort
	TCP     bool
	TSIG    *tsig.Session // verified, to sign the reply with; nil when the request was not signed
}

// New makes an authority without zones and keys. version is what the built-in zone says in VERSION.BIND.
func New(version string) *Authority {
	a := &Authority{version: version, set: newSet(), changing: make(chan struct{}, 1)}
	a.changing <- struct{}{}
	a.keys.Store(new(tsig.Ring))
	return a
}

// Catalog gives the zones to answer from. It stays the same.
func (a *Authority) Catalog() *zone.Catalog { return &a.catalog }

// Keys gives the ring of TSIG keys, which may be empty but is not nil.
func (a *Authority) Keys() *tsig.Ring { return a.keys.Load() }

// SetKeys puts another ring in the place of the last one.
func (a *Authority) SetKeys(r *tsig.Ring) { a.keys.Store(r) }

// UpdateHandler gives the handler of updates, nil when there is none.
func (a *Authority) UpdateHandler() UpdateHandler {
	if h := a.handler.Load(); h != nil {
		return *h
	}
	return nil
}

// SetUpdateHandler names the handler of updates; nil takes it away.
func (a *Authority) SetUpdateHandler(h UpdateHandler) {
	if h == nil {
		a.handler.Store(nil)
		return
	}
	a.handler.Store(&h)
}

// SetObserver names who is told of what happens in the background: zones that other processes changed, and what was
// found in them. It is called from several goroutines and must not block. nil takes it away.
func (a *Authority) SetObserver(f func(Finding)) {
	if f == nil {
		a.observer.Store(nil)
		return
	}
	a.observer.Store(&f)
}

func (a *Authority) observe(found []Finding) {
	f := a.observer.Load()
	if f == nil {
		return
	}
	for _, one := range found {
		(*f)(one)
	}
}

// Close ends the following of databases and closes them. The zones in memory stay in the catalog.
func (a *Authority) Close() {
	a.mu.Lock()
	old := a.set
	a.set = newSet()
	a.mu.Unlock()
	for _, db := range old.databases {
		a.retire(db)
	}
	a.background.Wait()
}

// key names a zone.
type key struct {
	class  wire.Class
	origin wire.Name // lower case
}

func keyOf(class wire.Class, origin wire.Name) key { return key{class, origin.Lower()} }
