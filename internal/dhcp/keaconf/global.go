package keaconf

import (
	"path"
	"strings"
)

// global turns what stands at the level of the server alone.
func (c *converter) global(m map[string]any) {
	c.interfaces(m)
	c.leases(m)
	c.hooks(m)
	c.names(m)
}

func (c *converter) interfaces(m map[string]any) {
	at := c.server + "/interfaces-config"
	in, _ := m["interfaces-config"].(map[string]any)
	delete(m, "interfaces-config")
	m["interfaces"] = []any{} // Kea serves none if none is named
	for name, v := range in {
		switch name {
		case "interfaces":
			m["interfaces"] = v
		case "comment", "user-context":
			c.note(at+"/"+name, "it has no place here")
		case "outbound-interface":
			c.lose(at+"/"+name, "answers leave by the interface that the question came by, and to relay agents as the routes say")
		default:
			c.note(at+"/"+name, "not needed: raw and UDP sockets are used as each client needs, and interfaces that appear later are served")
		}
	}
}

func (c *converter) leases(m map[string]any) {
	at := c.server + "/lease-database"
	db, _ := m["lease-database"].(map[string]any)
	if db == nil {
		db = map[string]any{}
		m["lease-database"] = db
	}
	for _, name := range []string{"lfc-interval", "max-row-errors"} {
		if _, ok := db[name]; ok {
			delete(db, name)
			c.note(at+"/"+name, "not needed: the file is kept short as it grows, and rows that cannot be read are kept aside")
		}
	}
	if kind, ok := db["type"]; !ok || kind == "memfile" {
		name, _ := db["name"].(string)
		if name == "" {
			name = "/var/lib/kea/kea-leases" + c.family() + ".csv"
		} else if !path.IsAbs(name) {
			name = path.Join("/var/lib/kea", name)
		}
		if db["type"], db["name"] = "memfile", name; db["persist"] != false {
			c.note(at+"/name", "the leases are taken over from %s, which belongs to this server from now on", name)
		}
	}
}

// hooks tells what stands for a hook library here.
func (c *converter) hooks(m map[string]any) {
	at := c.server + "/hooks-libraries"
	each(at, m["hooks-libraries"], func(at string, hook map[string]any) {
		file, _ := hook["library"].(string)
		parameters, _ := hook["parameters"].(map[string]any)
		name := strings.TrimSuffix(strings.TrimPrefix(path.Base(file), "libdhcp_"), ".so")
		switch name {
		case "flex_id":
			c.take(at+"/parameters", parameters, m, "identifier-expression")
		case "ping_check":
			ping := map[string]any{"enable-ping-check": true}
			c.take(at+"/parameters", parameters, ping, "reply-timeout", "ping-cltt-secs", "enable-ping-check")
			m["ping-check"] = ping
		default:
			if text, ok := standIn(name); ok {
				c.note(at, "library %s is not needed: %s", name, text)
				return
			}
			c.lose(at, "hook library %s cannot be loaded, and nothing here does the same", file)
		}
	})
	delete(m, "hooks-libraries")
}

// take moves parameters that have an item here.
func (c *converter) take(at string, from, to map[string]any, names ...string) {
	for name, v := range from {
		known := false
		for _, n := range names {
			known = known || n == name
		}
		if known {
			to[name] = v
		} else {
			c.lose(at+"/"+name, "there is no such item here")
		}
	}
}

// names moves what Kea says about names for all into the map dhcp-ddns.
func (c *converter) names(m map[string]any) {
	ddns, _ := m["dhcp-ddns"].(map[string]any)
	if ddns == nil {
		ddns = map[string]any{}
	}
	for _, name := range []string{"override-no-update", "override-client-update", "replace-client-name", "generated-prefix", "qualifying-suffix"} {
		if v, ok := m["ddns-"+name]; ok {
			ddns[name] = v
			delete(m, "ddns-"+name)
		}
	}
	if m["ddns-send-updates"] == false {
		ddns["enable-updates"] = false
		c.note(c.server+"/ddns-send-updates", "it is false for all: enable-updates is false, and ddns-send-updates true below it has no effect")
	}
	delete(m, "ddns-send-updates")
	c.replacement(c.server, ddns, "replace-client-name")
	if _, ok := ddns["qualifying-suffix"]; !ok {
		ddns["qualifying-suffix"] = ""
	}
	m["dhcp-ddns"] = ddns
}

// presets says what Kea takes for granted and this suite does not.
func (c *converter) presets(m map[string]any) {
	preset := func(name string, v any) {
		if _, said := m[name]; !said {
			m[name] = v
		}
	}
	if c.server == "Dhcp4" {
		preset("valid-lifetime", int64(7200))
		if m["calculate-tee-times"] != true {
			preset("renew-timer", int64(0)) // none is sent
			preset("rebind-timer", int64(0))
		}
		return
	}
	valid, lifetime := m["valid-lifetime"].(int64)
	if !lifetime {
		valid = 7200
		preset("valid-lifetime", valid)
		preset("preferred-lifetime", int64(3600))
	}
	preset("preferred-lifetime", valid*5/8)
	preset("calculate-tee-times", true)
	if m["calculate-tee-times"] != false {
		return
	}
	preset("renew-timer", int64(0)) // the client chooses
	preset("rebind-timer", int64(0))
}
