package authority

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonedb"
	"bundy/internal/dns/zonefile"
)

// BenchmarkSmallZones measures what each of many small zones costs at the start.
func BenchmarkSmallZones(b *testing.B) {
	const zones = 2000
	dir := b.TempDir()
	files := Source{Class: wire.ClassIN, Name: MasterFiles, Type: MasterFiles, Cached: true}
	db, err := zonedb.Open(filepath.Join(dir, "zone.sqlite3"))
	if err != nil {
		b.Fatal(err)
	}
	for i := range zones {
		name := fmt.Sprintf("zone%d.example", i)
		f := ZoneFile{wire.MustParseName(name), filepath.Join(dir, name)}
		text := "$TTL 3600\n@ IN SOA ns1 hostmaster 1 3600 900 604800 60\n@ IN NS ns1\n@ IN NS ns2\n" +
			"@ IN MX 10 mail\n@ IN A 192.0.2.1\nns1 IN A 192.0.2.2\nns2 IN A 192.0.2.3\nmail IN A 192.0.2.4\nwww IN CNAME @\n@ IN TXT \"v=spf1 mx -all\"\n"
		if err := os.WriteFile(f.Path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		files.Files = append(files.Files, f)
		if _, err := db.Replace(b.Context(), f.Origin, wire.ClassIN, zonefile.Read(f.Path, f.Origin, zonefile.Options{Class: wire.ClassIN})); err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	for name, source := range map[string]Source{"files": files, "database": inDatabase(db.Path())} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a := New("1.0")
				c, err := a.Prepare(b.Context(), []Source{source})
				if err != nil {
					b.Fatal(err)
				}
				c.Apply()
				if e := a.Catalog().Get(wire.ClassIN, wire.MustParseName(fmt.Sprintf("zone%d.example", zones-1))); e == nil || e.Version() == nil {
					b.Fatal("not loaded")
				}
				a.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/zones, "us/zone")
		})
	}
}

// BenchmarkLargeZone measures the loading of one large zone from a master file and from a database.
func BenchmarkLargeZone(b *testing.B) {
	const names = 200_000
	dir := b.TempDir()
	f := ZoneFile{wire.MustParseName("large.example"), filepath.Join(dir, "large")}
	text := []byte("$TTL 3600\n@ IN SOA ns1 hostmaster 1 3600 900 604800 60\n@ IN NS ns1\nns1 IN A 192.0.2.2\n")
	for i := range names {
		text = fmt.Appendf(text, "h%x IN A 10.%d.%d.%d\n", uint32(i)*2654435761, i>>16, i>>8&255, i&255)
	}
	if err := os.WriteFile(f.Path, text, 0o600); err != nil {
		b.Fatal(err)
	}
	db, err := zonedb.Open(filepath.Join(dir, "zone.sqlite3"))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := db.Replace(b.Context(), f.Origin, wire.ClassIN, zonefile.Read(f.Path, f.Origin, zonefile.Options{Class: wire.ClassIN})); err != nil {
		b.Fatal(err)
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	files := Source{Class: wire.ClassIN, Name: MasterFiles, Type: MasterFiles, Cached: true, Files: []ZoneFile{f}}
	for name, source := range map[string]Source{"files": files, "database": inDatabase(db.Path())} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			before := processor(b)
			for b.Loop() {
				a := New("1.0")
				c, err := a.Prepare(b.Context(), []Source{source})
				if err != nil {
					b.Fatal(err)
				}
				c.Apply()
				a.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/names, "ns/RR")
			b.ReportMetric(float64((processor(b)-before).Nanoseconds())/float64(b.N)/names, "cpu-ns/RR")
		})
	}
}

// processor is the time that the process has had of all processors.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
