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
	if _, err := os.Stat(l.database); err != nil { // opening would make it
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return fmt.Errorf("database %s: %w", l.database, err)
	}
	db, err := zonedb.Open(l.database)
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

// writeFile writes the records beside the file and then gives them its name.
func writeFile(path string, v *zone.Version) (n int, err error) {
	const mode = 0o644 // as an editor would: what is in a zone is public
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeTo(path, os.O_WRONLY, 0, v) // a device or pipe is not replaced
	}
	next := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if n, err = writeTo(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode, v); err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return n, errors.Join(err, os.RemoveAll(next))
	}
	return n, nil
}

func writeTo(path string, flags int, mode fs.FileMode, v *zone.Version) (int, error) {
	f, err := os.OpenFile(path, flags, mode)
	if err != nil {
		return 0, err
	}
	n, err := zonefile.Write(f, v.All())
	return n, errors.Join(err, f.Close())
}
