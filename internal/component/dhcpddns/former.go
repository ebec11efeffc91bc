package dhcpddns

import (
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
)

// formerDomains are those that the configuration has no more, with their servers and keys: what we made there is still ours
// to remove. They are known as long as something of ours is left there and the process runs, for keys are written nowhere
// but into the configuration.
type formerDomains map[gateKey]publish.Domain

// leave notes the domains that one catalog had and the next one has not.
func (f formerDomains) leave(before, next *publish.Catalog) {
	for _, kind := range []owned.Kind{owned.Forward, owned.Reverse} {
		for _, d := range before.Domains(kind) {
			f[gateKey{kind, d.Zone}] = d
		}
		for _, d := range next.Domains(kind) {
			delete(f, gateKey{kind, d.Zone})
		}
	}
}

// forgetFormer forgets the domains in which nothing of ours is left.
func (e *engine) forgetFormer() {
	if len(e.former) == 0 {
		return
	}
	used := map[gateKey]bool{}
	for r := range e.store.All() {
		used[gateKey{r.Kind, r.Zone}] = true
	}
	for key := range e.former {
		if !used[key] {
			delete(e.former, key)
		}
	}
}

// domain finds the domain for the next transaction of a record. One that is to be removed has that which it was added in,
// even when that was taken out of the configuration.
func (e *engine) domain(r owned.Record) (publish.Domain, bool) {
	if d, ok := e.settings.catalog.For(r); ok {
		return d, true
	}
	d, ok := e.former[gateKey{r.Kind, r.Zone}]
	return d, ok && r.State.Leaving()
}
