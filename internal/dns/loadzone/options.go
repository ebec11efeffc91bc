package loadzone

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"bundy/internal/dns/wire"
	"bundy/internal/suite/paths"
)

// options are those of the command line.
type options struct {
	database string // path
	named    bool   // by -c
	zone     wire.Name
	file     string // "-" is standard input, or output with export; "" with empty
	empty    bool
	check    bool
	export   bool
	remove   bool
	notify   bool
	paths    paths.Paths // of the suite whose server is notified
	interval int         // RRs between two reports of progress; 0: none
	debug    int         // 0 to 99
}

// errHelp says that help was shown and nothing is to be done.
var errHelp = errors.New("help was shown")

const maxDebug = 99

// parse reads the command line. Help goes to stdout.
func parse(args []string, stdout io.Writer, p paths.Paths) (options, error) {
	var o options
	var config, kind, class, dataPath string
	run := false
	cmd := &cobra.Command{
		Use:   "bundy-loadzone [options] zone file\n  bundy-loadzone [options] -e zone\n  bundy-loadzone [options] -x zone [file]\n  bundy-loadzone [options] --check zone file\n  bundy-loadzone [options] --remove zone",
		Short: "Load a master file into a zone database, write one from it, or remove a zone.",
		Long: `Load a master file into a zone database, write one from it, or remove a zone.

The zone is made if it is absent. What it held is replaced as a whole, and only
when the file is free of errors. The file "-" is standard input.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          func(_ *cobra.Command, rest []string) error { return o.setArguments(rest) },
		RunE:          func(*cobra.Command, []string) error { run = true; return nil },
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.DisableFlagsInUseLine = true
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&config, "config", "c", "", `data source as `+"`JSON`"+`: {"database_file": path}`)
	f.StringVarP(&kind, "type", "t", "sqlite3", "`type` of the data source")
	f.StringVarP(&class, "class", "C", "IN", "RR `class` of the zone")
	f.IntVarP(&o.interval, "interval", "i", 10000, "`number` of RRs between reports of progress; 0 for none")
	f.IntVarP(&o.debug, "debug", "d", 0, "debug `level` from 0 to 99, on standard error")
	f.BoolVarP(&o.empty, "empty", "e", false, "make the zone exist and be empty, without a file")
	f.BoolVarP(&o.export, "export", "x", false, "write the zone as a master file, to standard output without a file")
	f.BoolVar(&o.check, "check", false, "tell whether the file could be loaded, and store nothing")
	f.BoolVar(&o.remove, "remove", false, "take the zone out of the database")
	f.BoolVarP(&o.notify, "notify", "n", false, "tell the running server to look at the zone at once")
	f.StringVarP(&dataPath, "data-path", "p", "", "`directory` of all files of the suite, instead of those below /usr/local")
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(io.Discard) // the caller reports
	if err := cmd.Execute(); err != nil {
		return o, err
	}
	if !run {
		return o, errHelp
	}
	switch {
	case !strings.EqualFold(class, "IN"):
		return o, fmt.Errorf("class %q: only zones of class IN can be loaded", class)
	case kind != "sqlite3":
		return o, fmt.Errorf("type %q: only sqlite3 can be loaded into", kind)
	case o.export && (o.empty || o.notify):
		return o, errors.New("--export goes neither with --empty nor with --notify")
	case o.remove && (o.empty || o.export):
		return o, errors.New("--remove goes neither with --empty nor with --export")
	case o.check && (o.empty || o.export || o.remove || o.notify):
		return o, errors.New("--check goes with no other thing to do")
	case o.interval < 0:
		return o, fmt.Errorf("interval %d is negative", o.interval)
	case o.debug < 0 || o.debug > maxDebug:
		return o, fmt.Errorf("debug level %d is not between 0 and %d", o.debug, maxDebug)
	}
	if dataPath != "" {
		dir, err := filepath.Abs(dataPath)
		if err != nil {
			return o, fmt.Errorf("data path %q: %w", dataPath, err)
		}
		p = paths.Below(dir)
	}
	o.paths = p
	o.database, o.named = filepath.Join(p.State, "zone.sqlite3"), config != ""
	if !o.named {
		return o, nil
	}
	return o, o.setConfig(config)
}

func (o *options) setArguments(rest []string) (err error) {
	if o.export && len(rest) == 1 {
		rest = append(rest, "-")
	}
	want := 2
	if o.empty || o.remove {
		want = 1
	}
	if len(rest) != want {
		return fmt.Errorf("%d arguments given, %d needed: a zone, and a file unless -e or --remove is given", len(rest), want)
	}
	if o.zone, err = wire.ParseName(rest[0]); err != nil {
		return fmt.Errorf("zone: %w", err)
	}
	if want == 2 {
		o.file = rest[1]
	}
	return nil
}

func (o *options) setConfig(text string) error {
	var config struct {
		File *string `json:"database_file"`
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&config); err != nil {
		return fmt.Errorf("configuration %s: %w", text, err)
	}
	if config.File == nil || *config.File == "" || d.More() {
		return fmt.Errorf(`configuration %s: {"database_file": path} is needed`, text)
	}
	o.database = *config.File
	return nil
}
