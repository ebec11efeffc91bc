package keaconf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
)

// Exit statuses.
const (
	statusDone  = 0
	statusError = 1
	statusLost  = 2 // the commands are there, but do not do all that Kea's file says
)

// carried tells whether the map of a server is turned into a section of the same name.
func carried(server string) bool {
	switch server {
	case "Dhcp4", "Dhcp6", "DhcpDdns":
		return true
	}
	return false
}

// Main runs the program with the arguments after its name and returns the exit status.
func Main(args []string, stdout, stderr io.Writer, modules []*module.Descriptor) int {
	status := statusError
	program := &cobra.Command{
		Use:   "bundy-kea-config FILE...",
		Short: "Turn the configuration of Kea's DHCP servers into commands for bundyctl",
		Long: `Reads configuration files of kea-dhcp4, kea-dhcp6 and kea-dhcp-ddns, and writes commands for bundyctl to the standard
output: run them by "execute file", look at them by "config diff", then "config commit". Each item that is done in another
way here is told on the standard error, and each that cannot be carried over, with LOST before it; then the exit status is 2.
Nothing is written when the result would not be accepted.`,
		Args: cobra.MinimumNArgs(1), SilenceErrors: true, SilenceUsage: true,
		RunE: func(_ *cobra.Command, files []string) (err error) {
			status, err = run(files, stdout, stderr, modules)
			return err
		},
	}
	program.SetArgs(args)
	program.SetOut(stdout)
	program.SetErr(stderr)
	if err := program.Execute(); err != nil {
		fmt.Fprintln(stderr, "bundy-kea-config:", err)
		return statusError
	}
	if slices.Contains(args, "--help") || slices.Contains(args, "-h") {
		return statusDone
	}
	return status
}

func run(files []string, stdout, stderr io.Writer, modules []*module.Descriptor) (int, error) {
	servers := map[string]map[string]any{}
	var l loader
	for _, path := range files {
		text, err := l.load(path)
		if err != nil {
			return statusError, err
		}
		read, err := parse(text)
		if err != nil {
			return statusError, fmt.Errorf("%s: %w", path, err)
		}
		for name, section := range read {
			if servers[name] != nil {
				return statusError, fmt.Errorf("%s: %s stands twice", path, name)
			}
			servers[name] = section
		}
	}
	doc := schema.Document{}
	var remarks []Remark
	for _, d := range modules {
		if name := d.Spec.Name; servers[name] != nil && carried(name) {
			section, more := Convert(d.Spec, servers[name])
			doc[name], remarks = section, append(remarks, more...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		if doc[name] == nil {
			remarks = append(remarks, Remark{Path: name, Text: "only Dhcp4, Dhcp6 and DhcpDdns are carried over"})
		}
	}
	if len(doc) == 0 {
		return statusError, errors.New("none of Dhcp4, Dhcp6 and DhcpDdns is there")
	}
	status := statusDone
	for _, r := range remarks {
		lost := ""
		if r.Lost {
			lost, status = "LOST ", statusLost
		}
		fmt.Fprintf(stderr, "%s%s: %s\n", lost, r.Path, r.Text)
	}
	if err := check(doc, modules); err != nil {
		return statusError, err
	}
	return status, write(stdout, doc)
}

// check finds what the modules would refuse.
func check(doc schema.Document, modules []*module.Descriptor) error {
	var errs []error
	for _, d := range modules {
		if doc[d.Spec.Name] == nil {
			continue
		}
		wrong := schema.Validate(d.Spec, doc[d.Spec.Name])
		if len(wrong) == 0 && d.Check != nil {
			wrong = d.Check(doc)
		}
		errs = append(errs, wrong...)
	}
	return errors.Join(errs...)
}

func write(stdout io.Writer, doc schema.Document) error {
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		for _, item := range slices.Sorted(maps.Keys(doc[name])) {
			value, err := json.Marshal(doc[name][item])
			if err == nil {
				_, err = fmt.Fprintf(stdout, "config set %s/%s %s\n", name, item, value)
			}
			if err != nil {
				return fmt.Errorf("%s/%s: %w", name, item, err)
			}
		}
	}
	return nil
}
