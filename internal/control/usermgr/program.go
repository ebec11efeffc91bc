package usermgr

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"bundy/internal/control/accounts"
	"bundy/internal/suite/paths"
)

// Exit statuses.
const (
	statusArguments = 1
	statusFile      = 2
	statusExists    = 3
	statusUnknown   = 4
)

var (
	errExists  = errors.New("user exists")
	errUnknown = errors.New("user does not exist")
)

type program struct {
	file          string
	home          string // directory that is made when it is missing: users are added before the first start
	quiet, digest bool
	ask           prompter
	stdout        io.Writer
}

// Main runs the program with the arguments after its name and returns the exit status. Passwords are read without
// echo when stdin is a terminal, else as lines.
func Main(args []string, p paths.Paths, stdin io.Reader, stdout, stderr io.Writer) int {
	u := program{home: p.Config, ask: prompter{in: stdin, out: stdout}, stdout: stdout}
	var failure error
	command := &cobra.Command{
		Use:           "bundy-cmdctl-usermgr [options] add|delete [username] [password]",
		Short:         "Add or delete users who may administer Bundy",
		Args:          checkArguments,
		SilenceErrors: true,
		SilenceUsage:  true,
		Run: func(_ *cobra.Command, args []string) {
			failure = u.run(args)
		},
	}
	flags := command.Flags()
	flags.StringVarP(&u.file, "file", "f", filepath.Join(p.Config, "cmdctl-accounts.csv"), "accounts file")
	flags.BoolVarP(&u.quiet, "quiet", "q", false, "do not print what is not asked for")
	flags.BoolVar(&u.digest, "digest", true, "keep the secrets that HTTP Digest authentication needs")
	command.SetArgs(args)
	command.SetOut(stdout)
	command.SetErr(stderr)
	if err := command.Execute(); err != nil {
		fmt.Fprintf(stderr, "bundy-cmdctl-usermgr: %v\n%s", err, command.UsageString())
		return statusArguments
	}
	return status(failure, stderr)
}

func checkArguments(_ *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return errors.New("no command: say add or delete")
	case args[0] == "add" && len(args) <= 3, args[0] == "delete" && len(args) <= 2:
		return nil
	case args[0] == "add" || args[0] == "delete":
		return fmt.Errorf("too many arguments for %s", args[0])
	}
	return fmt.Errorf("unknown command %q: say add or delete", args[0])
}

func status(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "bundy-cmdctl-usermgr: %v\n", err)
	switch {
	case errors.Is(err, errExists):
		return statusExists
	case errors.Is(err, errUnknown):
		return statusUnknown
	case errors.Is(err, errInput):
		return statusArguments
	}
	return statusFile
}

func (u program) run(args []string) error {
	if !u.quiet {
		fmt.Fprintln(u.stdout, "Using accounts file:", u.file)
	}
	var name, password string
	if len(args) > 1 {
		name = args[1]
	}
	if len(args) > 2 {
		password = args[2]
	}
	if args[0] == "delete" {
		return u.delete(name)
	}
	return u.add(name, password)
}

func (u program) add(name, password string) error {
	var err error
	if name == "" {
		if name, err = u.askUser("Username to add: ", false); err != nil {
			return err
		}
	}
	if err := accounts.CheckUser(name); err != nil {
		return fmt.Errorf("%w: %w", errInput, err)
	}
	// Asking for a password only to refuse the user afterwards would be unkind.
	l, err := u.read()
	if err != nil {
		return err
	}
	if _, exists := l.Find(name); exists {
		return fmt.Errorf("%w: %s", errExists, name)
	}
	if password == "" {
		if password, err = u.ask.newPassword(); err != nil {
			return err
		}
	}
	a, err := accounts.New(name, password, u.digest)
	if err != nil {
		return fmt.Errorf("%w: %w", errInput, err)
	}
	if filepath.Dir(u.file) == u.home {
		if err := os.MkdirAll(u.home, 0o750); err != nil {
			return err
		}
	}
	return accounts.Update(u.file, func(l accounts.List) (accounts.List, error) {
		if _, exists := l.Find(name); exists {
			return l, fmt.Errorf("%w: %s", errExists, name)
		}
		return l.With(a), nil
	})
}

func (u program) delete(name string) error {
	if name == "" {
		var err error
		if name, err = u.askUser("Username to delete: ", true); err != nil {
			return err
		}
	}
	return accounts.Update(u.file, func(l accounts.List) (accounts.List, error) {
		if _, exists := l.Find(name); !exists {
			return l, fmt.Errorf("%w: %s", errUnknown, name)
		}
		return l.Without(name), nil
	})
}

// askUser asks until it gets the name of a user who exists, or who does not.
func (u program) askUser(question string, exists bool) (string, error) {
	for {
		name, err := u.ask.line(question)
		if err != nil {
			return "", err
		}
		l, err := u.read()
		if err != nil {
			return "", err
		}
		switch _, found := l.Find(name); {
		case name == "":
			fmt.Fprintln(u.stdout, "Error: the user name is empty")
		case found && !exists:
			fmt.Fprintln(u.stdout, "Error: user exists:", name)
		case !found && exists:
			fmt.Fprintln(u.stdout, "Error: user does not exist:", name)
		default:
			return name, nil
		}
	}
}
