package dhcpddns

import (
	"bundy/internal/dhcp/redundancy"
	"bundy/internal/naming/policy"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// Names of the sections of the configuration that the component reads.
const (
	name       = "DhcpDdns"
	dhcp4Name  = "Dhcp4"
	dhcp6Name  = "Dhcp6"
	globalKeys = "tsig_keys"
)

// Config is the module's configuration.
type Config struct {
	Interface string         `json:"interface" default:"eth0" optional:"true" help:"Not used."`
	Address   string         `json:"ip_address" default:"127.0.0.1" help:"IP address to receive name change requests on."`
	Port      int            `json:"port" default:"53001" optional:"true" min:"0" max:"65535" help:"UDP port to receive name change requests on."`
	AllowFrom []string       `json:"allow_from" default:"[\"127.0.0.0/8\",\"::1/128\"]" help:"Addresses or prefixes that may send name change requests. Requests are not signed: whoever may send them may change names."`
	TTL       int            `json:"ttl" default:"0" min:"0" max:"86400" help:"Time to live in seconds of the records. 0 takes a third of the lease's lifetime, at least 10 seconds and at most an hour."`
	Verify    int            `json:"verify_interval" default:"3600" optional:"true" min:"0" max:"604800" help:"Seconds in which every record of an active lease is looked for in DNS once and put back if it is gone, spread over half of that time; the first look comes soon after the start. 0 looks only when a zone of this suite was loaded anew, and at the command reconcile."`
	Files     []FileConfig   `json:"lease_files" default:"[]" optional:"true" help:"Lease files of other DHCP servers on this machine, as of a Kea that knows nothing of this suite. They are followed, and never written."`
	Rescan    int            `json:"rescan_interval" default:"600" optional:"true" min:"10" max:"604800" help:"Seconds between two readings of whole lease files, beside following them, and between two comparisons of all leases with all names."`
	Keys      []Key          `json:"tsig_keys" default:"[]" element:"{\"algorithm\":\"hmac_md5\"}" help:"TSIG keys that the domains refer to by name. A domain may also use a key of the module tsig_keys."`
	Forward   Domains        `json:"forward_ddns" optional:"true" help:"Where names of clients are published. Without domains, no A or AAAA records are."`
	Dynamic   policy.Section `json:"dynamic_dns" optional:"true" help:"The naming policy of leases."`
	Reverse   Domains        `json:"reverse_ddns" optional:"true" help:"Where names of addresses are published. Without domains, no PTR records are."`
}

// FileConfig is the lease file of a DHCP server that is not of this suite.
type FileConfig struct {
	File     string   `json:"file" default:"" help:"Path of the file, as /var/lib/kea/kea-leases4.csv. It may be of Kea or of an old Bundy; the files of Kea's clean-up are found beside it. The user that this suite runs as must be able to read the folder."`
	Family   string   `json:"family" default:"ipv4" enum:"ipv4,ipv6" help:"Family of the addresses in it."`
	Networks []string `json:"networks" default:"[]" element:"\"\"" help:"Networks in which this file alone says which addresses have leases; those of our own servers are theirs. None: all."`
}

// Key is one TSIG key.
type Key struct {
	Name      string `json:"name" default:"" help:"Name of the key, as the DNS server knows it."`
	Algorithm string `json:"algorithm" default:"" help:"hmac_md5, hmac_sha1, hmac_sha224, hmac_sha256, hmac_sha384 or hmac_sha512; Kea's spelling HMAC-SHA256 is understood too."`
	Secret    string `json:"secret" default:"" help:"The shared secret, base64."`
	Bits      int    `json:"digest_bits" default:"0" optional:"true" min:"0" max:"512" help:"Length in bits to which signatures are cut, as the DNS server wants them; 0 leaves them whole."`
}

// Domains is the catalogue of one direction.
type Domains struct {
	List []DomainConfig `json:"ddns_domains" default:"[]" help:"Zones that take dynamic updates. The longest one that a name lies in is used."`
}

// DomainConfig is one domain.
type DomainConfig struct {
	Name    string         `json:"name" default:"" help:"Name of the zone, with or without final dot; * is used for what no other domain matches."`
	KeyName string         `json:"key_name" default:"" optional:"true" help:"Name of the TSIG key to sign updates with; empty: updates are not signed."`
	Servers []ServerConfig `json:"dns_servers" default:"[]" help:"Name servers that take updates for the zone, tried first to last."`
}

// ServerConfig is one name server of a domain.
type ServerConfig struct {
	Hostname string `json:"hostname" default:"" optional:"true" help:"Host name of the server. Exactly one of hostname and ip_address must be given."`
	Address  string `json:"ip_address" default:"" optional:"true" help:"IP address of the server."`
	Port     int    `json:"port" default:"53" optional:"true" min:"1" max:"65535" help:"DNS port of the server."`
}

type shutdownArgs struct {
	Type *string `json:"type" default:"normal" enum:"normal,drain_first,now" help:"normal ends transactions in progress first; drain_first and now are accepted, and nothing is lost with any of them, as all that is left to do is on disk."`
	PID  *int    `json:"pid" help:"Stop only the process with this id."`
}

type showArgs struct {
	State *string `json:"state" enum:"adding,present,removing,conflict" help:"Show only records in this state."`
	Limit *int    `json:"limit" default:"100" min:"1" max:"10000" help:"Show at most so many records."`
}

type leasesArgs struct {
	Limit *int `json:"limit" default:"100" min:"1" max:"10000" help:"Show at most so many leases."`
}

type whyArgs struct {
	Name string `json:"name" help:"A fully qualified name."`
}

type whoArgs struct {
	Address string  `json:"address" help:"An IP address."`
	Time    *string `json:"time" help:"A time in UTC, as 2026-11-30T12:00:00Z; now if absent."`
}

func specification(p paths.Paths) *schema.Module {
	return schema.New(name, "DHCP-DDNS server: publishes the names of leases in DNS", Config{}, p).
		Command("shutdown", "Stop the DHCP-DDNS server", shutdownArgs{}).
		Command("show", "Show the records that leases have put into DNS, and what is still to be done", showArgs{}).
		Command("leases", "Show the names of leases, by which rule they have them, and how far they are", leasesArgs{}).
		Command("status", "Show the naming policy in force, and what is done and waiting", nil).
		Command("why", "Show why a name is in DNS or not: leases, rules, records, and what was tried", whyArgs{}).
		Command("who", "Show who has an address, or had it at a time, and which names it had", whoArgs{}).
		Command("reconcile", "Compare leases and records now, try everything that waits at once, and put back what is gone from DNS", nil).
		Command("rebuild", "Read the zones of all domains, and take over what this installation made there and the state does not know, as after the state was lost", nil).
		PrivateCommand("getstats", "Return the statistics", nil).
		Statistic(statistics{})
}

// Descriptor describes the component.
func Descriptor(p paths.Paths) *module.Descriptor {
	spec := specification(p)
	return &module.Descriptor{
		Component: "bundy-dhcp-ddns",
		Process:   "bundy-dhcp-ddns",
		Spec:      spec,
		Watches:   []string{globalKeys, dhcp4Name, dhcp6Name, redundancy.Module},
		Check: func(doc schema.Document) []error {
			_, errs := decode(spec, doc, p)
			return errs
		},
		Messages: Messages,
		New: func(doc schema.Document, deps module.Deps) (module.Component, error) {
			return newComponent(spec, doc, deps)
		},
	}
}
