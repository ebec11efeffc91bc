package authority

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bundy/internal/dns/wire"
)

// Kinds of data sources (guide section 10.2).
const (
	SQLite3     = "sqlite3"
	MasterFiles = "MasterFiles"
)

// Source is one data source, checked. It is immutable.
type Source struct {
	Class wire.Class
	Name  string // unique within the class
	Item  string // where it stands in the configuration, for errors
	Type  string // SQLite3, MasterFiles, or the name of a back end that this program does not have

	Database string      // SQLite3: path of the database
	Files    []ZoneFile  // MasterFiles: one zone each, in canonical order
	Cached   bool        // SQLite3: only the zones in Only are served, and changes by others wait for Reload
	Only     []wire.Name // SQLite3 and Cached: the zones to serve
	Stored   bool        // SQLite3: no zone is kept in memory; not with Cached
}

// ZoneFile is a zone and the master file it is read from.
type ZoneFile struct {
	Origin wire.Name
	Path   string
}

// Config is the section data_sources.
type Config struct {
	Classes map[string][]SourceConfig `json:"classes" element:"[]" default:"{\"IN\":[{\"type\":\"sqlite3\",\"params\":{\"database_file\":\"${LOCALSTATEDIR}/bundy/zone.sqlite3\"}}],\"CH\":[{\"type\":\"MasterFiles\",\"cache-enable\":true,\"params\":{\"BIND\":\"${DATADIR}/bundy/static.zone\"}}]}" help:"Lists of data sources by RR class (IN, CH). A query is answered from the zone that matches best; of equal ones from the source that stands first."`
}

// SourceConfig is one data source of a class.
type SourceConfig struct {
	Type       string   `json:"type" default:"" help:"sqlite3 or MasterFiles."`
	Params     any      `json:"params" help:"For sqlite3 {\"database_file\": path}; for MasterFiles {origin: path of a master file, ...}."`
	Cache      *bool    `json:"cache-enable" help:"For sqlite3: not set, all zones are served from memory, which follows the database; true, only the zones of cache-zones, as they were when they were last loaded; false, each query is answered from the database, and no memory is used for its zones. MasterFiles needs true."`
	CacheZones []string `json:"cache-zones" optional:"true" help:"Origins of the zones to load when cache-enable is true. Not for MasterFiles."`
	Name       *string  `json:"name" help:"Name of this source, unique in its class. Without it the type is the name."`
	CacheType  string   `json:"cache-type" default:"local" optional:"true" help:"Not used: zones are held in the server's own memory, if in any."`
}

// Sources gives the sources that the configuration names, classes in the order of their numbers, and everything that
// is wrong with it; each error begins with the path of the item. It opens nothing.
func (c Config) Sources() ([]Source, []error) {
	var all []Source
	var errs []error
	spelled := map[wire.Class]string{}
	for _, class := range slices.Sorted(maps.Keys(c.Classes)) {
		path := "data_sources/classes/" + class
		number, ok := parseClass(class)
		if !ok {
			errs = append(errs, fmt.Errorf("%s: unknown RR class %q", path, class))
			continue
		}
		if other := spelled[number]; other != "" {
			errs = append(errs, fmt.Errorf("%s: the class stands here as %q already", path, other))
		}
		spelled[number] = class
		names := map[string]bool{}
		for i, one := range c.Classes[class] {
			at := fmt.Sprintf("%s[%d]", path, i)
			s, bad := one.source(number, at)
			if names[s.Name] {
				bad = append(bad, fmt.Errorf("%s/name: two data sources of class %s are named %q", at, class, s.Name))
			}
			names[s.Name] = true
			errs = append(errs, bad...)
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b Source) int { return int(a.Class) - int(b.Class) })
	return all, errs
}

func parseClass(text string) (wire.Class, bool) {
	switch strings.ToUpper(text) {
	case "IN":
		return wire.ClassIN, true
	case "CH":
		return wire.ClassCH, true
	case "HS":
		return classHS, true
	}
	return 0, false
}

const classHS wire.Class = 4 // Hesiod (RFC 1035 section 3.2.4)

func (c SourceConfig) source(class wire.Class, at string) (Source, []error) {
	s := Source{Class: class, Item: at, Type: c.Type, Name: c.Type, Cached: c.Cache != nil && *c.Cache}
	if c.Name != nil && *c.Name != "" {
		s.Name = *c.Name
	}
	var errs []error
	switch c.Type {
	case "":
		errs = append(errs, fmt.Errorf("%s/type: a data source needs a type: sqlite3 or MasterFiles", at))
	case SQLite3:
		errs = s.readDatabase(c, at)
	case MasterFiles:
		errs = s.readFiles(c, at)
	}
	return s, errs
}

func (s *Source) readDatabase(c SourceConfig, at string) (errs []error) {
	params, ok := c.Params.(map[string]any)
	if s.Database, _ = params["database_file"].(string); !ok || s.Database == "" {
		errs = append(errs, fmt.Errorf("%s/params: sqlite3 needs {\"database_file\": path}", at))
	}
	s.Stored = c.Cache != nil && !*c.Cache
	if s.Cached && len(c.CacheZones) == 0 {
		errs = append(errs, fmt.Errorf("%s/cache-zones: cache-enable needs the list of zones", at))
	}
	seen := make(map[wire.Name]bool, len(c.CacheZones)) // lower case
	for i, text := range c.CacheZones {
		n, err := wire.ParseName(text)
		if err == nil && seen[n.Lower()] {
			err = fmt.Errorf("zone %s stands twice in the list", n)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s/cache-zones[%d]: %w", at, i, err))
			continue
		}
		seen[n.Lower()] = true
		s.Only = append(s.Only, n)
	}
	return errs
}

func (s *Source) readFiles(c SourceConfig, at string) (errs []error) {
	if !s.Cached {
		errs = append(errs, fmt.Errorf("%s/cache-enable: MasterFiles needs cache-enable true", at))
	}
	if len(c.CacheZones) > 0 {
		errs = append(errs, fmt.Errorf("%s/cache-zones: MasterFiles takes its zones from params", at))
	}
	params, ok := c.Params.(map[string]any)
	if !ok && c.Params != nil {
		return append(errs, fmt.Errorf("%s/params: MasterFiles needs a map from zone origins to files", at))
	}
	seen := make(map[wire.Name]bool, len(params)) // lower case
	for _, text := range slices.Sorted(maps.Keys(params)) {
		origin, err := wire.ParseName(text)
		file, isText := params[text].(string)
		switch {
		case err != nil:
		case !isText || file == "":
			err = fmt.Errorf("zone %s needs the path of a master file", origin)
		case seen[origin.Lower()]:
			err = fmt.Errorf("zone %s stands twice", origin)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s/params/%s: %w", at, text, err))
			continue
		}
		seen[origin.Lower()] = true
		s.Files = append(s.Files, ZoneFile{Origin: origin, Path: file})
	}
	slices.SortFunc(s.Files, func(a, b ZoneFile) int { return a.Origin.Compare(b.Origin) })
	return errs
}
