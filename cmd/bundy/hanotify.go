package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bundy/internal/dhcp/redundancy"
	"bundy/internal/suite/bus"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/placement"
)

// haPatience is how long the suite gets to hear of a role. keepalived may have more to say by then, so that trying longer
// could let an old role overtake a new one; its check finds the node wanting instead, and it says everything anew.
const haPatience = 3 * time.Second

// haSettled is after how long without a role the check says itself that this node is backup. keepalived says each state once:
// when that was while the suite was away, it waits for the check, and would for ever. By then the check has failed so
// often that keepalived left the state of master, which it has to enter anew; fall times interval must be less.
const haSettled = 5 * time.Second

const haUsage = `usage: bundy-ha-notify INSTANCE|GROUP NAME MASTER|BACKUP|FAULT|STOP [PRIORITY]
       bundy-ha-notify --check NAME
The first form is what keepalived calls a notify script with: NAME is also the name of the redundancy group.
The second one is for a vrrp_script: it fails while the suite does not know its role in the group. When nobody said it
for five seconds since the start, it tells the suite that it is backup, so that keepalived can go on.
`

// notifyRole tells the running suite its role in a redundancy group, over the command channel, which is open to the user
// that the suite runs as and to root. It is the notify script of keepalived.
func notifyRole(args []string, _, stderr io.Writer) int {
	var err error
	ctx, cancel := context.WithTimeout(context.Background(), haPatience)
	defer cancel()
	switch {
	case len(args) == 2 && args[0] == "--check":
		err = checkRole(ctx, args[1])
	case len(args) >= 3 && len(args) <= 4 && (args[0] == "INSTANCE" || args[0] == "GROUP"):
		err = setRole(ctx, args[1], args[2])
	default:
		fmt.Fprint(stderr, haUsage)
		return 2
	}
	if err != nil {
		fmt.Fprintln(stderr, "bundy-ha-notify:", err)
		return 1
	}
	return 0
}

func setRole(ctx context.Context, group, state string) error {
	role := redundancy.Backup
	switch strings.ToUpper(state) {
	case "MASTER":
		role = redundancy.Master
	case "BACKUP", "FAULT", "STOP", "DELETED":
	default:
		return fmt.Errorf("unknown state %q", state)
	}
	return callHa(ctx, "set_role", map[string]any{"group": group, "role": role}, nil)
}

func checkRole(ctx context.Context, group string) error {
	var status struct {
		Groups []struct {
			Group string `json:"group"`
			Told  bool   `json:"told"`
			Since string `json:"since"`
		} `json:"groups"`
	}
	if err := callHa(ctx, "status", nil, &status); err != nil {
		return err
	}
	for _, g := range status.Groups {
		switch {
		case g.Group != group:
		case g.Told:
			return nil
		case !settled(g.Since, time.Now()):
			return fmt.Errorf("the suite was not told its role in group %q since it started", group)
		default: // it fails once more, for a keepalived that thinks that it is master nevertheless
			return errors.Join(fmt.Errorf("the suite was not told its role in group %q: it is backup", group), setRole(ctx, group, "BACKUP"))
		}
	}
	return fmt.Errorf("there is no redundancy group %q", group)
}

// settled tells whether a suite without a role started so long ago that keepalived has noticed. A clock that was set back, or
// a time that cannot be read, must not make it wait for ever.
func settled(since string, now time.Time) bool {
	start, err := time.Parse(time.RFC3339, since)
	age := now.Sub(start)
	return err != nil || age < -time.Second || age > haSettled
}

func callHa(ctx context.Context, command string, args, result any) error {
	socket := os.Getenv(placement.EnvSocketFile)
	if socket == "" {
		socket = filepath.Join(paths.Default().State, "msgq_socket")
	}
	conn, err := bus.Dial(ctx, socket)
	if err != nil {
		return err
	}
	return errors.Join(conn.Call(ctx, redundancy.Module, command, args, result), conn.Close())
}
