package auth

import (
	"errors"
	"fmt"
	"net/netip"

	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/stats"
)

// Name is the module's name in the configuration.
const Name = "Auth"

// Config is the section Auth.
type Config struct {
	Database      string         `json:"database_file" default:"${LOCALSTATEDIR}/bundy/zone.sqlite3" optional:"true" help:"Kept for old configurations and ignored. Use data_sources."`
	Datasources   []LegacySource `json:"datasources" default:"[]" optional:"true" help:"Kept for old configurations and ignored. Use data_sources."`
	ListenOn      []Listen       `json:"listen_on" default:"[{\"address\":\"::\",\"port\":53},{\"address\":\"0.0.0.0\",\"port\":53}]" help:"Addresses and ports to answer on, each for UDP and TCP. If one cannot be used, the change is refused and the old list stays."`
	Freebind      bool           `json:"freebind" default:"false" help:"Take addresses in listen_on that this machine does not have, or not always, as those that move between machines. Without it such a change is refused. When the server starts, an address that is missing never keeps it from answering on the others, and is used as soon as it is there."`
	TCPTimeout    int64          `json:"tcp_recv_timeout" default:"5000" min:"0" max:"86400000" help:"Milliseconds that a TCP client has for each query; then the connection is closed. 0 is without end."`
	TCPKeepalive  int64          `json:"tcp_keepalive_timeout" default:"30000" min:"0" max:"6553500" help:"Milliseconds that a TCP client which asks to stay (EDNS option TCP KEEPALIVE) may be silent between two queries. 0 keeps nobody longer than tcp_recv_timeout."`
	TCPClients    int            `json:"tcp_clients" default:"1024" min:"1" max:"65536" help:"TCP connections at a time. When three quarters are in use, clients that ask to stay are told to go."`
	TCPPerAddress int            `json:"tcp_clients_per_address" default:"256" min:"1" max:"65536" help:"TCP connections at a time from one IPv4 address or IPv6 /64."`
	MaxUDP        int            `json:"max_udp_size" default:"1232" min:"512" max:"4096" help:"The largest UDP message in octets: larger answers are truncated, so that clients ask again over TCP. The default passes every network without being fragmented."`
	TruncateANY   bool           `json:"truncate_any" default:"false" help:"Truncate answers to queries of type ANY over UDP, so that they are asked again over TCP (RFC 8482) and cannot serve to flood others. Who has a DNS cookie or a TSIG key gets them whole."`
	QueryACL      []any          `json:"query_acl" default:"[{\"action\":\"ACCEPT\"}]" element:"{\"action\":\"REJECT\"}" help:"Access control list: whose queries are answered. When no rule matches, the query is rejected. REJECT answers REFUSED, DROP does not answer."`
	Zones         []Zone         `json:"zones" default:"[]" element:"{\"origin\":\"\",\"class\":\"IN\",\"query_acl\":[]}" help:"Zones with rules of their own."`
	AnswerCookie  bool           `json:"answer_cookie" default:"true" help:"Give DNS cookies to clients that send one (RFC 7873)."`
	RequireCookie bool           `json:"require_server_cookie" default:"false" help:"Answer BADCOOKIE to UDP queries that come with a cookie, but without a valid one of this server."`
	CookieSecrets []string       `json:"cookie_secrets" default:"[]" help:"Secrets of 32 hexadecimal digits that cookies are made with: servers that share an address need the same (RFC 9018). The first makes cookies, all are accepted. Without any the server makes its own and replaces it every day."`
	RateLimit     RateLimit      `json:"rate_limit" help:"Response rate limiting: holds back UDP answers when too many of the same go to one network, as they do when its addresses are forged to attack it. Who has a DNS cookie or a TSIG key is not limited."`
	Version       string         `json:"version" default:"" help:"Text answered to version.bind and version.server of class CH. Without one the data source of class CH answers. none refuses."`
	Hostname      string         `json:"hostname" default:"hostname" help:"Text answered to hostname.bind of class CH. hostname is the name of the machine, none refuses."`
	ServerID      string         `json:"server_id" default:"none" help:"Text answered to id.server of class CH and in the EDNS option NSID (RFC 5001). hostname is the name of the machine, none refuses and leaves the option out."`
}

// RateLimit says how much is let through. The names and meanings are those of BIND 9.
type RateLimit struct {
	Responses  int   `json:"responses_per_second" default:"0" min:"0" max:"1000" help:"Answers a second with the same name and type to one network. 0 does not limit."`
	Referrals  int   `json:"referrals_per_second" default:"0" min:"0" max:"1000" help:"Referrals a second to the same zone to one network. 0 does not limit."`
	NoData     int   `json:"nodata_per_second" default:"0" min:"0" max:"1000" help:"Answers a second without data from the same zone to one network. 0 does not limit."`
	NXDomains  int   `json:"nxdomains_per_second" default:"0" min:"0" max:"1000" help:"Answers NXDOMAIN a second from the same zone to one network. 0 does not limit."`
	Errors     int   `json:"failures_per_second" default:"0" min:"0" max:"1000" help:"Answers a second with any other error to one network. 0 does not limit."`
	All        int   `json:"all_per_second" default:"0" min:"0" max:"1000" help:"Answers a second of all kinds to one network. 0 does not limit."`
	Window     int   `json:"window" default:"15" min:"1" max:"3600" help:"Seconds for which a network that goes on asking too much is held back at most after it stopped."`
	Slip       int   `json:"slip" default:"2" min:"0" max:"10" help:"Of so many answers held back one is sent truncated, so that honest clients in an attacked network ask again over TCP; 1 truncates all, 0 drops all."`
	IPv4Prefix int   `json:"ipv4_prefix_length" default:"24" min:"0" max:"32" help:"Length of the IPv4 networks that share a limit."`
	IPv6Prefix int   `json:"ipv6_prefix_length" default:"56" min:"0" max:"64" help:"Length of the IPv6 networks that share a limit."`
	Exempt     []any `json:"exempt_clients" default:"[]" element:"{\"action\":\"ACCEPT\"}" help:"Access control list: clients that it accepts are not limited."`
	LogOnly    bool  `json:"log_only" default:"false" help:"Only count and log what would be held back."`
	Table      int   `json:"max_table_size" default:"100000" min:"100" max:"16777216" help:"Networks and answers that are followed at a time, 8 octets each."`
}

// Zone is what holds for one zone, and not for others.
type Zone struct {
	Origin   string `json:"origin" default:"" help:"Name of the zone."`
	Class    string `json:"class" default:"IN" help:"RR class of the zone."`
	QueryACL []any  `json:"query_acl" default:"[]" element:"{\"action\":\"REJECT\"}" help:"Access control list: whose queries for names in the zone are answered, in the place of Auth/query_acl. When no rule matches, the query is rejected. Aliases of other zones are not followed into this one for clients that it does not accept."`
}

// Listen is one address to listen on.
type Listen struct {
	Address string `json:"address" default:"::1" help:"IPv4 or IPv6 address."`
	Port    int    `json:"port" default:"53" min:"0" max:"65535" help:"Port for UDP and TCP."`
}

// LegacySource is an entry of the old list of data sources.
type LegacySource struct {
	Type  string       `json:"type" default:"" help:"Ignored."`
	Class string       `json:"class" default:"IN" help:"Ignored."`
	Zones []LegacyZone `json:"zones" default:"[]" element:"{\"origin\":\"\",\"file\":\"\"}" help:"Ignored."`
}

// LegacyZone is a zone of an old data source.
type LegacyZone struct {
	Origin   string  `json:"origin" default:"" help:"Ignored."`
	File     string  `json:"file" default:"" help:"Ignored."`
	FileType *string `json:"filetype" help:"Ignored."`
}

// loadzoneArgs are the arguments of the command loadzone.
type loadzoneArgs struct {
	Class  string `json:"class" default:"IN" optional:"true" help:"Class of the zone."`
	Origin string `json:"origin" help:"Name of the zone."`
	// The guide has it; the data source that serves the zone is the only one that could be meant.
	Datasrc string `json:"datasrc" default:"" optional:"true" help:"Type of the data source. It is not needed, and not looked at."`
}

func spec(p paths.Paths) *schema.Module {
	m := schema.New(Name, "Authoritative DNS server.", Config{}, p).
		Command("shutdown", "Stop the authoritative DNS server. It is started again if it is still configured.", shutdownArgs{}).
		Command("getstats", "Show all counters.", nil).
		Command("loadzone", "Load a zone again from its data source. A zone that no data source has is an error; for others the answer does not wait, and problems are logged.", loadzoneArgs{}).
		Command("reload", "Load again all zones that have changed where they come from, if they are not followed anyway: those whose master files, or files that these include, are other ones now, and those of databases with cache-enable. The answer does not wait for it; problems are logged.", nil).
		Command("zonestatus", "Show whether zones are served, their serial, the number of their records, their data source, and what is wrong with them. A stale zone is served as it was, since it could not be loaded again.", zonestatusArgs{}).
		PrivateCommand("start_ddns_forwarder", "Kept for old callers; updates are handed on when something handles them.", nil).
		PrivateCommand("stop_ddns_forwarder", "Kept for old callers; updates are handed on when something handles them.", nil)
	m.Statistics = append(stats.Items(definitions()), zoneItems()...)
	return m
}

// shutdownArgs are the arguments of the command shutdown.
type shutdownArgs struct {
	PID *int64 `json:"pid" help:"Only the instance with this process id shall stop."`
}

// settings is a checked configuration.
type settings struct {
	listen   []netip.AddrPort
	freebind bool
	policy   policy // without what is made when it is put in use
}

// decode reads the section of the module; the error joins everything that is wrong, with paths.
func decode(m *schema.Module, doc schema.Document) (settings, error) {
	var c Config
	if err := schema.Decode(m, doc[Name], &c); err != nil {
		return settings{}, err
	}
	s := settings{freebind: c.Freebind}
	var errs []error
	s.listen, errs = c.listen()
	policy, more := c.policy()
	s.policy = policy
	return s, errors.Join(append(errs, more...)...)
}

func (c Config) listen() (all []netip.AddrPort, errs []error) {
	seen := make(map[netip.AddrPort]bool)
	for i, l := range c.ListenOn {
		at := fmt.Sprintf("%s/listen_on[%d]", Name, i)
		addr, err := netip.ParseAddr(l.Address)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s/address: %q is not an IP address", at, l.Address))
			continue
		}
		ap := netip.AddrPortFrom(addr.Unmap(), uint16(l.Port))
		if seen[ap] {
			errs = append(errs, fmt.Errorf("%s: %s stands twice", at, ap))
			continue
		}
		seen[ap] = true
		all = append(all, ap)
	}
	return all, errs
}

// check finds what the schema cannot.
func check(m *schema.Module) func(schema.Document) []error {
	return func(doc schema.Document) []error {
		if _, err := decode(m, doc); err != nil {
			if all, ok := err.(interface{ Unwrap() []error }); ok {
				return all.Unwrap()
			}
			return []error{err}
		}
		return nil
	}
}
