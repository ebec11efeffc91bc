package shell

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"bundy/internal/shell/rest"
	"bundy/internal/shell/terminal"
)

const (
	credentialsName = "default_user.csv"

	// maxCredentials bounds the stored pairs that are tried; the server slows down those who try many.
	maxCredentials = 5

	maxPrompts = 3
)

var errLogin = errors.New("not logged in")

// credentials is a pair of user and password, as a row of the file.
type credentials struct{ user, password string }

// readCredentials reads the stored pairs. The error wraps fs.ErrNotExist when there is no file.
func readCredentials(dir string) ([]credentials, error) {
	f, err := os.Open(filepath.Join(dir, credentialsName))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = 2
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	var out []credentials
	for _, row := range rows {
		out = append(out, credentials{row[0], row[1]})
	}
	return out[:min(len(out), maxCredentials)], nil
}

// saveCredentials stores a pair that has worked. The password is not encrypted, so nobody else may read the file.
func saveCredentials(dir string, c credentials) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, credentialsName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	err = w.WriteAll([][]string{{c.user, c.password}})
	return errors.Join(err, f.Chmod(0o600), f.Close())
}

// login logs in with the stored pairs, or else asks. It prints what the server says on terminals only.
func login(ctx context.Context, client *rest.Client, in terminal.Source, dir string, out io.Writer) error {
	stored, err := readCredentials(dir)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		fmt.Fprintf(out, "Error: %v\n", err)
	}
	for _, c := range stored {
		reply, err := client.Login(ctx, c.user, c.password)
		if err != nil {
			return err
		}
		if reply.OK() {
			if in.Interactive() {
				fmt.Fprintf(out, "%s login as %s\n", reply.Body, c.user)
			}
			return nil
		}
	}
	if missing {
		fmt.Fprintf(out, "No stored password file found: %s. Users are made with bundy-cmdctl-usermgr add.\n", filepath.Join(dir, credentialsName))
	} else {
		fmt.Fprintln(out, "Login failed: either the user name or the password is invalid.")
	}
	if !in.Interactive() {
		return errLogin
	}
	return ask(ctx, client, in, dir, out)
}

func ask(ctx context.Context, client *rest.Client, in terminal.Source, dir string, out io.Writer) error {
	for range maxPrompts {
		var c credentials
		var err error
		if c.user, err = in.Ask("Username: "); err != nil {
			return errLogin
		}
		if c.password, err = in.Password("Password: "); err != nil {
			return errLogin
		}
		reply, err := client.Login(ctx, c.user, c.password)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", reply.Body)
		if reply.OK() {
			if err := saveCredentials(dir, c); err != nil {
				fmt.Fprintf(out, "Error: the password could not be stored: %v\n", err)
			}
			return nil
		}
	}
	fmt.Fprintln(out, "Too many failed logins")
	return errLogin
}
