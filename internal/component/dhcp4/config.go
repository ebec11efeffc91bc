package dhcp4

// Config is the section Dhcp4. Numbers are seconds if nothing else is said.
type Config struct {
	Hooks         []string `json:"hooks-libraries" optional:"true" default:"[]" element:"\"\"" help:"Hook library paths, loaded in order. This server cannot load any: the list must be empty."`
	Interfaces    []string `json:"interfaces" default:"[\"*\"]" element:"\"*\"" help:"Names of the interfaces to serve; * means all that are up and have an IPv4 address, except loopbacks. Interfaces that appear later are served too."`
	Renew         uint32   `json:"renew-timer" default:"1000" min:"0" max:"4294967295" help:"T1: seconds after which a client asks to renew its lease. Sent only if it is less than T2 and the lease time."`
	Rebind        uint32   `json:"rebind-timer" default:"2000" min:"0" max:"4294967295" help:"T2: seconds after which a client asks any server to renew its lease. Sent only if it is less than the lease time."`
	Valid         uint32   `json:"valid-lifetime" default:"4000" min:"1" max:"4294967295" help:"Lease time in seconds for subnets without their own; 4294967295 means for ever."`
	NextServer    string   `json:"next-server" optional:"true" default:"" help:"Address of the boot server (siaddr) for subnets without their own; empty sends none."`
	EchoClientID  bool     `json:"echo-client-id" optional:"true" default:"true" help:"Copy the client identifier into replies (RFC 6842)."`
	Authoritative bool     `json:"authoritative" optional:"true" default:"false" help:"No other server serves these subnets: clients that are not known and ask for a wrong address are told so at once."`
	ServerPort    uint16   `json:"server-port" optional:"true" default:"67" min:"1" max:"65535" help:"UDP port that the server listens on. At 67 relays are answered at port 67, with another port at the port they sent from."`
	ClientPort    uint16   `json:"client-port" optional:"true" default:"68" min:"1" max:"65535" help:"UDP port that clients are answered at."`
	Probation     uint32   `json:"decline-probation-period" optional:"true" default:"86400" min:"1" max:"4294967295" help:"Seconds for which an address is not given out after a client found it in use."`

	Reclaim     Reclaim      `json:"expired-leases-processing" optional:"true" help:"What happens to leases that ended: their names are withdrawn and their addresses become free."`
	OptionDefs  []OptionDef  `json:"option-def" default:"[]" help:"Definitions of extra options."`
	OptionData  []OptionData `json:"option-data" default:"[]" help:"Option values for all subnets."`
	Database    Database     `json:"lease-database" help:"Where leases are kept."`
	Subnets     []Subnet     `json:"subnet4" default:"[]" help:"The subnets that are served."`
	NameUpdates NameUpdates  `json:"dhcp-ddns" help:"Names in DNS for the clients."`
}

// Reclaim is the map expired-leases-processing.
type Reclaim struct {
	Wait       uint32 `json:"reclaim-timer-wait-time" optional:"true" default:"10" min:"0" max:"65535" help:"Longest time in seconds between two looks at expired leases. The server also looks when the next lease ends. 0 never reclaims."`
	Flush      uint32 `json:"flush-reclaimed-timer-wait-time" optional:"true" default:"25" min:"0" max:"65535" help:"Seconds between two removals of reclaimed leases that were held long enough. 0 never removes them."`
	Hold       uint32 `json:"hold-reclaimed-time" optional:"true" default:"3600" min:"0" max:"4294967295" help:"Seconds for which a reclaimed lease is remembered, so that its client gets the same address again. 0 forgets it at once."`
	MaxLeases  int    `json:"max-reclaim-leases" optional:"true" default:"100" min:"0" max:"100000" help:"Most leases reclaimed in one go; clients are served before the next. 0 sets the highest number."`
	MaxTime    int    `json:"max-reclaim-time" optional:"true" default:"250" min:"0" max:"10000" help:"Longest time in milliseconds that is spent in one go. 0 is no limit of time."`
	WarnCycles int    `json:"unwarned-reclaim-cycles" optional:"true" default:"5" min:"0" max:"65535" help:"Number of consecutive goes that may leave expired leases behind before a warning is logged."`
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
}

// OptionData is one element of option-data.
type OptionData struct {
	Name  string `json:"name" default:"" help:"Name of the option; may be empty when the code is given."`
	Code  int    `json:"code" default:"0" help:"Code of the option; may be 0 when the name is given."`
	Data  string `json:"data" default:"" help:"The value: separated by commas if csv-format is true (a comma in a value is written \\,), else hexadecimal digits."`
	CSV   bool   `json:"csv-format" default:"false" help:"The value is text and not hexadecimal digits."`
	Space string `json:"space" default:"dhcp4" help:"Option space, as dhcp4 or vendor-4491."`
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

// Subnet is one element of subnet4. What is absent is taken from the global items.
type Subnet struct {
	Prefix      string       `json:"subnet" default:"" help:"The network, as 192.0.2.0/24."`
	ID          uint32       `json:"id" default:"0" min:"0" max:"4294967294" help:"Number of the subnet in the lease database; 0 numbers automatically from 1."`
	Renew       *uint32      `json:"renew-timer" min:"0" max:"4294967295" help:"T1 in this subnet."`
	Rebind      *uint32      `json:"rebind-timer" min:"0" max:"4294967295" help:"T2 in this subnet."`
	Valid       *uint32      `json:"valid-lifetime" min:"1" max:"4294967295" help:"Lease time in this subnet."`
	NextServer  string       `json:"next-server" optional:"true" default:"" help:"Address of the boot server; 0.0.0.0 sends none, empty takes the global one."`
	Pools       []string     `json:"pool" default:"[]" element:"\"\"" help:"Addresses to give out: \"first - last\" or \"prefix/length\", inside the subnet."`
	ClientClass string       `json:"client-class" default:"" help:"Only clients of this class may use the subnet, as VENDOR_CLASS_docsis3.0; empty for all."`
	Relay       Relay        `json:"relay" help:"Relay agent whose clients belong to the subnet."`
	OptionData  []OptionData `json:"option-data" default:"[]" help:"Option values for this subnet."`
}

// Relay is the map relay of a subnet.
type Relay struct {
	Address string `json:"ip-address" default:"0.0.0.0" help:"Address of a relay agent that also selects this subnet; 0.0.0.0 for none."`
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
