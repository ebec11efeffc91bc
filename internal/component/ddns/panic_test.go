package ddns

import (
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/authority"
	"bundy/internal/dns/update"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
)

// TestPanicOfAWorkerEndsTheComponent and nothing else: in placement single everything lives in one process.
func TestPanicOfAWorkerEndsTheComponent(t *testing.T) {
	s := start(t, nil)
	s.stop()
	spec := specification(paths.Below(t.TempDir()))
	c, err := newComponent(spec, document(t, section), module.Deps{Bus: s.events, Log: s.log.Logger(Name)}, s.authority, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- c.Run(t.Context(), func() { close(ready) }) }()
	<-ready
	request := authority.Request{Message: pack(t, update.Request{}), Client: peer}
	c.take(request, func([]byte) { panic("while answering") })
	if err := <-done; err == nil || !strings.Contains(err.Error(), "while answering") {
		t.Errorf("the component ended with %v", err)
	}
}
