package dhcp4

import (
	"strings"
	"testing"

	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/sockets"
)

// TestPanicGivesTheLeasesBack panics in the goroutine that owns the leases: the component fails, and the next one in the
// same process can open them.
func TestPanicGivesTheLeasesBack(t *testing.T) {
	p := paths.Below(t.TempDir())
	const config = `{"interfaces": ["no-such-link"]}`
	keeper := sockets.NewKeeper(nil)
	defer keeper.Close()
	made, err := Descriptor(p).New(document(t, config), module.Deps{Sockets: keeper.For("dhcp4"), Paths: p})
	if err != nil {
		t.Fatal(err)
	}
	c := made.(*component)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- c.Run(t.Context(), func() { close(ready) }) }()
	<-ready
	c.changes <- change{} // without settings, as no commit is
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "panic") {
		t.Fatalf("ended with %v", err)
	}
	start(t, p, config)
}
