package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"bundy/internal/shell/rest"
	"bundy/internal/shell/terminal"
)

// errNotCommitted tells a script that its only command had no effect: local changes end with the program.
var errNotCommitted = errors.New("the change is lost, as nothing commits it: give it and config commit on standard input, or in a file that one \"execute file NAME\" runs")

const (
	statusFailed  = 1
	statusOptions = 2
)

type options struct {
	address     string
	port        uint16
	certificate string
	dir         string // of the stored passwords
}

// Main runs the program with the arguments after its name and returns the exit status. Arguments that are no options
// are one command: it is run, and the status tells whether it succeeded. Else commands are read from stdin, and the
// status tells only whether the control interface could be reached and would let us in.
func Main(args []string, version string, stdin *os.File, stdout, stderr io.Writer) int {
	var o options
	status := 0
	program := &cobra.Command{
		Use:           "bundyctl [options] [command]",
		Short:         "Configure and command Bundy",
		Version:       version,
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(c *cobra.Command, args []string) error {
			server, err := o.server()
			if err != nil {
				return err
			}
			client, err := rest.New(server, o.certificate)
			if err != nil {
				return err
			}
			defer client.Close()
			status = o.run(c.Context(), client, args, stdin, stdout)
			return nil
		},
	}
	flags := program.Flags()
	flags.SetInterspersed(false) // what follows the command's first word belongs to the command
	flags.StringVarP(&o.address, "address", "a", "127.0.0.1", "IP address of bundy-cmdctl")
	flags.Uint16VarP(&o.port, "port", "p", 8080, "port of bundy-cmdctl")
	flags.StringVarP(&o.certificate, "certificate-chain", "c", "", "PEM file to verify the server's certificate with; not verified if absent")
	flags.StringVar(&o.dir, "csv-file-dir", "", "directory of default_user.csv, the stored user and password (default ~/.bundy)")
	program.SetArgs(args)
	program.SetOut(stdout)
	program.SetErr(stderr)
	if err := program.ExecuteContext(context.Background()); err != nil {
		fmt.Fprintf(stderr, "bundyctl: error: %v\n", err)
		return statusOptions
	}
	return status
}

func (o *options) server() (netip.AddrPort, error) {
	address, err := netip.ParseAddr(o.address)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not an IP address", o.address)
	}
	if o.dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("give --csv-file-dir: %w", err)
		}
		o.dir = filepath.Join(home, ".bundy")
	}
	return netip.AddrPortFrom(address, o.port), nil
}

func (o *options) run(ctx context.Context, client *rest.Client, args []string, stdin *os.File, stdout io.Writer) int {
	s := newSession(client, stdout)
	in := terminal.Open(stdin, s.complete, filepath.Join(o.dir, "history"))
	defer in.Close()
	if err := login(ctx, client, in, o.dir, stdout); err != nil {
		if !errors.Is(err, errLogin) {
			fmt.Fprintf(stdout, "Error:  cannot reach bundy-cmdctl: %v\n", err)
		}
		return statusFailed
	}
	if len(args) > 0 {
		if err := s.run(ctx, strings.Join(args, " "), 0); err != nil {
			report(stdout, err)
			return statusFailed
		}
		if len(s.tree.Changes()) > 0 {
			report(stdout, errNotCommitted)
			return statusFailed
		}
		return 0
	}
	if in.Interactive() {
		_ = s.refresh(ctx) // for the Tab key; the first command tells if it fails
	}
	if err := s.loop(ctx, in); err != nil {
		return statusFailed
	}
	fmt.Fprintln(stdout, "\nExit from bundyctl")
	return 0
}
