package module

import (
	"errors"
	"strings"
	"testing"
)

func TestBackgroundTurnsPanicIntoFailure(t *testing.T) {
	b := NewBackground()
	for range 3 {
		b.Go(func() { panic("ouch") })
	}
	b.Go(func() {})
	b.Wait()
	err := <-b.Failed()
	if !strings.HasPrefix(err.Error(), "panic: ouch\n") || !strings.Contains(err.Error(), "background_test.go") {
		t.Errorf("failure %v does not name the place", err)
	}
	if len(b.Failed()) != 0 {
		t.Error("reported twice")
	}
}

func TestProtectKeepsErrors(t *testing.T) {
	want := errors.New("disk")
	if err := Protect(func() error { return want }); err != want {
		t.Error(err)
	}
}
