package keaconf

// elsewhere tells how this suite does in another way what an item of Kea's says. What is not here and has no item is lost.
func elsewhere(name string) (text string, ok bool) {
	const notNeeded = "not needed here"
	text, ok = map[string]string{
		"control-socket":                   "commands are given by bundyctl, and over HTTPS",
		"control-sockets":                  "commands are given by bundyctl, and over HTTPS",
		"loggers":                          "logging is set up in the section Logging, for all components",
		"multi-threading":                  notNeeded,
		"dhcp-queue-control":               notNeeded,
		"parked-packet-limit":              notNeeded,
		"server-tag":                       notNeeded,
		"sanity-checks":                    "a lease belongs to the subnet that its address lies in, and is moved there",
		"statistic-default-sample-age":     "statistics are counters here; a monitoring system keeps the history",
		"statistic-default-sample-count":   "statistics are counters here; a monitoring system keeps the history",
		"store-extended-info":              "it is for lease queries, which are not answered here",
		"early-global-reservations-lookup": notNeeded,
		"reservations-lookup-first":        notNeeded,
		"ip-reservations-unique":           "an address can be reserved once in a subnet",
		"hostname-char-set":                "letters that cannot stand in host names are always replaced",
		"hostname-char-replacement":        "letters that cannot stand in host names are always replaced",
		"ddns-update-on-renew":             "names are looked after all the time a lease runs",
		"ddns-use-conflict-resolution":     "see conflict_policy of DhcpDdns/dynamic_dns",
		"ddns-conflict-resolution-mode":    "see conflict_policy of DhcpDdns/dynamic_dns",
		"ddns-ttl":                         "see DhcpDdns/ttl",
		"ddns-ttl-percent":                 "see DhcpDdns/ttl",
		"allocator":                        "an address is found in the same time however full a pool is",
		"pd-allocator":                     "a prefix is found in the same time however full a pool is",
		"mac-sources":                      "what the relay agent says, the DUID and the link-local address are looked at, in this order",
		"data-directory":                   "the state directory of the suite",
		"server-id":                        "the server is known by the file bundy-dhcp6-serverid in the state directory: copy the identifier from Kea's kea-dhcp6-serverid",
		"max-queue-size":                   notNeeded,
		"sender-ip":                        notNeeded,
		"sender-port":                      notNeeded,
		"metadata":                         notNeeded,
		"dns_server_timeout":               notNeeded,
		"ncr_protocol":                     notNeeded,
		"ncr_format":                       notNeeded,
		"control_socket":                   "commands are given by bundyctl, and over HTTPS",
		"control_sockets":                  "commands are given by bundyctl, and over HTTPS",
	}[name]
	return text, ok
}

// standIn tells what stands for a hook library.
func standIn(hook string) (text string, ok bool) {
	text, ok = map[string]string{
		"lease_cmds":  "see the commands leases, lease_add, lease_update, lease_del and lease_wipe",
		"stat_cmds":   "see the command lease_stats",
		"bootp":       "BOOTP clients are served: see the class BOOTP",
		"host_cmds":   "reservations are changed in the configuration",
		"subnet_cmds": "subnets are changed in the configuration, which needs no restart",
		"class_cmds":  "classes are changed in the configuration, which needs no restart",
		"perfmon":     "see the statistics",
	}[hook]
	return text, ok
}
