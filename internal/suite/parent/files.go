package parent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"bundy/internal/suite/paths"
)

// makeDirectories makes those that are missing; new ones belong to the user that components run as.
func makeDirectories(p paths.Paths, a *account) error {
	for _, dir := range []string{p.State, p.Config} {
		if _, err := os.Stat(dir); err == nil {
			continue
		}
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
		if a != nil && os.Geteuid() == 0 {
			if err := os.Chown(dir, a.uid, a.gid); err != nil {
				return fmt.Errorf("make directory: %w", err)
			}
		}
	}
	return nil
}

// welcome tells what to type next as long as nobody can log in.
func welcome(out io.Writer, p paths.Paths, o *options) error {
	accounts := filepath.Join(p.Config, "cmdctl-accounts.csv")
	if _, err := os.Stat(accounts); !errors.Is(err, os.ErrNotExist) {
		return nil
	}
	file, port := "", ""
	if o.dataPath != "" {
		file = "-f " + accounts + " "
	}
	if o.cmdctlPort != 0 {
		port = fmt.Sprintf(" -p %d", o.cmdctlPort)
	}
	_, err := fmt.Fprintf(out, `There are no accounts yet, so nobody can configure this suite. Type in another window:

    bundy-cmdctl-usermgr %sadd root
    bundyctl%s

and there, for example to run the DNS server:

    config add Init/components bundy-auth
    config set Init/components/bundy-auth/special auth
    config commit

`, file, port)
	return err
}

// writePID puts the process id in the file by way of a new one, so that a link planted under the name is replaced
// rather than followed.
func writePID(path string) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".pid-*")
	if err != nil {
		return fmt.Errorf("pid file: %w", err)
	}
	_, err = fmt.Fprintf(temp, "%d\n", os.Getpid())
	err = errors.Join(err, temp.Chmod(0o644), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("pid file %s: %w", path, errors.Join(err, os.Remove(temp.Name())))
	}
	return nil
}
