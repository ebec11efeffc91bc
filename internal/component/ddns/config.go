package ddns

import (
	"errors"
	"fmt"

	"bundy/internal/dns/acl"
	"bundy/internal/dns/wire"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/stats"
)

// Name is the module's name in the configuration.
const Name = "DDNS"

// Config is the section DDNS.
type Config struct {
	Zones []Zone `json:"zones" default:"[]" element:"{\"origin\":\"\",\"class\":\"IN\",\"update_acl\":[]}" help:"Zones that accept updates."`
}

// Zone says who may update one zone.
type Zone struct {
	Origin    string `json:"origin" default:"" help:"Name of the zone."`
	Class     string `json:"class" default:"IN" help:"RR class of the zone."`
	UpdateACL []any  `json:"update_acl" default:"[]" element:"{\"action\":\"REJECT\"}" help:"Access control list: who may update the zone. When no rule matches, the update is rejected, and so it is for zones without an entry. A rule that accepts should ask for a TSIG key, because source addresses of datagrams are easily forged."`
}

// shutdownArgs are the arguments of the command shutdown.
type shutdownArgs struct {
	PID *int64 `json:"pid" help:"Only the instance with this process id shall stop."`
}

func specification(p paths.Paths) *schema.Module {
	m := schema.New(Name, "Dynamic update.", Config{}, p).
		Command("shutdown", "Stop dynamic update. It is started again if it is still configured.", shutdownArgs{}).
		PrivateCommand("getstats", "Return the counters.", nil).
		PrivateCommand("update", "Change zones by UPDATE messages, several zones in one transaction, without asking an access control list.", updateArgs{}).
		PrivateCommand("look", "Show what is at a name of a zone, after all updates that were answered.", lookArgs{}).
		PrivateCommand("auth_started", "Kept for old callers; updates are taken whenever both components run.", nil)
	m.Statistics = stats.Items(definitions())
	return m
}

// zoneID names a zone: class, and origin in lower case.
type zoneID struct {
	class  wire.Class
	origin wire.Name
}

// policies are the access control lists by zone. They are immutable.
type policies map[zoneID]acl.List

// decode reads the section, or gives everything that is wrong with it; each error begins with the path of the item.
func decode(m *schema.Module, doc schema.Document) (policies, []error) {
	var c Config
	if err := schema.Decode(m, doc[Name], &c); err != nil {
		return nil, []error{err}
	}
	p := make(policies, len(c.Zones))
	var errs []error
	for i, z := range c.Zones {
		at := fmt.Sprintf("%s/zones[%d]", Name, i)
		list, bad := acl.Parse(z.UpdateACL, at+"/update_acl")
		errs = append(errs, bad...)
		origin, err := wire.ParseName(z.Origin)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s/origin: %w", at, err))
		}
		class, err := parseClass(z.Class)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s/class: %w", at, err))
		}
		id := zoneID{class, origin.Lower()}
		if _, twice := p[id]; twice {
			errs = append(errs, fmt.Errorf("%s: zone %s of class %s stands twice in the list", at, origin, class))
		}
		if origin != "" && class != 0 {
			p[id] = list
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return p, nil
}

func parseClass(text string) (wire.Class, error) {
	class, err := wire.ParseClass(text)
	if err == nil && (class == 0 || class == wire.ClassANY || class == wire.ClassNONE) {
		return 0, errors.New("no zone can have class " + class.String())
	}
	return class, err
}
