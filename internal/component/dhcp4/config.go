package dhcp4

import (
	"bundy/internal/dhcp/ledger"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/naming/policy"
)

// Config is the section Dhcp4. Numbers are seconds if nothing else is said.
type Config struct {
	Hooks      []string `json:"hooks-libraries" optional:"true" default:"[]" element:"\"\"" help:"Hook library paths, loaded in order. This server cannot load any: the list must be empty."`
	Interfaces []string `json:"interfaces" default:"[\"*\"]" element:"\"*\"" help:"Names of the interfaces to serve, or name/address to serve it by that address; * means all that are up and have an IPv4 address, except loopbacks. Interfaces that appear later are served too."`
	Renew      uint32   `json:"renew-timer" default:"1000" min:"0" max:"4294967295" help:"T1: seconds after which a client asks to renew its lease. Sent only if it is less than T2 and the lease time."`
	Rebind     uint32   `json:"rebind-timer" default:"2000" min:"0" max:"4294967295" help:"T2: seconds after which a client asks any server to renew its lease. Sent only if it is less than the lease time."`
	Valid      uint32   `json:"valid-lifetime" default:"4000" min:"1" max:"4294967295" help:"Lease time in seconds for subnets without their own; 4294967295 means for ever."`
	MinValid   *uint32  `json:"min-valid-lifetime" min:"1" max:"4294967295" help:"Shortest lease time that a client can ask for; without it the lease time."`
	MaxValid   *uint32  `json:"max-valid-lifetime" min:"1" max:"4294967295" help:"Longest lease time that a client can ask for; without it the lease time."`
	Tees       bool     `json:"calculate-tee-times" optional:"true" default:"false" help:"Reckon T1 and T2 from the lease time where renew-timer and rebind-timer are not set."`
	T1Percent  float64  `json:"t1-percent" optional:"true" default:"0.5" min:"0" max:"1" help:"T1 as a part of the lease time, with calculate-tee-times."`
	T2Percent  float64  `json:"t2-percent" optional:"true" default:"0.875" min:"0" max:"1" help:"T2 as a part of the lease time, with calculate-tee-times."`
	Boot
	MatchID       bool    `json:"match-client-id" optional:"true" default:"true" help:"Tell clients apart by their identifiers. If false, by their hardware addresses alone."`
	Cache         float64 `json:"cache-threshold" optional:"true" default:"0" min:"0" max:"1" help:"Part of the lease time within which a renewal leaves the lease as it is and the client is told what remains; 0 renews always."`
	EchoClientID  bool    `json:"echo-client-id" optional:"true" default:"true" help:"Copy the client identifier into replies (RFC 6842)."`
	Authoritative bool    `json:"authoritative" optional:"true" default:"false" help:"No other server serves these subnets: clients that are not known and ask for a wrong address are told so at once."`
	ServerPort    uint16  `json:"server-port" optional:"true" default:"67" min:"1" max:"65535" help:"UDP port that the server listens on. At 67 relays are answered at port 67, with another port at the port they sent from."`
	ClientPort    uint16  `json:"client-port" optional:"true" default:"68" min:"1" max:"65535" help:"UDP port that clients are answered at."`
	Probation     uint32  `json:"decline-probation-period" optional:"true" default:"86400" min:"1" max:"4294967295" help:"Seconds for which an address is not given out after a client found it in use."`

	Reclaim     ledger.Config `json:"expired-leases-processing" optional:"true" help:"What happens to leases that ended: their names are withdrawn and their addresses become free."`
	OptionDefs  []OptionDef   `json:"option-def" default:"[]" help:"Definitions of extra options."`
	OptionData  []OptionData  `json:"option-data" default:"[]" help:"Option values for all subnets."`
	Database    Database      `json:"lease-database" help:"Where leases are kept."`
	Subnets     []Subnet      `json:"subnet4" default:"[]" help:"The subnets that are served."`
	Networks    []Network     `json:"shared-networks" optional:"true" default:"[]" help:"Links with several subnets."`
	Classes     []Class       `json:"client-classes" optional:"true" default:"[]" help:"Classes of clients, beside those by their vendor class."`
	Hosts       []Reservation `json:"reservations" optional:"true" default:"[]" help:"What certain clients get in any subnet with reservations-global."`
	HostsGlobal bool          `json:"reservations-global" optional:"true" default:"false" help:"Reservations of the whole server hold in the subnets."`
	HostsHere   bool          `json:"reservations-in-subnet" optional:"true" default:"true" help:"Reservations of the subnets hold."`
	HostsApart  bool          `json:"reservations-out-of-pool" optional:"true" default:"false" help:"Accepted and without effect: reservations may always lie in pools or outside."`
	Identifiers []string      `json:"host-reservation-identifiers" optional:"true" default:"[\"hw-address\",\"duid\",\"circuit-id\",\"client-id\",\"flex-id\"]" element:"\"hw-address\"" help:"By what reservations are looked up, in this order."`
	FlexID      string        `json:"identifier-expression" optional:"true" default:"" help:"Expression that makes the identifier flex-id of a client's message."`
	Ping        Ping          `json:"ping-check" optional:"true" help:"Ask whether an address is in use before it is offered to a new client."`
	NameUpdates NameUpdates   `json:"dhcp-ddns" help:"Names in DNS for the clients."`
	subnet.Notes
}

// Ping is the map ping-check.
type Ping struct {
	Enable  bool `json:"enable-ping-check" optional:"true" default:"false" help:"Send an ICMP echo request, and offer another address if there is an answer. Others do not wait for it."`
	Timeout int  `json:"reply-timeout" optional:"true" default:"100" min:"10" max:"2000" help:"Milliseconds to wait for an answer."`
	Clear   int  `json:"ping-cltt-secs" optional:"true" default:"60" min:"0" max:"86400" help:"Seconds for which the answer is believed: an address that was given or checked so recently is not checked again."`
}

// OptionDef is one element of option-def.
type OptionDef struct {
	Name         string `json:"name" default:"" help:"Name of the option."`
	Code         int    `json:"code" default:"0" help:"Code of the option, 1 to 254."`
	Type         string `json:"type" default:"" help:"Type of the data: binary, boolean, empty, fqdn, int8, int16, int32, ipv4-address, ipv6-address, record, string, uint8, uint16 or uint32."`
	Array        bool   `json:"array" default:"false" help:"Several values are allowed."`
	RecordTypes  string `json:"record-types" default:"" help:"Types of the fields of a record, separated by commas; else empty."`
	Space        string `json:"space" default:"dhcp4" help:"Option space that the option belongs to."`
	Encapsulate  string `json:"encapsulate" default:"" help:"Option space of the sub-options that the option carries; empty for none."`
	Encapsulates string `json:"encapsulates" optional:"true" default:"" help:"Another spelling of encapsulate."`
	subnet.Notes
}

// OptionData is one element of option-data.
type OptionData struct {
	Name   string `json:"name" default:"" help:"Name of the option; may be empty when the code is given."`
	Code   int    `json:"code" default:"0" help:"Code of the option; may be 0 when the name is given."`
	Data   string `json:"data" default:"" help:"The value: separated by commas if csv-format is true (a comma in a value is written \\,), else hexadecimal digits."`
	CSV    bool   `json:"csv-format" default:"false" help:"The value is text and not hexadecimal digits."`
	Space  string `json:"space" default:"dhcp4" help:"Option space, as dhcp4 or vendor-4491."`
	Always bool   `json:"always-send" optional:"true" default:"false" help:"Send the option also to clients that do not ask for it."`
	Never  bool   `json:"never-send" optional:"true" default:"false" help:"Never send the option, whatever other levels say."`
	subnet.Notes
}

// Database is the map lease-database.
type Database struct {
	Type     string `json:"type" default:"memfile" enum:",memfile,mysql,postgresql" help:"Kind of the database. This server knows memfile: all leases in memory and in a file."`
	Name     string `json:"name" optional:"true" default:"" help:"Absolute path of the lease file; empty is kea-leases4.csv in the state directory."`
	User     string `json:"user" optional:"true" default:"" help:"Not used by memfile."`
	Host     string `json:"host" optional:"true" default:"" help:"Not used by memfile."`
	Password string `json:"password" optional:"true" default:"" help:"Not used by memfile."`
	Persist  bool   `json:"persist" optional:"true" default:"true" help:"Write leases to the file. If false, all leases are forgotten when the server stops."`
}

// Scope is what networks and subnets have in common. What is absent is taken from the level above: a subnet's network,
// then the global items.
type Scope struct {
	Renew        *uint32      `json:"renew-timer" min:"0" max:"4294967295" help:"T1 here."`
	Rebind       *uint32      `json:"rebind-timer" min:"0" max:"4294967295" help:"T2 here."`
	Tees         *bool        `json:"calculate-tee-times" help:"Reckon T1 and T2 from the lease time, where they are not given."`
	T1Percent    *float64     `json:"t1-percent" min:"0" max:"1" help:"T1 as a part of the lease time."`
	T2Percent    *float64     `json:"t2-percent" min:"0" max:"1" help:"T2 as a part of the lease time."`
	Lifetimes                 // see there
	Boot                      // see there
	Limit                     // see there
	Relay        Relay        `json:"relay" help:"Relay agents whose clients belong here."`
	Interface    string       `json:"interface" optional:"true" default:"" help:"Interface whose direct clients belong here, whatever addresses it has."`
	MatchID      *bool        `json:"match-client-id" help:"Tell clients apart by their identifiers."`
	Authority    *bool        `json:"authoritative" help:"No other server serves this network."`
	Cache        *float64     `json:"cache-threshold" min:"0" max:"1" help:"Part of the lease time within which a renewal leaves the lease as it is."`
	OptionData   []OptionData `json:"option-data" default:"[]" help:"Option values."`
	HostsGlobal  *bool        `json:"reservations-global" help:"Reservations of the whole server hold here."`
	HostsHere    *bool        `json:"reservations-in-subnet" help:"Reservations of the subnets hold."`
	policy.Local              // see there
	subnet.Notes              // see there
	HostsApart   *bool        `json:"reservations-out-of-pool" help:"Accepted and without effect: reservations may always lie in pools or outside."`
}

// Lifetimes is how long leases run.
type Lifetimes struct {
	Valid    *uint32 `json:"valid-lifetime" min:"1" max:"4294967295" help:"Lease time in seconds."`
	MinValid *uint32 `json:"min-valid-lifetime" min:"1" max:"4294967295" help:"Shortest lease time that a client can ask for; without it the lease time."`
	MaxValid *uint32 `json:"max-valid-lifetime" min:"1" max:"4294967295" help:"Longest lease time that a client can ask for; without it the lease time."`
}

// Boot is where clients find what they boot.
type Boot struct {
	NextServer string `json:"next-server" optional:"true" default:"" help:"Address of the boot server (siaddr); 0.0.0.0 sends none, empty takes that of the level above."`
	ServerName string `json:"server-hostname" optional:"true" default:"" help:"Name of the boot server (field sname)."`
	FileName   string `json:"boot-file-name" optional:"true" default:"" help:"Path of the boot file (field file)."`
}

// Limit is who may use something.
type Limit struct {
	Class    string   `json:"client-class" default:"" help:"Only clients of this class, as VENDOR_CLASS_docsis3.0; empty for all."`
	Classes  []string `json:"client-classes" optional:"true" default:"[]" element:"\"\"" help:"Only clients of any of these classes; empty for all."`
	Required []string `json:"require-client-classes" optional:"true" default:"[]" element:"\"\"" help:"Classes with only-if-required that are looked at for clients here."`
}

// Subnet is one element of subnet4.
type Subnet struct {
	Prefix    string        `json:"subnet" default:"" help:"The network, as 192.0.2.0/24."`
	ID        uint32        `json:"id" default:"0" min:"0" max:"4294967294" help:"Number of the subnet in the lease database; 0 numbers automatically from 1. A number stays with its subnet when others go."`
	PoolTexts []string      `json:"pool" default:"[]" element:"\"\"" help:"Addresses to give out: \"first - last\" or \"prefix/length\", inside the subnet."`
	Pools     []Pool        `json:"pools" optional:"true" default:"[]" help:"More addresses to give out, with what belongs to them."`
	Hosts     []Reservation `json:"reservations" optional:"true" default:"[]" help:"What certain clients get, and nobody else."`
	Scope
}

// Pool is one element of pools.
type Pool struct {
	Range      string       `json:"pool" default:"" help:"Addresses: \"first - last\" or \"prefix/length\", inside the subnet."`
	ID         uint32       `json:"pool-id" optional:"true" default:"0" min:"0" max:"4294967295" help:"Number of the pool, for you."`
	OptionData []OptionData `json:"option-data" default:"[]" help:"Option values for clients with an address of the pool."`
	Limit
	subnet.Notes
}

// Network is one element of shared-networks.
type Network struct {
	Name    string   `json:"name" default:"" help:"Name of the network."`
	Subnets []Subnet `json:"subnet4" default:"[]" help:"The subnets that lie on the same link. A client gets an address of any of them."`
	Scope
}

// Class is one element of client-classes.
type Class struct {
	Name       string       `json:"name" default:"" help:"Name of the class."`
	Test       string       `json:"test" optional:"true" default:"" help:"Who belongs to the class: an expression in Kea's language. Empty: nobody but by a reservation."`
	Required   bool         `json:"only-if-required" optional:"true" default:"false" help:"Look at the class only where require-client-classes names it."`
	OptionDefs []OptionDef  `json:"option-def" optional:"true" default:"[]" help:"Definitions for clients of the class alone, of option 43 and of those from 224 on, and of the spaces that these carry."`
	OptionData []OptionData `json:"option-data" default:"[]" help:"Option values for clients of the class."`
	Lifetimes
	Boot
	subnet.Notes
}

// Reservation is one element of reservations. One identifier says whom it is for.
type Reservation struct {
	HWAddr     string       `json:"hw-address" optional:"true" default:"" help:"Hardware address of the client, as 1a:1b:1c:1d:1e:1f."`
	ClientID   string       `json:"client-id" optional:"true" default:"" help:"Client identifier: hexadecimal digits, or text in single quotes."`
	DUID       string       `json:"duid" optional:"true" default:"" help:"DUID in the client identifier (RFC 4361)."`
	CircuitID  string       `json:"circuit-id" optional:"true" default:"" help:"Circuit identifier of the relay agent information: hexadecimal digits, or text in single quotes."`
	FlexID     string       `json:"flex-id" optional:"true" default:"" help:"What identifier-expression makes of the client's messages: hexadecimal digits, or text in single quotes."`
	Address    string       `json:"ip-address" optional:"true" default:"" help:"Address for the client, in a pool or outside."`
	HostName   string       `json:"hostname" optional:"true" default:"" help:"Name for the client."`
	Classes    []string     `json:"client-classes" optional:"true" default:"[]" element:"\"\"" help:"Classes that the client belongs to."`
	OptionData []OptionData `json:"option-data" default:"[]" help:"Option values for the client."`
	Boot
	subnet.Notes
}

// Relay is the map relay.
type Relay struct {
	Address   string   `json:"ip-address" default:"0.0.0.0" help:"Address of a relay agent that also selects this subnet; 0.0.0.0 for none."`
	Addresses []string `json:"ip-addresses" optional:"true" default:"[]" element:"\"\"" help:"More such addresses."`
}

// NameUpdates is the map dhcp-ddns.
type NameUpdates struct {
	Enable               bool   `json:"enable-updates" default:"false" help:"Give clients names in DNS."`
	ServerIP             string `json:"server-ip" optional:"true" default:"127.0.0.1" help:"Address of the DHCP-DDNS server."`
	ServerPort           uint16 `json:"server-port" optional:"true" default:"53001" min:"1" max:"65535" help:"Port of the DHCP-DDNS server."`
	Protocol             string `json:"ncr-protocol" optional:"true" default:"UDP" enum:"UDP" help:"Protocol to the DHCP-DDNS server."`
	Format               string `json:"ncr-format" optional:"true" default:"JSON" enum:"JSON" help:"Form of the requests."`
	AlwaysIncludeFQDN    bool   `json:"always-include-fqdn" optional:"true" default:"false" help:"Accepted and without effect."`
	OverrideNoUpdate     bool   `json:"override-no-update" optional:"true" default:"false" help:"Update even when the client wants no updates."`
	OverrideClientUpdate bool   `json:"override-client-update" optional:"true" default:"false" help:"Do the forward update even when the client wants to do it itself."`
	ReplaceClientName    bool   `json:"replace-client-name" optional:"true" default:"false" help:"Never use the client's name, always a generated one."`
	GeneratedPrefix      string `json:"generated-prefix" optional:"true" default:"myhost" help:"First part of generated names."`
	QualifyingSuffix     string `json:"qualifying-suffix" optional:"true" default:"example.com" help:"Domain behind generated names and names of one label."`
}
