package parent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"bundy/internal/suite/paths"
	"bundy/internal/suite/placement"
	"bundy/internal/version"
)

// Options of the command line.
type options struct {
	configFile  string
	dataPath    string
	clearConfig bool
	socketFile  string
	cmdctlPort  uint16
	user        string
	noKill      bool
	verbose     bool
	pidFile     string
	prettyName  string
	wait        uint
	placement   string
}

// errHelp says that the command line was answered and nothing is to be started.
var errHelp = errors.New("help was shown")

const (
	placementGrouped = "grouped"
	placementSingle  = "single"
)

// parse reads the command line. Help and the version go to stdout.
func parse(args []string, stdout, stderr io.Writer) (*options, error) {
	o := new(options)
	run := false
	cmd := &cobra.Command{
		Use:   "bundy [options]",
		Short: "Start the Bundy suite: DHCP, DNS, and the names of DHCP clients in the DNS.",
		Long: `Start the Bundy suite: DHCP, DNS, and the names of DHCP clients in the DNS.

The suite runs in the foreground until it gets SIGINT or SIGTERM, or the command
"Init shutdown"; SIGHUP makes it look for changed zone files.
What it runs is configured with bundyctl.`,
		Version:       version.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(_ *cobra.Command, rest []string) error {
			if len(rest) > 0 {
				return fmt.Errorf("unexpected argument %q", rest[0])
			}
			run = true
			return nil
		},
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SetVersionTemplate("bundy {{.Version}}\n")
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	f := cmd.Flags()
	f.StringVarP(&o.configFile, "config-filename", "c", "", "configuration `file`, relative to the data path, or absolute")
	f.StringVar(&o.configFile, "config-file", "", "the same as --config-filename")
	f.StringVarP(&o.dataPath, "data-path", "p", "", "`directory` of all files of this suite, instead of those below /usr/local")
	f.BoolVar(&o.clearConfig, "clear-config", false, "keep a backup of the configuration and start with an empty one")
	f.StringVarP(&o.socketFile, "msgq-socket-file", "m", "", "Unix socket `file` of the command channel")
	f.Uint16Var(&o.cmdctlPort, "cmdctl-port", 0, "TCP `port` of bundy-cmdctl, instead of the configured one")
	f.StringVarP(&o.user, "user", "u", "", "`user` to run the components as")
	f.BoolVarP(&o.noKill, "no-kill", "i", false, "never send SIGTERM and SIGKILL to processes that do not stop")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log debug messages of all levels until the configuration says otherwise")
	f.StringVar(&o.pidFile, "pid-file", "", "`file` to hold the process id while the suite runs")
	f.StringVar(&o.prettyName, "pretty-name", "", "process `title`")
	f.UintVarP(&o.wait, "wait", "w", 10, "`seconds` to wait for the configuration manager")
	f.StringVar(&o.placement, "placement", placementGrouped, "grouped: several processes; single: one process for all components")
	if err := f.MarkHidden("config-file"); err != nil {
		return nil, err
	}
	err := cmd.Execute()
	if err == nil && o.placement != placementGrouped && o.placement != placementSingle {
		err = fmt.Errorf("--placement %q should be grouped or single", o.placement)
	}
	if err != nil {
		fmt.Fprintf(stderr, "bundy: %v\n\n", err)
		cmd.SetOut(stderr)
		return nil, errors.Join(err, cmd.Help())
	}
	if !run {
		return nil, errHelp
	}
	return o, nil
}

// paths gives the directories of the suite.
func (o *options) paths() (paths.Paths, error) {
	if o.dataPath == "" {
		return paths.Default(), nil
	}
	dir, err := filepath.Abs(o.dataPath)
	if err != nil {
		return paths.Paths{}, fmt.Errorf("--data-path: %w", err)
	}
	o.dataPath = dir
	return paths.Below(dir), nil
}

// config gives the file of the stored configuration. The current directory has no part in it.
func (o *options) config(p paths.Paths) (string, error) {
	switch {
	case o.configFile == "":
		return filepath.Join(p.State, "bundy-config.db"), nil
	case filepath.IsAbs(o.configFile):
		return filepath.Clean(o.configFile), nil
	}
	return filepath.Join(p.State, o.configFile), nil
}

// socket gives the file of the command channel.
func (o *options) socket(p paths.Paths) (string, error) {
	path := o.socketFile
	if path == "" {
		path = os.Getenv(placement.EnvSocketFile)
	}
	if path == "" {
		return filepath.Join(p.State, "msgq_socket"), nil
	}
	return filepath.Abs(path)
}

// environment is what children are told.
func (o *options) environment(socket string) []string {
	env := []string{placement.EnvSocketFile + "=" + socket}
	if o.dataPath != "" {
		env = append(env, placement.EnvDataPath+"="+o.dataPath)
	}
	if o.verbose {
		env = append(env, placement.EnvVerbose+"=1")
	}
	if o.cmdctlPort != 0 {
		env = append(env, fmt.Sprintf("%s=%d", placement.EnvCmdctlPort, o.cmdctlPort))
	}
	return env
}
