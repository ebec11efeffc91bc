package option

// standard4 is the table of DHCPv4 options (RFC 2132 and the RFCs named beside the rows). The first part is what the
// manual lists; an operator may not redefine it. The second part came later and gives way to an option-def.
func standard4() []Definition {
	return []Definition{
		{Space: SpaceDHCP4, Code: 1, Name: "subnet-mask", Type: IPv4},
		{Space: SpaceDHCP4, Code: 2, Name: "time-offset", Type: Int32},
		{Space: SpaceDHCP4, Code: 3, Name: "routers", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 4, Name: "time-servers", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 5, Name: "name-servers", Type: IPv4},
		{Space: SpaceDHCP4, Code: 6, Name: "domain-name-servers", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 7, Name: "log-servers", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 8, Name: "cookie-servers", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 9, Name: "lpr-servers", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 10, Name: "impress-servers", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 11, Name: "resource-location-servers", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 12, Name: "host-name", Type: String},
		{Space: SpaceDHCP4, Code: 13, Name: "boot-size", Type: Uint16},
		{Space: SpaceDHCP4, Code: 14, Name: "merit-dump", Type: String},
		{Space: SpaceDHCP4, Code: 15, Name: "domain-name", Type: String},
		{Space: SpaceDHCP4, Code: 16, Name: "swap-server", Type: IPv4},
		{Space: SpaceDHCP4, Code: 17, Name: "root-path", Type: String},
		{Space: SpaceDHCP4, Code: 18, Name: "extensions-path", Type: String},
		{Space: SpaceDHCP4, Code: 19, Name: "ip-forwarding", Type: Boolean},
		{Space: SpaceDHCP4, Code: 20, Name: "non-local-source-routing", Type: Boolean},
		{Space: SpaceDHCP4, Code: 21, Name: "policy-filter", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 22, Name: "max-dgram-reassembly", Type: Uint16},
		{Space: SpaceDHCP4, Code: 23, Name: "default-ip-ttl", Type: Uint8},
		{Space: SpaceDHCP4, Code: 24, Name: "path-mtu-aging-timeout", Type: Uint32},
		{Space: SpaceDHCP4, Code: 25, Name: "path-mtu-plateau-table", Type: Uint16, Array: true},
		{Space: SpaceDHCP4, Code: 26, Name: "interface-mtu", Type: Uint16},
		{Space: SpaceDHCP4, Code: 27, Name: "all-subnets-local", Type: Boolean},
		{Space: SpaceDHCP4, Code: 28, Name: "broadcast-address", Type: IPv4},
		{Space: SpaceDHCP4, Code: 29, Name: "perform-mask-discovery", Type: Boolean},
		{Space: SpaceDHCP4, Code: 30, Name: "mask-supplier", Type: Boolean},
		{Space: SpaceDHCP4, Code: 31, Name: "router-discovery", Type: Boolean},
		{Space: SpaceDHCP4, Code: 32, Name: "router-solicitation-address", Type: IPv4},
		{Space: SpaceDHCP4, Code: 33, Name: "static-routes", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 34, Name: "trailer-encapsulation", Type: Boolean},
		{Space: SpaceDHCP4, Code: 35, Name: "arp-cache-timeout", Type: Uint32},
		{Space: SpaceDHCP4, Code: 36, Name: "ieee802-3-encapsulation", Type: Boolean},
		{Space: SpaceDHCP4, Code: 37, Name: "default-tcp-ttl", Type: Uint8},
		{Space: SpaceDHCP4, Code: 38, Name: "tcp-keepalive-internal", Type: Uint32},
		{Space: SpaceDHCP4, Code: 39, Name: "tcp-keepalive-garbage", Type: Boolean},
		{Space: SpaceDHCP4, Code: 40, Name: "nis-domain", Type: String},
		{Space: SpaceDHCP4, Code: 41, Name: "nis-servers", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 42, Name: "ntp-servers", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 43, Name: "vendor-encapsulated-options", Type: Empty, Encapsulates: SpaceVendor},
		{Space: SpaceDHCP4, Code: 44, Name: "netbios-name-servers", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 45, Name: "netbios-dd-server", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 46, Name: "netbios-node-type", Type: Uint8},
		{Space: SpaceDHCP4, Code: 47, Name: "netbios-scope", Type: String},
		{Space: SpaceDHCP4, Code: 48, Name: "font-servers", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 49, Name: "x-display-manager", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 50, Name: "dhcp-requested-address", Type: IPv4},
		{Space: SpaceDHCP4, Code: 51, Name: "dhcp-lease-time", Type: Uint32},
		{Space: SpaceDHCP4, Code: 52, Name: "dhcp-option-overload", Type: Uint8},
		{Space: SpaceDHCP4, Code: 53, Name: "dhcp-message-type", Type: Uint8},
		{Space: SpaceDHCP4, Code: 54, Name: "dhcp-server-identifier", Type: IPv4},
		{Space: SpaceDHCP4, Code: 55, Name: "dhcp-parameter-request-list", Type: Uint8, Array: true},
		{Space: SpaceDHCP4, Code: 56, Name: "dhcp-message", Type: String},
		{Space: SpaceDHCP4, Code: 57, Name: "dhcp-max-message-size", Type: Uint16},
		{Space: SpaceDHCP4, Code: 58, Name: "dhcp-renewal-time", Type: Uint32},
		{Space: SpaceDHCP4, Code: 59, Name: "dhcp-rebinding-time", Type: Uint32},
		{Space: SpaceDHCP4, Code: 60, Name: "vendor-class-identifier", Type: String},
		{Space: SpaceDHCP4, Code: 61, Name: "dhcp-client-identifier", Type: Binary},
		{Space: SpaceDHCP4, Code: 62, Name: "nwip-domain-name", Type: String},
		{Space: SpaceDHCP4, Code: 63, Name: "nwip-suboptions", Type: Binary},
		{Space: SpaceDHCP4, Code: 66, Name: "tftp-server-name", Type: String},
		{Space: SpaceDHCP4, Code: 67, Name: "boot-file-name", Type: String},
		{Space: SpaceDHCP4, Code: 77, Name: "user-class", Type: Binary},
		{Space: SpaceDHCP4, Code: 81, Name: "fqdn", Type: Record, Fields: []Type{Uint8, Uint8, Uint8, FQDN}},
		{Space: SpaceDHCP4, Code: 82, Name: "dhcp-agent-options", Type: Empty, Encapsulates: SpaceRelay},
		{Space: SpaceDHCP4, Code: 90, Name: "authenticate", Type: Binary},
		{Space: SpaceDHCP4, Code: 91, Name: "client-last-transaction-time", Type: Uint32},
		{Space: SpaceDHCP4, Code: 92, Name: "associated-ip", Type: IPv4, Array: true},
		{Space: SpaceDHCP4, Code: 118, Name: "subnet-selection", Type: IPv4},
		{Space: SpaceDHCP4, Code: 119, Name: "domain-search", Type: FQDN, Array: true, compressed: true},
		{Space: SpaceDHCP4, Code: 124, Name: "vivco-suboptions", Type: Record, Fields: []Type{Uint32, Binary}},
		{Space: SpaceDHCP4, Code: 125, Name: "vivso-suboptions", Type: Binary},

		{Space: SpaceDHCP4, Code: 64, Name: "nisplus-domain-name", Type: String, replaceable: true},                                                // RFC 2132
		{Space: SpaceDHCP4, Code: 65, Name: "nisplus-servers", Type: IPv4, Array: true, replaceable: true},                                         // RFC 2132
		{Space: SpaceDHCP4, Code: 68, Name: "mobile-ip-home-agent", Type: IPv4, Array: true, replaceable: true},                                    // RFC 2132
		{Space: SpaceDHCP4, Code: 69, Name: "smtp-server", Type: IPv4, Array: true, replaceable: true},                                             // RFC 2132
		{Space: SpaceDHCP4, Code: 70, Name: "pop-server", Type: IPv4, Array: true, replaceable: true},                                              // RFC 2132
		{Space: SpaceDHCP4, Code: 71, Name: "nntp-server", Type: IPv4, Array: true, replaceable: true},                                             // RFC 2132
		{Space: SpaceDHCP4, Code: 72, Name: "www-server", Type: IPv4, Array: true, replaceable: true},                                              // RFC 2132
		{Space: SpaceDHCP4, Code: 73, Name: "finger-server", Type: IPv4, Array: true, replaceable: true},                                           // RFC 2132
		{Space: SpaceDHCP4, Code: 74, Name: "irc-server", Type: IPv4, Array: true, replaceable: true},                                              // RFC 2132
		{Space: SpaceDHCP4, Code: 75, Name: "streettalk-server", Type: IPv4, Array: true, replaceable: true},                                       // RFC 2132
		{Space: SpaceDHCP4, Code: 76, Name: "streettalk-directory-assistance-server", Type: IPv4, Array: true, replaceable: true},                  // RFC 2132
		{Space: SpaceDHCP4, Code: 78, Name: "slp-directory-agent", Type: Record, Array: true, Fields: []Type{Boolean, IPv4}, replaceable: true},    // RFC 2610
		{Space: SpaceDHCP4, Code: 79, Name: "slp-service-scope", Type: Record, Fields: []Type{Boolean, String}, replaceable: true},                 // RFC 2610
		{Space: SpaceDHCP4, Code: 85, Name: "nds-servers", Type: IPv4, Array: true, replaceable: true},                                             // RFC 2241
		{Space: SpaceDHCP4, Code: 86, Name: "nds-tree-name", Type: String, replaceable: true},                                                      // RFC 2241
		{Space: SpaceDHCP4, Code: 87, Name: "nds-context", Type: String, replaceable: true},                                                        // RFC 2241
		{Space: SpaceDHCP4, Code: 88, Name: "bcms-controller-names", Type: FQDN, Array: true, replaceable: true},                                   // RFC 4280
		{Space: SpaceDHCP4, Code: 89, Name: "bcms-controller-address", Type: IPv4, Array: true, replaceable: true},                                 // RFC 4280
		{Space: SpaceDHCP4, Code: 93, Name: "client-system", Type: Uint16, Array: true, replaceable: true},                                         // RFC 4578
		{Space: SpaceDHCP4, Code: 94, Name: "client-ndi", Type: Record, Fields: []Type{Uint8, Uint8, Uint8}, replaceable: true},                    // RFC 4578
		{Space: SpaceDHCP4, Code: 97, Name: "uuid-guid", Type: Record, Fields: []Type{Uint8, Binary}, replaceable: true},                           // RFC 4578
		{Space: SpaceDHCP4, Code: 98, Name: "uap-servers", Type: String, replaceable: true},                                                        // RFC 2485
		{Space: SpaceDHCP4, Code: 99, Name: "geoconf-civic", Type: Binary, replaceable: true},                                                      // RFC 4776
		{Space: SpaceDHCP4, Code: 100, Name: "pcode", Type: String, replaceable: true},                                                             // RFC 4833
		{Space: SpaceDHCP4, Code: 101, Name: "tcode", Type: String, replaceable: true},                                                             // RFC 4833
		{Space: SpaceDHCP4, Code: 108, Name: "v6-only-preferred", Type: Uint32, replaceable: true},                                                 // RFC 8925
		{Space: SpaceDHCP4, Code: 112, Name: "netinfo-server-address", Type: IPv4, Array: true, replaceable: true},                                 // registered, no RFC
		{Space: SpaceDHCP4, Code: 113, Name: "netinfo-server-tag", Type: String, replaceable: true},                                                // registered, no RFC
		{Space: SpaceDHCP4, Code: 114, Name: "v4-captive-portal", Type: uri, replaceable: true},                                                    // RFC 8910
		{Space: SpaceDHCP4, Code: 116, Name: "auto-config", Type: Uint8, replaceable: true},                                                        // RFC 2563
		{Space: SpaceDHCP4, Code: 117, Name: "name-service-search", Type: Uint16, Array: true, replaceable: true},                                  // RFC 2937
		{Space: SpaceDHCP4, Code: 120, Name: "sip-servers", Type: Binary, replaceable: true},                                                       // RFC 3361
		{Space: SpaceDHCP4, Code: 121, Name: "classless-static-route", Type: routes, replaceable: true},                                            // RFC 3442
		{Space: SpaceDHCP4, Code: 122, Name: "cablelabs-client-configuration", Type: Binary, replaceable: true},                                    // RFC 3495
		{Space: SpaceDHCP4, Code: 123, Name: "geoconf", Type: Binary, replaceable: true},                                                           // RFC 6225
		{Space: SpaceDHCP4, Code: 136, Name: "pana-agent", Type: IPv4, Array: true, replaceable: true},                                             // RFC 5192
		{Space: SpaceDHCP4, Code: 137, Name: "v4-lost", Type: FQDN, replaceable: true},                                                             // RFC 5223
		{Space: SpaceDHCP4, Code: 138, Name: "capwap-ac-v4", Type: IPv4, Array: true, replaceable: true},                                           // RFC 5417
		{Space: SpaceDHCP4, Code: 141, Name: "sip-ua-cs-domains", Type: FQDN, Array: true, replaceable: true},                                      // RFC 6011
		{Space: SpaceDHCP4, Code: 143, Name: "v4-sztp-redirect", Type: Binary, replaceable: true},                                                  // RFC 8572
		{Space: SpaceDHCP4, Code: 146, Name: "rdnss-selection", Type: Record, Fields: []Type{Uint8, IPv4, IPv4, FQDN}, replaceable: true},          // RFC 6731
		{Space: SpaceDHCP4, Code: 150, Name: "tftp-server-address", Type: IPv4, Array: true, replaceable: true},                                    // RFC 5859
		{Space: SpaceDHCP4, Code: 159, Name: "v4-portparams", Type: Record, Fields: []Type{Uint8, Uint8, Uint16}, replaceable: true},               // RFC 7618
		{Space: SpaceDHCP4, Code: 162, Name: "v4-dnr", Type: dnr4, replaceable: true},                                                              // RFC 9463
		{Space: SpaceDHCP4, Code: 212, Name: "option-6rd", Type: Record, Array: true, Fields: []Type{Uint8, Uint8, IPv6, IPv4}, replaceable: true}, // RFC 5969
		{Space: SpaceDHCP4, Code: 213, Name: "v4-access-domain", Type: FQDN, replaceable: true},                                                    // RFC 5986

		// DOCSIS 3.0 (enterprise 4491), carried by option 125.
		{Space: "vendor-4491", Code: 1, Name: "oro", Type: Uint8, Array: true},
		{Space: "vendor-4491", Code: 2, Name: "tftp-servers", Type: IPv4, Array: true},
	}
}
