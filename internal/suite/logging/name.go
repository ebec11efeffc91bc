package logging

import (
	"strings"
	"unicode"
)

// processName gives the name under which a module appears in the log: the process that the guide knows it by, even
// when another process hosts it. A hyphen goes where a capital follows a small letter: Auth is bundy-auth, DDNS
// bundy-ddns, StatsHttpd bundy-stats-httpd, DhcpDdns bundy-dhcp-ddns. Names that are process names already stay.
func processName(module string) string {
	if module == "ConfigManager" {
		return "bundy-cfgmgr"
	}
	if module == "bundy" || strings.HasPrefix(module, "bundy-") {
		return module
	}
	var b strings.Builder
	b.WriteString("bundy-")
	small := false
	for _, r := range module {
		if small && unicode.IsUpper(r) {
			b.WriteByte('-')
		}
		small = unicode.IsLower(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// ownLogger gives the name of the logger for a module's own code: [bundy-auth.auth], [bundy-dhcp-ddns.dhcpddns].
func ownLogger(process string) string {
	return strings.ReplaceAll(strings.TrimPrefix(process, "bundy-"), "-", "")
}
