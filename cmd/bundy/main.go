package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"bundy/internal/control/certgen"
	"bundy/internal/control/usermgr"
	"bundy/internal/dhcp/keaconf"
	"bundy/internal/dns/dbutil"
	"bundy/internal/dns/loadzone"
	"bundy/internal/shell"
	"bundy/internal/suite/host"
	"bundy/internal/suite/parent"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/reference"
	"bundy/internal/version"
)

// program is one row of the table of programs.
type program struct {
	name string
	main func(args []string) int
}

func programs() []program {
	std := func(fn func(args []string, stdout, stderr io.Writer) int) func([]string) int {
		return func(args []string) int { return fn(args, os.Stdout, os.Stderr) }
	}
	return []program{
		{"bundy", func(args []string) int { return parent.Main(args, components) }},
		{"bundyctl", func(args []string) int {
			return shell.Main(args, version.Version, os.Stdin, os.Stdout, os.Stderr)
		}},
		{"bundy-loadzone", func(args []string) int {
			return loadzone.Main(args, os.Stdin, os.Stdout, os.Stderr, paths.Default(), notifyServer)
		}},
		{"bundy-dbutil", func(args []string) int { return dbutil.Main(args, os.Stdin, os.Stdout, os.Stderr) }},
		{"bundy-cmdctl-usermgr", func(args []string) int {
			return usermgr.Main(args, paths.Default(), os.Stdin, os.Stdout, os.Stderr)
		}},
		{"bundy-certgen", std(certgen.Main)},
		{"bundy-ha-notify", std(notifyRole)},
		{"bundy-kea-config", func(args []string) int {
			return keaconf.Main(args, os.Stdout, os.Stderr, components(paths.Default()))
		}},
		{"bundy-reference", writeReference},
	}
}

func main() { os.Exit(run(os.Args)) }

// run picks the program. A child of the parent is known by its environment, whatever its name.
func run(args []string) int {
	if host.Wanted() {
		return host.Main(components)
	}
	table := programs()
	pick := func(name string) int {
		return slices.IndexFunc(table, func(p program) bool { return p.name == name })
	}
	if len(args) > 1 {
		if i := pick(args[1]); i >= 0 {
			return table[i].main(args[2:])
		}
	}
	if i := pick(filepath.Base(args[0])); i >= 0 {
		return table[i].main(args[1:])
	}
	return table[0].main(args[1:])
}

// writeReference writes the generated part of the documentation into a folder.
func writeReference(args []string) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "usage: bundy-reference DIR")
		return 1
	}
	if err := reference.Write(args[0], descriptors(paths.Default())); err != nil {
		fmt.Fprintln(os.Stderr, "bundy-reference:", err)
		return 1
	}
	return 0
}
