package loadzone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonedb"
	"bundy/internal/dns/zonefile"
)

// export writes the zone as a master file: the SOA record, then the others in canonical order. A file is there as a
// whole or not at all.
func (l *loader) export(ctx context.Context) error {
	db, err := l.openExisting()
	if err != nil {
		return err
	}
	v, err := l.stored(ctx, db)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if v.Len() == 0 {
		return errors.New("the zone is empty")
	}
	n := 0
	if l.file == "-" {
		n, err = zonefile.Write(l.stdout, v.All())
	} else {
		n, err = writeFile(l.file, v)
	}
	if err == nil {
		l.log.Log(msgExported, n, l.zone, wire.ClassIN, l.file)
	}
	return err
}

// openExisting opens a database that must be there.
func (l *loader) openExisting() (*zonedb.DB, error) {
	if _, err := os.Stat(l.database); err != nil { // opening would make it
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, fmt.Errorf("database %s: %w", l.database, err)
	}
	return zonedb.Open(l.database)
}

// takeOut removes the zone.
func (l *loader) takeOut(ctx context.Context) error {
	db, err := l.openExisting()
	if err != nil {
		return err
	}
	if err := errors.Join(db.Remove(ctx, l.zone, wire.ClassIN), db.Close()); err != nil {
		return err
	}
	l.log.Log(msgRemoved, l.zone, wire.ClassIN)
	return nil
}

// stored reads the zone, with its name as it was given when it was loaded.
func (l *loader) stored(ctx context.Context, db *zonedb.DB) (*zone.Version, error) {
	zones, err := db.Zones(ctx)
	if err != nil {
		return nil, err
	}
	origin := l.zone
	for _, z := range zones {
		if z.Class == wire.ClassIN && z.Origin.Equal(origin) {
			origin = z.Origin
		}
	}
	v, _, err := db.Load(ctx, origin, wire.ClassIN)
	return v, err
}

// writeFile writes the records to a file of a name that nobody can foresee beside the file, and gives it the file's name
// when all of it is on disk.
func writeFile(path string, v *zone.Version) (n int, err error) {
	const mode = 0o644 // as an editor would: what is in a zone is public
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0) // a device or pipe is not replaced
		if err != nil {
			return 0, err
		}
		n, err := zonefile.Write(f, v.All())
		return n, errors.Join(err, f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return 0, err
	}
	if n, err = zonefile.Write(f, v.All()); err == nil {
		err = errors.Join(f.Chmod(mode), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return n, errors.Join(err, os.RemoveAll(f.Name()))
	}
	return n, nil
}
