package dbutil

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonedb"
)

// maxBackups bounds the search for a name for the backup: nobody upgrades a database that often.
const maxBackups = 1000

// upgrade converts the database. When it fails, or the process ends, at any moment before the new file has taken the
// place of the old one, the old one is as it was.
func upgrade(ctx context.Context, path string, done func(wire.Name, wire.Class, int)) (backup string, all zonedb.Converted, err error) {
	if path, err = filepath.EvalSymlinks(path); err != nil { // the file is to be replaced, not the link to it
		return "", all, err
	}
	old, err := zonedb.OpenLegacy(ctx, path)
	if err != nil {
		return "", all, err
	}
	defer old.Close() // nothing was written to it
	next, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".upgrade-")
	if err != nil {
		return "", all, err
	}
	defer os.RemoveAll(next) // what is left of it after a success is an empty directory
	file := filepath.Join(next, filepath.Base(path))
	if all, err = convert(ctx, old, file, done); err != nil {
		return "", all, err
	}
	if err := sameOwner(file, path); err != nil {
		return "", all, err
	}
	if backup, err = keep(path); err != nil {
		return "", all, fmt.Errorf("backup: %w", err)
	}
	if err := os.Rename(file, path); err != nil {
		return "", all, errors.Join(err, os.Remove(backup))
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil { // the new name may be lost again: back to the old file
		return "", all, errors.Join(err, os.Rename(backup, path))
	}
	return backup, all, nil
}

// convert makes the new database, closed and on disk.
func convert(ctx context.Context, old *zonedb.Legacy, file string, done func(wire.Name, wire.Class, int)) (zonedb.Converted, error) {
	db, err := zonedb.Open(file)
	if err != nil {
		return zonedb.Converted{}, err
	}
	all, err := old.Convert(ctx, db, done)
	if err := errors.Join(err, db.Close()); err != nil {
		return all, err
	}
	return all, syncFile(file)
}

// sameOwner gives the new file the mode and owner of the old one.
func sameOwner(file, like string) error {
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := os.Chown(file, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(file, info.Mode().Perm())
}

// keep gives the old file a second name, or a copy where a file cannot have two names.
func keep(path string) (string, error) {
	for i := range maxBackups {
		backup := path + ".backup"
		if i > 0 {
			backup = fmt.Sprintf("%s.backup-%d", path, i)
		}
		err := os.Link(path, backup)
		switch {
		case err == nil:
			return backup, nil
		case errors.Is(err, fs.ErrExist):
			continue
		}
		return backup, copyFile(path, backup)
	}
	return "", fmt.Errorf("%d backups are there already", maxBackups)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() // only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return sameOwner(to, from)
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
