package parent

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bundy/internal/suite/paths"
	"bundy/internal/suite/placement"
)

func TestOptions(t *testing.T) {
	var out, errOut bytes.Buffer
	o, err := parse(strings.Fields("-c conf.db -p /data -m /run/s --cmdctl-port 8888 -u nobody -i -v --pid-file /run/pid "+
		"--pretty-name dns -w 3 --clear-config --placement single"), &out, &errOut)
	if err != nil {
		t.Fatal(err)
	}
	want := options{configFile: "conf.db", dataPath: "/data", clearConfig: true, socketFile: "/run/s", cmdctlPort: 8888, user: "nobody",
		noKill: true, verbose: true, pidFile: "/run/pid", prettyName: "dns", wait: 3, placement: placementSingle}
	if *o != want {
		t.Errorf("got %+v", *o)
	}
	env := strings.Join(o.environment("/run/s"), " ")
	for _, entry := range []string{placement.EnvSocketFile + "=/run/s", placement.EnvDataPath + "=/data", placement.EnvVerbose + "=1", placement.EnvCmdctlPort + "=8888"} {
		if !strings.Contains(env, entry) {
			t.Errorf("%s is not in %s", entry, env)
		}
	}
	if o, err = parse(nil, &out, &errOut); err != nil || *o != (options{wait: 10, placement: placementGrouped}) {
		t.Errorf("defaults %+v %v", o, err)
	}
}

func TestHelpAndRefusals(t *testing.T) {
	for _, args := range []string{"--help", "-h", "--version"} {
		var out, errOut bytes.Buffer
		if _, err := parse([]string{args}, &out, &errOut); !errors.Is(err, errHelp) || out.Len() == 0 || errOut.Len() != 0 {
			t.Errorf("%s: %v, wrote %q and %q", args, err, out.String(), errOut.String())
		}
	}
	for _, args := range []string{"stray", "--nosuch", "--cmdctl-port 70000", "--wait x", "--placement both", "help", "completion"} {
		var out, errOut bytes.Buffer
		_, err := parse(strings.Fields(args), &out, &errOut)
		if err == nil || errors.Is(err, errHelp) || !strings.Contains(errOut.String(), "--data-path") || out.Len() != 0 {
			t.Errorf("%s: %v, wrote %q and %q", args, err, out.String(), errOut.String())
		}
	}
}

func TestFileNames(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(placement.EnvSocketFile, "")
	for _, test := range []struct{ args, config, socket string }{
		{"", "/usr/local/var/bundy/bundy-config.db", "/usr/local/var/bundy/msgq_socket"},
		{"-p /data", "/data/bundy-config.db", "/data/msgq_socket"},
		{"-p data", here + "/data/bundy-config.db", here + "/data/msgq_socket"},
		{"-p /data -c my.db", "/data/my.db", "/data/msgq_socket"},
		{"-p /data --config-file /etc/my.db -m s", "/etc/my.db", here + "/s"},
		{"-c my.db", "/usr/local/var/bundy/my.db", "/usr/local/var/bundy/msgq_socket"},
	} {
		o, err := parse(strings.Fields(test.args), os.Stdout, os.Stderr)
		if err != nil {
			t.Fatal(err)
		}
		p, err := o.paths()
		if err != nil {
			t.Fatal(err)
		}
		config, err := o.config(p)
		if err != nil || config != test.config {
			t.Errorf("%q: configuration %s %v", test.args, config, err)
		}
		socket, err := o.socket(p)
		if err != nil || socket != test.socket {
			t.Errorf("%q: socket %s %v", test.args, socket, err)
		}
	}
	t.Setenv(placement.EnvSocketFile, "/run/bus")
	o := &options{}
	if socket, err := o.socket(paths.Default()); err != nil || socket != "/run/bus" {
		t.Errorf("socket of the environment: %s %v", socket, err)
	}
}

func TestWelcome(t *testing.T) {
	p := paths.Below(t.TempDir())
	var out bytes.Buffer
	if err := welcome(&out, p, &options{dataPath: p.State, cmdctlPort: 99}); err != nil || !strings.Contains(out.String(), "bundy-cmdctl-usermgr -f "+p.Config) ||
		!strings.Contains(out.String(), "bundyctl -p 99\n") {
		t.Errorf("%q %v", out.String(), err)
	}
	if err := makeDirectories(p, nil); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(p.Config); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("directory %v %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(p.Config, "cmdctl-accounts.csv"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := welcome(&out, p, &options{}); err != nil || out.Len() > 0 {
		t.Errorf("with accounts: %q %v", out.String(), err)
	}
}

func TestPIDFile(t *testing.T) {
	dir := t.TempDir()
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "pid")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path); err != nil {
		t.Fatal(err)
	}
	if err := writePID(path); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("a planted link was followed: %q %v", text, err)
	}
	if err := writePID(filepath.Join(dir, "no", "pid")); err == nil {
		t.Error("a directory that is not there was no error")
	}
}
