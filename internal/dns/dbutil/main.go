package dbutil

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonedb"
)

// Exit statuses.
const (
	statusCurrent       = 0
	statusOld           = 1
	statusNew           = 2
	statusUsage         = 3
	statusRead          = 4
	statusUpgradeFailed = 5
)

// options are those of the command line.
type options struct {
	check, upgrade bool
	noConfirm      bool
	verbose, quiet bool
	file           string
}

// program is one run.
type program struct {
	options
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// Main runs the program with the arguments after its name and returns the exit status: 0 when the database has the
// present schema, 1 when it must be upgraded, 2 when it is newer than the program, 3 for wrong arguments, 4 when it
// cannot be read, 5 when the upgrade failed and the database is as it was.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr}
	switch run, err := p.parse(args); {
	case err != nil:
		p.fail(err)
		return statusUsage
	case !run:
		return statusCurrent // help was shown
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return p.run(ctx)
}

func (p *program) parse(args []string) (run bool, err error) {
	cmd := &cobra.Command{
		Use:   "bundy-dbutil --check [-v|-q] file\n  bundy-dbutil --upgrade [-n] [-v|-q] file",
		Short: "Check the version of a zone database, or upgrade it.",
		Long: `Check the version of a zone database, or upgrade it.

A database of BIND 10 or of an old Bundy is converted. The old file is kept beside it
as file.backup, or file.backup-1 and so on if that is there. Stop servers that use
the old file before.

Exit status: 0 the database has the present version, 1 it must be upgraded, 2 it is
newer than this program, 3 wrong arguments, 4 it cannot be read, 5 the upgrade failed
and nothing was changed.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, rest []string) error {
			run = true
			if len(rest) != 1 {
				return fmt.Errorf("%d files given, 1 needed", len(rest))
			}
			p.file = rest[0]
			return nil
		},
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.DisableFlagsInUseLine = true
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVarP(&p.check, "check", "c", false, "tell whether the database must be upgraded")
	f.BoolVarP(&p.upgrade, "upgrade", "u", false, "upgrade the database")
	f.BoolVarP(&p.noConfirm, "noconfirm", "n", false, "do not ask before the upgrade")
	f.BoolVarP(&p.verbose, "verbose", "v", false, "tell what is done")
	f.BoolVarP(&p.quiet, "quiet", "q", false, "print errors only")
	cmd.SetArgs(args)
	cmd.SetOut(p.stdout)
	cmd.SetErr(io.Discard) // reported by Main
	if err := cmd.Execute(); err != nil {
		return false, err
	}
	switch {
	case !run:
		return false, nil
	case p.check == p.upgrade:
		return false, errors.New("one of --check and --upgrade is needed")
	case p.check && p.noConfirm:
		return false, errors.New("--noconfirm goes with --upgrade only")
	case p.verbose && p.quiet:
		return false, errors.New("--verbose and --quiet exclude one another")
	}
	return true, nil
}

func (p *program) fail(err error) { fmt.Fprintf(p.stderr, "bundy-dbutil: %v\n", err) }

func (p *program) say(format string, args ...any) {
	if !p.quiet {
		fmt.Fprintf(p.stdout, format+"\n", args...)
	}
}

func (p *program) detail(format string, args ...any) {
	if p.verbose {
		fmt.Fprintf(p.stdout, format+"\n", args...)
	}
}

func (p *program) run(ctx context.Context) int {
	major, minor, err := zonedb.ReadVersion(ctx, p.file)
	if err != nil {
		p.fail(err)
		return statusRead
	}
	switch {
	case major > zonedb.SchemaMajor:
		p.say("%s has version %d.%d, which is newer than %d.%d that this program knows.", p.file, major, minor, zonedb.SchemaMajor, zonedb.SchemaMinor)
		return statusNew
	case major == zonedb.SchemaMajor:
		p.say("%s has version %d.%d, the present one.", p.file, major, minor)
		return statusCurrent
	case p.check:
		p.say("%s has version %d.%d and must be upgraded to %d.%d.", p.file, major, minor, zonedb.SchemaMajor, zonedb.SchemaMinor)
		return statusOld
	}
	if !p.noConfirm && !p.confirmed(major, minor) {
		p.say("Nothing was changed.")
		return statusOld
	}
	backup, all, err := upgrade(ctx, p.file, func(origin wire.Name, class wire.Class, records int) {
		p.detail("zone %s/%s: %d records", origin, class, records)
	})
	if err != nil {
		p.fail(fmt.Errorf("the upgrade failed, %s is as it was: %w", p.file, err))
		return statusUpgradeFailed
	}
	p.say("%s was upgraded from version %d.%d to %d.%d: %d zones, %d records, %d changes in journals. The old file is %s.",
		p.file, major, minor, zonedb.SchemaMajor, zonedb.SchemaMinor, all.Zones, all.Records, all.Changes, backup)
	return statusCurrent
}

// confirmed asks the operator.
func (p *program) confirmed(major, minor int) bool {
	fmt.Fprintf(p.stdout, "%s will be upgraded from version %d.%d to %d.%d. Servers that use it must not run.\nType Yes and press ENTER to go on: ",
		p.file, major, minor, zonedb.SchemaMajor, zonedb.SchemaMinor)
	line, err := bufio.NewReader(io.LimitReader(p.stdin, 100)).ReadString('\n')
	return (err == nil || errors.Is(err, io.EOF)) && strings.TrimSpace(line) == "Yes"
}
