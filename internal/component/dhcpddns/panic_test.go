package dhcpddns

import (
	"strings"
	"testing"

	"bundy/internal/suite/paths"
)

// TestPanicEndsTheComponentInOrder panics in the engine, and in a goroutine beside it: each time the component fails, gives
// up what it holds, and can be started again in the same process.
func TestPanicEndsTheComponentInOrder(t *testing.T) {
	for name, cause := range map[string]func(*engine){
		"engine": func(*engine) { panic("as asked") },
		"beside": func(e *engine) { e.wg.Go(func() { panic("as asked") }) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			d := Descriptor(paths.Below(s.dir))
			m, err := d.New(s.doc, s.deps())
			if err != nil {
				t.Fatal(err)
			}
			ready, ended := make(chan struct{}), make(chan error, 1)
			go func() { ended <- m.Run(t.Context(), func() { close(ready) }) }()
			<-ready
			m.(*component).asks <- func(e *engine) { cause(e) }
			if err := <-ended; err == nil || !strings.Contains(err.Error(), "panic: ") {
				t.Errorf("ended with %v", err)
			}
			s.start()
		})
	}
}
