package option

// standard6 is the table of DHCPv6 options (RFC 9915 and the RFCs named beside the rows). The first part is what the
// manual lists; an operator may not redefine it. The second part came later and gives way to an option-def.
func standard6() []Definition {
	return []Definition{
		{Space: SpaceDHCP6, Code: 1, Name: "clientid", Type: Binary},
		{Space: SpaceDHCP6, Code: 2, Name: "serverid", Type: Binary},
		{Space: SpaceDHCP6, Code: 3, Name: "ia-na", Type: Record, Fields: []Type{Uint32, Uint32, Uint32}},
		{Space: SpaceDHCP6, Code: 4, Name: "ia-ta", Type: Uint32},
		{Space: SpaceDHCP6, Code: 5, Name: "iaaddr", Type: Record, Fields: []Type{IPv6, Uint32, Uint32}},
		{Space: SpaceDHCP6, Code: 6, Name: "oro", Type: Uint16, Array: true},
		{Space: SpaceDHCP6, Code: 7, Name: "preference", Type: Uint8},
		{Space: SpaceDHCP6, Code: 8, Name: "elapsed-time", Type: Uint16},
		{Space: SpaceDHCP6, Code: 9, Name: "relay-msg", Type: Binary},
		{Space: SpaceDHCP6, Code: 11, Name: "auth", Type: Binary},
		{Space: SpaceDHCP6, Code: 12, Name: "unicast", Type: IPv6},
		{Space: SpaceDHCP6, Code: 13, Name: "status-code", Type: Record, Fields: []Type{Uint16, String}},
		{Space: SpaceDHCP6, Code: 14, Name: "rapid-commit", Type: Empty},
		{Space: SpaceDHCP6, Code: 15, Name: "user-class", Type: Binary},
		{Space: SpaceDHCP6, Code: 16, Name: "vendor-class", Type: Record, Fields: []Type{Uint32, Binary}},
		{Space: SpaceDHCP6, Code: 17, Name: "vendor-opts", Type: Uint32, Encapsulates: SpaceVendor6},
		{Space: SpaceDHCP6, Code: 18, Name: "interface-id", Type: Binary},
		{Space: SpaceDHCP6, Code: 19, Name: "reconf-msg", Type: Uint8},
		{Space: SpaceDHCP6, Code: 20, Name: "reconf-accept", Type: Empty},
		{Space: SpaceDHCP6, Code: 21, Name: "sip-server-dns", Type: FQDN, Array: true},
		{Space: SpaceDHCP6, Code: 22, Name: "sip-server-addr", Type: IPv6, Array: true},
		{Space: SpaceDHCP6, Code: 23, Name: "dns-servers", Type: IPv6, Array: true},
		{Space: SpaceDHCP6, Code: 24, Name: "domain-search", Type: FQDN, Array: true},
		{Space: SpaceDHCP6, Code: 25, Name: "ia-pd", Type: Record, Fields: []Type{Uint32, Uint32, Uint32}},
		{Space: SpaceDHCP6, Code: 26, Name: "iaprefix", Type: Record, Fields: []Type{Uint32, Uint32, Uint8, IPv6}},
		{Space: SpaceDHCP6, Code: 27, Name: "nis-servers", Type: IPv6, Array: true},
		{Space: SpaceDHCP6, Code: 28, Name: "nisp-servers", Type: IPv6, Array: true},
		{Space: SpaceDHCP6, Code: 29, Name: "nis-domain-name", Type: FQDN, Array: true},
		{Space: SpaceDHCP6, Code: 30, Name: "nisp-domain-name", Type: FQDN, Array: true},
		{Space: SpaceDHCP6, Code: 31, Name: "sntp-servers", Type: IPv6, Array: true},
		{Space: SpaceDHCP6, Code: 32, Name: "information-refresh-time", Type: Uint32},
		{Space: SpaceDHCP6, Code: 33, Name: "bcmcs-server-dns", Type: FQDN, Array: true},
		{Space: SpaceDHCP6, Code: 34, Name: "bcmcs-server-addr", Type: IPv6, Array: true},
		{Space: SpaceDHCP6, Code: 36, Name: "geoconf-civic", Type: Record, Fields: []Type{Uint8, Uint16, Binary}},
		{Space: SpaceDHCP6, Code: 37, Name: "remote-id", Type: Record, Fields: []Type{Uint32, Binary}},
		{Space: SpaceDHCP6, Code: 38, Name: "subscriber-id", Type: Binary},
		{Space: SpaceDHCP6, Code: 39, Name: "client-fqdn", Type: Record, Fields: []Type{Uint8, FQDN}},
		{Space: SpaceDHCP6, Code: 40, Name: "pana-agent", Type: IPv6, Array: true},
		{Space: SpaceDHCP6, Code: 41, Name: "new-posix-timezone", Type: String},
		{Space: SpaceDHCP6, Code: 42, Name: "new-tzdb-timezone", Type: String},
		{Space: SpaceDHCP6, Code: 43, Name: "ero", Type: Uint16, Array: true},
		{Space: SpaceDHCP6, Code: 44, Name: "lq-query", Type: Record, Fields: []Type{Uint8, IPv6}},
		{Space: SpaceDHCP6, Code: 45, Name: "client-data", Type: Empty},
		{Space: SpaceDHCP6, Code: 46, Name: "clt-time", Type: Uint32},
		{Space: SpaceDHCP6, Code: 47, Name: "lq-relay-data", Type: Record, Fields: []Type{IPv6, Binary}},
		{Space: SpaceDHCP6, Code: 48, Name: "lq-client-link", Type: IPv6, Array: true},

		{Space: SpaceDHCP6, Code: 51, Name: "v6-lost", Type: FQDN, replaceable: true},                                               // RFC 5223
		{Space: SpaceDHCP6, Code: 52, Name: "capwap-ac-v6", Type: IPv6, Array: true, replaceable: true},                             // RFC 5417
		{Space: SpaceDHCP6, Code: 53, Name: "relay-id", Type: Binary, replaceable: true},                                            // RFC 5460
		{Space: SpaceDHCP6, Code: 56, Name: "ntp-server", Type: Empty, Encapsulates: "ntp-server-options", replaceable: true},       // RFC 5908
		{Space: SpaceDHCP6, Code: 57, Name: "v6-access-domain", Type: FQDN, replaceable: true},                                      // RFC 5986
		{Space: SpaceDHCP6, Code: 58, Name: "sip-ua-cs-list", Type: FQDN, Array: true, replaceable: true},                           // RFC 6011
		{Space: SpaceDHCP6, Code: 59, Name: "bootfile-url", Type: String, replaceable: true},                                        // RFC 5970
		{Space: SpaceDHCP6, Code: 60, Name: "bootfile-param", Type: Tuple, Array: true, replaceable: true},                          // RFC 5970
		{Space: SpaceDHCP6, Code: 61, Name: "client-arch-type", Type: Uint16, Array: true, replaceable: true},                       // RFC 5970
		{Space: SpaceDHCP6, Code: 62, Name: "nii", Type: Record, Fields: []Type{Uint8, Uint8, Uint8}, replaceable: true},            // RFC 5970
		{Space: SpaceDHCP6, Code: 64, Name: "aftr-name", Type: FQDN, replaceable: true},                                             // RFC 6334
		{Space: SpaceDHCP6, Code: 65, Name: "erp-local-domain-name", Type: FQDN, replaceable: true},                                 // RFC 6440
		{Space: SpaceDHCP6, Code: 66, Name: "rsoo", Type: Empty, Encapsulates: "rsoo-opts", replaceable: true},                      // RFC 6422
		{Space: SpaceDHCP6, Code: 67, Name: "pd-exclude", Type: Binary, replaceable: true},                                          // RFC 6603
		{Space: SpaceDHCP6, Code: 74, Name: "rdnss-selection", Type: Record, Fields: []Type{IPv6, Uint8, FQDN}, replaceable: true},  // RFC 6731
		{Space: SpaceDHCP6, Code: 79, Name: "client-linklayer-addr", Type: Binary, replaceable: true},                               // RFC 6939
		{Space: SpaceDHCP6, Code: 80, Name: "link-address", Type: IPv6, replaceable: true},                                          // RFC 6977
		{Space: SpaceDHCP6, Code: 82, Name: "solmax-rt", Type: Uint32, replaceable: true},                                           // RFC 9915
		{Space: SpaceDHCP6, Code: 83, Name: "inf-max-rt", Type: Uint32, replaceable: true},                                          // RFC 9915
		{Space: SpaceDHCP6, Code: 88, Name: "dhcp4o6-server-addr", Type: IPv6, Array: true, replaceable: true},                      // RFC 7341
		{Space: SpaceDHCP6, Code: 94, Name: "s46-cont-mape", Type: Empty, Encapsulates: "s46-cont-mape-options", replaceable: true}, // RFC 7598
		{Space: SpaceDHCP6, Code: 95, Name: "s46-cont-mapt", Type: Empty, Encapsulates: "s46-cont-mapt-options", replaceable: true}, // RFC 7598
		{Space: SpaceDHCP6, Code: 96, Name: "s46-cont-lw", Type: Empty, Encapsulates: "s46-cont-lw-options", replaceable: true},     // RFC 7598
		{Space: SpaceDHCP6, Code: 103, Name: "v6-captive-portal", Type: uri, replaceable: true},                                     // RFC 8910
		{Space: SpaceDHCP6, Code: 135, Name: "relay-source-port", Type: Uint16, replaceable: true},                                  // RFC 8357
		{Space: SpaceDHCP6, Code: 136, Name: "v6-sztp-redirect", Type: Tuple, Array: true, replaceable: true},                       // RFC 8572
		{Space: SpaceDHCP6, Code: 143, Name: "ipv6-address-andsf", Type: IPv6, Array: true, replaceable: true},                      // RFC 6153
		{Space: SpaceDHCP6, Code: 144, Name: "v6-dnr", Type: dnr6, replaceable: true},                                               // RFC 9463
		{Space: SpaceDHCP6, Code: 148, Name: "addr-reg-enable", Type: Empty, replaceable: true},                                     // RFC 9686

		{Space: "ntp-server-options", Code: 1, Name: "ntp-server-address", Type: IPv6, replaceable: true}, // RFC 5908
		{Space: "ntp-server-options", Code: 2, Name: "ntp-server-multicast", Type: IPv6, replaceable: true},
		{Space: "ntp-server-options", Code: 3, Name: "ntp-server-fqdn", Type: FQDN, replaceable: true},

		// Softwires (RFC 7598). A rule stands in containers for MAP-E and MAP-T, so that it is defined in both.
		{Space: "s46-cont-mape-options", Code: 89, Name: "s46-rule", Type: Record, Fields: []Type{Uint8, Uint8, Uint8, IPv4, Prefix6}, Encapsulates: "s46-rule-options", replaceable: true},
		{Space: "s46-cont-mape-options", Code: 90, Name: "s46-br", Type: IPv6, replaceable: true},
		{Space: "s46-cont-mapt-options", Code: 89, Name: "s46-rule", Type: Record, Fields: []Type{Uint8, Uint8, Uint8, IPv4, Prefix6}, Encapsulates: "s46-rule-options", replaceable: true},
		{Space: "s46-cont-mapt-options", Code: 91, Name: "s46-dmr", Type: Prefix6, replaceable: true},
		{Space: "s46-cont-lw-options", Code: 90, Name: "s46-br", Type: IPv6, replaceable: true},
		{Space: "s46-cont-lw-options", Code: 92, Name: "s46-v4v6bind", Type: Record, Fields: []Type{IPv4, Prefix6}, Encapsulates: "s46-v4v6bind-options", replaceable: true},
		{Space: "s46-rule-options", Code: 93, Name: "s46-portparams", Type: Record, Fields: []Type{Uint8, PSID}, replaceable: true},
		{Space: "s46-v4v6bind-options", Code: 93, Name: "s46-portparams", Type: Record, Fields: []Type{Uint8, PSID}, replaceable: true},

		// DOCSIS 3.0 (enterprise 4491), carried by option 17.
		{Space: "vendor-4491", Code: 1, Name: "oro", Type: Uint16, Array: true},
		{Space: "vendor-4491", Code: 2, Name: "device-type", Type: String},
		{Space: "vendor-4491", Code: 10, Name: "vendor-type", Type: String},
		{Space: "vendor-4491", Code: 32, Name: "tftp-servers", Type: IPv6, Array: true},
		{Space: "vendor-4491", Code: 33, Name: "config-file", Type: String},
		{Space: "vendor-4491", Code: 34, Name: "syslog-servers", Type: IPv6, Array: true},
		{Space: "vendor-4491", Code: 37, Name: "time-servers", Type: IPv6, Array: true},
		{Space: "vendor-4491", Code: 38, Name: "time-offset", Type: Int32},
	}
}
