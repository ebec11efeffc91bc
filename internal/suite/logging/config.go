package logging

import (
	"fmt"
	"strings"
)

// Config is the section Logging.
type Config struct {
	Loggers []LoggerConfig `json:"loggers" help:"Logger specifications. A logger without one inherits from its module, then from *, then writes INFO and above to standard error."`
}

// LoggerConfig says what one logger writes, and where to.
type LoggerConfig struct {
	Name          string         `json:"name" help:"Module name (Auth), Module.library (Auth.datasrc), * for every module, or *.library for that library in every module."`
	Severity      string         `json:"severity" default:"INFO" help:"DEFAULT, DEBUG, INFO, WARN, ERROR, FATAL or NONE, in any letter case. DEFAULT is the severity the process was started with."`
	DebugLevel    int            `json:"debuglevel" default:"0" min:"0" max:"99" help:"How much detail DEBUG shows, from 0 (least) to 99."`
	Additive      bool           `json:"additive" default:"false" help:"Also write to the outputs of the parent logger."`
	OutputOptions []OutputConfig `json:"output_options" help:"Where to write. Empty: to the outputs of the parent logger."`
}

// OutputConfig is one destination.
type OutputConfig struct {
	Destination string `json:"destination" default:"console" help:"console, file or syslog, in any letter case."`
	Output      string `json:"output" default:"stdout" help:"For console stdout or stderr, for file the file name, for syslog the facility, as local0."`
	Flush       bool   `json:"flush" default:"true" help:"Write each message at once. Otherwise messages may wait up to one second."`
	MaxSize     int64  `json:"maxsize" default:"0" min:"0" help:"Roll the file before it grows past this many octets; 0 never rolls."`
	MaxVer      int    `json:"maxver" default:"0" min:"0" max:"1000" help:"How many rolled files to keep, as name.1, name.2 and so on."`
}

// Check returns what is wrong with a configuration beyond its types, each error beginning with the path of the item.
func (c Config) Check() []error {
	var errs []error
	for i, l := range c.Loggers {
		path := fmt.Sprintf("Logging/loggers[%d]", i)
		if err := checkName(l.Name); err != nil {
			errs = append(errs, fmt.Errorf("%s/name: %w", path, err))
		}
		if _, err := l.threshold(threshold{}); err != nil {
			errs = append(errs, fmt.Errorf("%s/severity: %w", path, err))
		}
		for j, o := range l.OutputOptions {
			for _, err := range o.check() {
				errs = append(errs, fmt.Errorf("%s/output_options[%d]/%w", path, j, err))
			}
		}
	}
	return errs
}

// checkName accepts "Module", "Module.library", "*" and "*.library".
func checkName(name string) error {
	module, library, dotted := strings.Cut(name, ".")
	switch {
	case name == "":
		return fmt.Errorf("a logger needs a name")
	case strings.Contains(module, "*") && module != "*", strings.Contains(library, "*"):
		return fmt.Errorf("%q: * may only stand for the whole module", name)
	case module == "", dotted && library == "":
		return fmt.Errorf("%q: an empty label", name)
	}
	return nil
}

func (o OutputConfig) check() []error {
	switch strings.ToLower(o.Destination) {
	case "console":
		if o.Output != "stdout" && o.Output != "stderr" {
			return []error{fmt.Errorf("output: %q should be stdout or stderr", o.Output)}
		}
	case "file":
		if o.Output == "" {
			return []error{fmt.Errorf("output: a file destination needs a file name")}
		}
	case "syslog":
		if _, ok := facility(o.Output); !ok {
			return []error{fmt.Errorf("output: %q is not a syslog facility", o.Output)}
		}
	default:
		return []error{fmt.Errorf("destination: %q should be console, file or syslog", o.Destination)}
	}
	return nil
}

// threshold is what passes: messages of severity and above; of debug messages those up to level.
type threshold struct {
	severity Severity
	level    int
}

func (t threshold) passes(m *Message) bool {
	return m.severity >= t.severity && (m.severity != Debug || m.level <= t.level)
}

// threshold reads severity and debuglevel; start is what DEFAULT stands for.
func (l LoggerConfig) threshold(start threshold) (threshold, error) {
	name := strings.ToUpper(l.Severity)
	if name == "DEFAULT" {
		return start, nil
	}
	for s := Debug; s <= None; s++ {
		if s.String() == name {
			return threshold{severity: s, level: l.DebugLevel}, nil
		}
	}
	return threshold{}, fmt.Errorf("%q should be one of DEFAULT, DEBUG, INFO, WARN, ERROR, FATAL, NONE", l.Severity)
}
