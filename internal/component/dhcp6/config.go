package dhcp6

import (
	"bundy/internal/dhcp/ledger"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/naming/policy"
)

// Config is the section Dhcp6. Numbers are seconds if nothing else is said.
type Config struct {
	Hooks      []string `json:"hooks-libraries" optional:"true" default:"[]" element:"\"\"" help:"Hook library paths, loaded in order. This server cannot load any: the list must be empty."`
	Interfaces []string `json:"interfaces" default:"[\"*\"]" element:"\"*\"" help:"Names of the interfaces to serve; * means all that are up and can do multicast, except loopbacks. name/address serves that address too, for relay agents that send to it. Interfaces that appear later are served too."`

	Renew        uint32   `json:"renew-timer" default:"1000" min:"0" max:"4294967295" help:"T1: seconds after which a client asks to renew its leases."`
	Rebind       uint32   `json:"rebind-timer" default:"2000" min:"0" max:"4294967295" help:"T2: seconds after which a client asks any server to renew its leases."`
	Preferred    uint32   `json:"preferred-lifetime" default:"3000" min:"0" max:"4294967295" help:"Seconds for which addresses and prefixes are preferred; never longer than they are valid."`
	Valid        uint32   `json:"valid-lifetime" default:"4000" min:"1" max:"4294967295" help:"Seconds for which addresses and prefixes are valid; 4294967295 means for ever."`
	MinPreferred *uint32  `json:"min-preferred-lifetime" min:"0" max:"4294967295" help:"Least preferred lifetime that a client may ask for; absent: preferred-lifetime."`
	MaxPreferred *uint32  `json:"max-preferred-lifetime" min:"0" max:"4294967295" help:"Greatest preferred lifetime that a client may ask for; absent: preferred-lifetime."`
	MinValid     *uint32  `json:"min-valid-lifetime" min:"1" max:"4294967295" help:"Least valid lifetime that a client may ask for; absent: valid-lifetime."`
	MaxValid     *uint32  `json:"max-valid-lifetime" min:"1" max:"4294967295" help:"Greatest valid lifetime that a client may ask for; absent: valid-lifetime."`
	CalculateTs  bool     `json:"calculate-tee-times" optional:"true" default:"false" help:"Send shares of the preferred lifetime as T1 and T2 where renew-timer and rebind-timer are not set."`
	T1Share      *float64 `json:"t1-percent" min:"0" max:"1" help:"The share that is T1 (with calculate-tee-times); absent: 0.5."`
	T2Share      *float64 `json:"t2-percent" min:"0" max:"1" help:"The share that is T2 (with calculate-tee-times); absent: 0.8."`

	RapidCommit  bool    `json:"rapid-commit" optional:"true" default:"false" help:"Answer a SOLICIT that asks for it with leases at once."`
	Cache        float64 `json:"cache-threshold" optional:"true" default:"0" min:"0" max:"1" help:"Part of the valid lifetime within which a renewal leaves a lease as it is and the client is told what remains; 0 renews always."`
	Registration bool    `json:"allow-address-registration" optional:"true" default:"true" help:"Take note of addresses that clients chose themselves and tell (RFC 9686)."`
	Reconfigure  bool    `json:"accept-reconfigure" optional:"true" default:"true" help:"Give clients that want it a key by which they obey the command reconfigure."`
	ServerPort   uint16  `json:"server-port" optional:"true" default:"547" min:"1" max:"65535" help:"UDP port that the server listens on. At 547 relay agents are answered at port 547, with another port at the port they sent from."`
	ClientPort   uint16  `json:"client-port" optional:"true" default:"546" min:"1" max:"65535" help:"UDP port that clients are answered at."`
	Probation    uint32  `json:"decline-probation-period" optional:"true" default:"86400" min:"1" max:"4294967295" help:"Seconds for which an address is not given out after a client found it in use."`

	Reclaim      ledger.Config   `json:"expired-leases-processing" optional:"true" help:"What happens to leases that ended: their names are withdrawn and their addresses become free."`
	OptionDefs   []OptionDef     `json:"option-def" default:"[]" help:"Definitions of extra options."`
	OptionData   []OptionData    `json:"option-data" default:"[]" help:"Option values for all subnets."`
	Database     Database        `json:"lease-database" help:"Where leases are kept."`
	Classes      []Class         `json:"client-classes" optional:"true" default:"[]" help:"Classes of clients, looked at in this order."`
	Reservations []Reservation   `json:"reservations" optional:"true" default:"[]" help:"What certain clients get in subnets that say reservations-global."`
	HostsGlobal  bool            `json:"reservations-global" optional:"true" default:"false" help:"Reservations of the whole server hold in the subnets."`
	HostsHere    bool            `json:"reservations-in-subnet" optional:"true" default:"true" help:"Reservations of the subnets hold."`
	HostsApart   bool            `json:"reservations-out-of-pool" optional:"true" default:"false" help:"Accepted and without effect: reservations may always lie in pools or outside."`
	Identifiers  []string        `json:"host-reservation-identifiers" optional:"true" default:"[\"duid\",\"hw-address\",\"flex-id\"]" element:"\"duid\"" help:"By what reservations are looked up, in this order: duid, hw-address or flex-id."`
	FlexID       string          `json:"identifier-expression" optional:"true" default:"" help:"Expression that makes the identifier flex-id of a client's message, as relay6[0].option[37].hex."`
	Supplied     []string        `json:"relay-supplied-options" optional:"true" default:"[\"65\"]" element:"\"65\"" help:"Names or codes of options that relay agents may supply for clients (RFC 6422). What is configured here comes first."`
	Subnets      []Subnet        `json:"subnet6" default:"[]" help:"The subnets that are served."`
	Networks     []SharedNetwork `json:"shared-networks" optional:"true" default:"[]" help:"Links with several subnets each."`
	NameUpdates  NameUpdates     `json:"dhcp-ddns" help:"Names in DNS for the clients."`
	subnet.Notes
}

// OptionDef is one element of option-def.
type OptionDef struct {
	Name         string `json:"name" default:"" help:"Name of the option."`
	Code         int    `json:"code" default:"0" help:"Code of the option, 1 to 65535."`
	Type         string `json:"type" default:"" help:"Type of the data: binary, boolean, empty, fqdn, int8, int16, int32, ipv4-address, ipv6-address, ipv6-prefix, psid, record, string, tuple, uint8, uint16 or uint32."`
	Array        bool   `json:"array" default:"false" help:"Several values are allowed."`
	RecordTypes  string `json:"record-types" default:"" help:"Types of the fields of a record, separated by commas; else empty."`
	Space        string `json:"space" default:"dhcp6" help:"Option space that the option belongs to."`
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
	Space  string `json:"space" default:"dhcp6" help:"Option space, as dhcp6 or vendor-4491."`
	Always bool   `json:"always-send" optional:"true" default:"false" help:"Send the option even to clients that do not ask for it."`
	Never  bool   `json:"never-send" optional:"true" default:"false" help:"Do not send the option, whatever other levels of the configuration say."`
	subnet.Notes
}

// Database is the map lease-database.
type Database struct {
	Type     string `json:"type" default:"memfile" enum:",memfile,mysql,postgresql" help:"Kind of the database. This server knows memfile: all leases in memory and in a file."`
	Name     string `json:"name" optional:"true" default:"" help:"Absolute path of the lease file; empty is kea-leases6.csv in the state directory."`
	User     string `json:"user" optional:"true" default:"" help:"Not used by memfile."`
	Host     string `json:"host" optional:"true" default:"" help:"Not used by memfile."`
	Password string `json:"password" optional:"true" default:"" help:"Not used by memfile."`
	Persist  bool   `json:"persist" optional:"true" default:"true" help:"Write leases to the file. If false, all leases are forgotten when the server stops."`
}

// Class is one element of client-classes.
type Class struct {
	Name       string       `json:"name" default:"" help:"Name of the class."`
	Test       string       `json:"test" optional:"true" default:"" help:"Expression that is true for clients of the class; empty: those whose reservation names it."`
	Required   bool         `json:"only-if-required" optional:"true" default:"false" help:"Look at the class only for clients of subnets, networks and pools that require it."`
	OptionData []OptionData `json:"option-data" optional:"true" default:"[]" help:"Option values for clients of the class."`

	Preferred    *uint32 `json:"preferred-lifetime" min:"0" max:"4294967295" help:"Preferred lifetime of the class."`
	Valid        *uint32 `json:"valid-lifetime" min:"1" max:"4294967295" help:"Valid lifetime of the class, in place of that of the subnet."`
	MinPreferred *uint32 `json:"min-preferred-lifetime" min:"0" max:"4294967295" help:"Least preferred lifetime of the class."`
	MaxPreferred *uint32 `json:"max-preferred-lifetime" min:"0" max:"4294967295" help:"Greatest preferred lifetime of the class."`
	MinValid     *uint32 `json:"min-valid-lifetime" min:"1" max:"4294967295" help:"Least valid lifetime of the class."`
	MaxValid     *uint32 `json:"max-valid-lifetime" min:"1" max:"4294967295" help:"Greatest valid lifetime of the class."`
	subnet.Notes
}

// Reservation is one element of reservations.
type Reservation struct {
	DUID       string       `json:"duid" optional:"true" default:"" help:"The client's DUID in hexadecimal digits, with or without colons."`
	HWAddress  string       `json:"hw-address" optional:"true" default:"" help:"The client's hardware address, if it has no DUID here."`
	FlexID     string       `json:"flex-id" optional:"true" default:"" help:"What identifier-expression makes of the client's messages: hexadecimal digits, or text in single quotes."`
	Addresses  []string     `json:"ip-addresses" optional:"true" default:"[]" element:"\"\"" help:"Addresses of the client, inside the pools or outside."`
	Prefixes   []string     `json:"prefixes" optional:"true" default:"[]" element:"\"\"" help:"Prefixes that are delegated to the client, as 2001:db8:1::/56."`
	HostName   string       `json:"hostname" optional:"true" default:"" help:"Name of the client, in place of the one that it says."`
	Classes    []string     `json:"client-classes" optional:"true" default:"[]" element:"\"\"" help:"Classes that the client belongs to."`
	OptionData []OptionData `json:"option-data" optional:"true" default:"[]" help:"Option values for this client."`
	subnet.Notes
}

// Place is what subnets and shared networks share. What is absent is taken from the level above.
type Place struct {
	CalculateTs  *bool    `json:"calculate-tee-times" help:"Reckon T1 and T2 from the preferred lifetime, where they are not given here."`
	T1Share      *float64 `json:"t1-percent" min:"0" max:"1" help:"The share that is T1."`
	T2Share      *float64 `json:"t2-percent" min:"0" max:"1" help:"The share that is T2."`
	Interface    string   `json:"interface" optional:"true" default:"" help:"Local interface whose clients belong here. It cannot stand beside interface-id."`
	InterfaceID  string   `json:"interface-id" optional:"true" default:"" help:"What relay agents call the interface of clients that belong here (option 18)."`
	Relay        Relay    `json:"relay" optional:"true" help:"Relay agents whose clients belong here."`
	Renew        *uint32  `json:"renew-timer" min:"0" max:"4294967295" help:"T1 here."`
	Rebind       *uint32  `json:"rebind-timer" min:"0" max:"4294967295" help:"T2 here."`
	Preferred    *uint32  `json:"preferred-lifetime" min:"0" max:"4294967295" help:"Preferred lifetime here."`
	Valid        *uint32  `json:"valid-lifetime" min:"1" max:"4294967295" help:"Valid lifetime here."`
	MinPreferred *uint32  `json:"min-preferred-lifetime" min:"0" max:"4294967295" help:"Least preferred lifetime here."`
	MaxPreferred *uint32  `json:"max-preferred-lifetime" min:"0" max:"4294967295" help:"Greatest preferred lifetime here."`
	MinValid     *uint32  `json:"min-valid-lifetime" min:"1" max:"4294967295" help:"Least valid lifetime here."`
	MaxValid     *uint32  `json:"max-valid-lifetime" min:"1" max:"4294967295" help:"Greatest valid lifetime here."`
	RapidCommit  *bool    `json:"rapid-commit" help:"Answer a SOLICIT that asks for it with leases at once."`
	Global       *bool    `json:"reservations-global" help:"Reservations of the whole server hold here."`
	InSubnet     *bool    `json:"reservations-in-subnet" help:"Reservations of the subnet hold."`
	Apart        *bool    `json:"reservations-out-of-pool" help:"Accepted and without effect: reservations may always lie in pools or outside."`
	Cache        *float64 `json:"cache-threshold" min:"0" max:"1" help:"Part of the valid lifetime within which a renewal leaves a lease as it is."`
	policy.Local
	subnet.Notes
	ClientClass string       `json:"client-class" optional:"true" default:"" help:"Only clients of this class are served here, as VENDOR_CLASS_docsis3.0; empty for all."`
	Classes     []string     `json:"client-classes" optional:"true" default:"[]" element:"\"\"" help:"Only clients of one of these classes are served here."`
	Required    []string     `json:"require-client-classes" optional:"true" default:"[]" element:"\"\"" help:"Classes that are looked at for clients that are served here."`
	OptionData  []OptionData `json:"option-data" default:"[]" help:"Option values here."`
}

// Subnet is one element of subnet6.
type Subnet struct {
	Prefix string `json:"subnet" default:"" help:"The network, as 2001:db8:1::/64."`
	ID     uint32 `json:"id" default:"0" min:"0" max:"4294967294" help:"Number of the subnet in the lease database; 0 numbers automatically, and a subnet keeps its number."`
	Place
	Pools        []string      `json:"pool" default:"[]" element:"\"\"" help:"Addresses to give out: \"first - last\" or \"prefix/length\", inside the subnet."`
	Detailed     []Pool        `json:"pools" optional:"true" default:"[]" help:"Pools with options or classes of their own."`
	PDPools      []PDPool      `json:"pd-pools" optional:"true" default:"[]" help:"Prefixes to delegate."`
	Reservations []Reservation `json:"reservations" optional:"true" default:"[]" help:"What certain clients get here."`
}

// SharedNetwork is one element of shared-networks.
type SharedNetwork struct {
	Name string `json:"name" default:"" help:"Name of the network."`
	Place
	Subnets []Subnet `json:"subnet6" default:"[]" help:"The subnets of the network."`
}

// Limit is what pools share.
type Limit struct {
	ID          uint32       `json:"pool-id" optional:"true" default:"0" min:"0" max:"4294967295" help:"Number of the pool."`
	ClientClass string       `json:"client-class" optional:"true" default:"" help:"Only clients of this class may use the pool."`
	Classes     []string     `json:"client-classes" optional:"true" default:"[]" element:"\"\"" help:"Only clients of one of these classes may use the pool."`
	Required    []string     `json:"require-client-classes" optional:"true" default:"[]" element:"\"\"" help:"Classes that are looked at for clients of the pool."`
	OptionData  []OptionData `json:"option-data" optional:"true" default:"[]" help:"Option values for clients of the pool."`
}

// Pool is one element of pools.
type Pool struct {
	Range string `json:"pool" default:"" help:"Addresses: \"first - last\" or \"prefix/length\"."`
	Limit
	subnet.Notes
}

// PDPool is one element of pd-pools.
type PDPool struct {
	Prefix         string `json:"prefix" default:"" help:"First address of the prefix that is shared out."`
	Length         int    `json:"prefix-len" default:"128" min:"1" max:"128" help:"Length of that prefix."`
	Delegated      int    `json:"delegated-len" default:"128" min:"1" max:"128" help:"Length of the prefixes that clients get, at least prefix-len."`
	Excluded       string `json:"excluded-prefix" optional:"true" default:"" help:"A prefix that clients must not use of theirs, told to those that can know (RFC 6603). Of it the bits behind delegated-len count."`
	ExcludedLength int    `json:"excluded-prefix-len" optional:"true" default:"0" min:"0" max:"128" help:"Length of the excluded prefix, longer than delegated-len."`
	Limit
	subnet.Notes
}

// Relay is the map relay.
type Relay struct {
	Address   string   `json:"ip-address" optional:"true" default:"::" help:"Address of a relay agent that also selects this subnet; :: for none."`
	Addresses []string `json:"ip-addresses" optional:"true" default:"[]" element:"\"\"" help:"Addresses of several."`
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
