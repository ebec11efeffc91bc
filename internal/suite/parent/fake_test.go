package parent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"

	"bundy/internal/suite/host"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/sockets"
)

// envParent makes the test binary the program bundy, with the fake components.
const envParent = "BUNDY_TEST_PARENT"

func TestMain(m *testing.M) {
	switch {
	case host.Wanted():
		os.Exit(host.Main(fakeTable))
	case os.Getenv(envParent) != "":
		os.Exit(Main(os.Args[1:], fakeTable))
	}
	os.Exit(m.Run())
}

// fakeTable has components with the names that rules know, and two that serve.
func fakeTable(p paths.Paths) []*module.Descriptor {
	return []*module.Descriptor{
		fake(p, "bundy-stats", "Stats", "", "bundy-control"),
		fake(p, "bundy-cmdctl", "Cmdctl", "cmdctl", "bundy-control"),
		fake(p, "bundy-auth", "Auth", "auth", "bundy-dns"),
		fake(p, "bundy-ddns", "DDNS", "", "bundy-dns"),
		{Component: "tsig_keys", Virtual: true, Spec: schema.New("tsig_keys", "Keys.", struct {
			Keys []string `json:"keys" help:"Keys."`
		}{}, p)},
	}
}

type fakeConfig struct {
	Word   string `json:"word" default:"hello" help:"What it answers."`
	Refuse bool   `json:"refuse" default:"false" help:"Refuse every change."`
	Broken bool   `json:"broken" default:"false" help:"Fail at the start."`
}

func fake(p paths.Paths, name, moduleName, special, process string) *module.Descriptor {
	spec := schema.New(moduleName, "A fake.", fakeConfig{}, p)
	spec.Command("address", "Where it answers datagrams.", nil)
	spec.Command("say", "Answer a word.", struct {
		Word string `json:"word" default:"yes" optional:"true" help:"The word."`
	}{})
	spec.Command("panic", "Panic.", nil)
	spec.Statistic(struct {
		Answers int `json:"answers" default:"0" help:"Datagrams answered."`
	}{})
	return &module.Descriptor{
		Component: name, Special: special, Process: process, Spec: spec, Watches: []string{"tsig_keys"},
		New: func(doc schema.Document, deps module.Deps) (module.Component, error) {
			f := &fakeComponent{spec: spec, deps: deps, crash: make(chan struct{})}
			c, err := f.decode(doc)
			f.config.Store(&c)
			return f, err
		},
	}
}

type fakeComponent struct {
	spec    *schema.Module
	deps    module.Deps
	config  atomic.Pointer[fakeConfig]
	conn    net.PacketConn
	crash   chan struct{}
	answers atomic.Int64
}

func (f *fakeComponent) decode(doc schema.Document) (c fakeConfig, err error) {
	return c, schema.Decode(f.spec, doc[f.spec.Name], &c)
}

func (f *fakeComponent) Run(ctx context.Context, ready func()) error {
	if f.config.Load().Broken {
		return errors.New("broken by its configuration")
	}
	files, err := f.deps.Sockets.Get(ctx, sockets.Request{Kind: sockets.UDP, Address: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		return err
	}
	defer files[0].Close()
	if f.conn, err = net.FilePacketConn(files[0]); err != nil {
		return err
	}
	defer f.conn.Close()
	served := make(chan error, 1)
	go func() { served <- f.serve() }()
	ready()
	select {
	case <-ctx.Done():
		return nil
	case err := <-served:
		return err
	case <-f.crash:
		panic("told to")
	}
}

func (f *fakeComponent) serve() error {
	buf := make([]byte, 512)
	for {
		_, from, err := f.conn.ReadFrom(buf)
		if err != nil {
			return err
		}
		f.answers.Add(1)
		if _, err := fmt.Fprintf(writerTo{f.conn, from}, "%s %d", f.config.Load().Word, os.Getpid()); err != nil {
			return err
		}
	}
}

type writerTo struct {
	conn net.PacketConn
	to   net.Addr
}

func (w writerTo) Write(b []byte) (int, error) { return w.conn.WriteTo(b, w.to) }

func (f *fakeComponent) Prepare(_ context.Context, doc schema.Document) (module.Change, error) {
	c, err := f.decode(doc)
	if err == nil && c.Refuse {
		err = fmt.Errorf("%s/refuse: told to refuse", f.spec.Name)
	}
	return module.Swap(func() { f.config.Store(&c) }, nil), err
}

func (f *fakeComponent) Call(_ context.Context, command string, args map[string]json.RawMessage) (any, error) {
	switch command {
	case "address":
		return f.conn.LocalAddr().String(), nil
	case "panic":
		close(f.crash)
		return nil, nil
	}
	return args["word"], nil
}

func (f *fakeComponent) Stats() map[string]any { return map[string]any{"answers": f.answers.Load()} }
