package certgen

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"bundy/internal/control/certificate"
)

// Exit statuses. Below 100 they are the verification codes that OpenSSL uses as well.
const (
	statusSignature   = 7
	statusNotYetValid = 9
	statusExpired     = 10
	statusDecoding    = 100
	statusOptions     = 101
	statusRead        = 102
	statusWrite       = 103
	statusNoFile      = 105
	statusPermission  = 106
)

type options struct {
	certFile, keyFile string
	write, force      bool
	quiet             bool
}

// Main runs the program with the arguments after its name and returns the exit status.
func Main(args []string, stdout, stderr io.Writer) int {
	var o options
	status := 0
	program := &cobra.Command{
		Use:           "bundy-certgen [options]",
		Short:         "Check the certificate of bundy-cmdctl, or make a self-signed one",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		Run: func(*cobra.Command, []string) {
			status = o.run(time.Now(), stdout, stderr)
		},
	}
	flags := program.Flags()
	flags.StringVarP(&o.certFile, "certfile", "c", "cmdctl-certfile.pem", "certificate file to check or write")
	flags.StringVarP(&o.keyFile, "keyfile", "k", "cmdctl-keyfile.pem", "file of the certificate's private key")
	flags.BoolVarP(&o.write, "write", "w", false, "make a certificate and key if there are none or they cannot be used")
	flags.BoolVarP(&o.force, "force", "f", false, "with --write: make them even if they can be used")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "print nothing")
	program.SetArgs(args)
	program.SetOut(stdout)
	program.SetErr(stderr)
	if err := program.Execute(); err != nil {
		fmt.Fprintf(stderr, "bundy-certgen: %v\n", err)
		return statusOptions
	}
	return status
}

func (o options) run(now time.Time, stdout, stderr io.Writer) int {
	if o.quiet {
		stdout, stderr = io.Discard, io.Discard
	}
	err := certificate.Check(o.certFile, now)
	if err == nil && o.write {
		// A certificate whose key is missing or another's cannot be used by the server.
		_, err = certificate.Load(o.certFile, o.keyFile)
	}
	switch {
	case o.write && (o.force || err != nil && !errors.Is(err, fs.ErrPermission)):
		if err := certificate.Make(o.certFile, o.keyFile, now); err != nil {
			fmt.Fprintf(stderr, "bundy-certgen: %v\n", err)
			return statusOf(err, statusWrite)
		}
		fmt.Fprintf(stdout, "Wrote certificate %s and key %s\n", o.certFile, o.keyFile)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "bundy-certgen: %v\n", err)
		return statusOf(err, statusRead)
	}
	fmt.Fprintf(stdout, "%s is valid\n", o.certFile)
	return 0
}

func statusOf(err error, otherwise int) int {
	for _, c := range []struct {
		err    error
		status int
	}{
		{certificate.ErrSignature, statusSignature},
		{certificate.ErrNotYetValid, statusNotYetValid},
		{certificate.ErrExpired, statusExpired},
		{certificate.ErrFormat, statusDecoding},
		{fs.ErrPermission, statusPermission},
		{fs.ErrNotExist, statusNoFile},
	} {
		if errors.Is(err, c.err) {
			return c.status
		}
	}
	return otherwise
}
