package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"bundy/internal/component/auth"
	"bundy/internal/dns/wire"
	"bundy/internal/suite/bus"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/placement"
)

// notifyServer tells the server of a running suite to look at a zone: the command loadzone of Auth, over the command
// channel, which is open to the user that the suite runs as and to root. No account is needed.
func notifyServer(ctx context.Context, p paths.Paths, class wire.Class, origin wire.Name) error {
	socket := os.Getenv(placement.EnvSocketFile)
	if socket == "" {
		socket = filepath.Join(p.State, "msgq_socket")
	}
	conn, err := bus.Dial(ctx, socket)
	if err != nil {
		return err
	}
	args := map[string]string{"class": class.String(), "origin": origin.String()}
	return errors.Join(conn.Call(ctx, auth.Name, "loadzone", args, nil), conn.Close())
}
