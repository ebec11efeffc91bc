package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bundy/internal/dhcp/keaconf"
	"bundy/internal/suite/paths"
)

// keaConfig4 has what operators of Kea 2.2 use daily. Kea itself says that it is right.
const keaConfig4 = `{ "Dhcp4": {
	"interfaces-config": {"interfaces": ["lo"], "dhcp-socket-type": "udp"}, // a comment
	"lease-database": {"type": "memfile", "name": "DIR/leases4.csv", "lfc-interval": 3600},
	"control-socket": {"socket-type": "unix", "socket-name": "DIR/kea4"},
	"expired-leases-processing": {"hold-reclaimed-time": 600},
	"calculate-tee-times": true, "t1-percent": 0.4, "t2-percent": 0.8, "cache-threshold": 0.1,
	"min-valid-lifetime": 600, "valid-lifetime": 3600, "max-valid-lifetime": 7200, "decline-probation-period": 600,
	"authoritative": true, "match-client-id": false, "echo-client-id": false, "sanity-checks": {"lease-checks": "fix"},
	"host-reservation-identifiers": ["circuit-id", "hw-address", "flex-id"], "reservations-global": true,
	"dhcp-ddns": {"enable-updates": true, "server-port": 53001, "max-queue-size": 64},
	"ddns-qualifying-suffix": "lab.example.", "ddns-override-client-update": true, "ddns-replace-client-name": "never", "hostname-char-set": "[^A-Za-z0-9.-]",
	"option-def": [
		{"name": "ap", "code": 222, "type": "record", "record-types": "ipv4-address, uint16, string"},
		{"name": "inner", "code": 1, "type": "uint32", "space": "ours", "array": true},
		{"name": "outer", "code": 223, "type": "empty", "encapsulate": "ours"}],
	"option-data": [
		{"name": "domain-name-servers", "data": "192.0.2.1, 192.0.2.2", "always-send": true},
		{"name": "ap", "data": "192.0.2.7, 7, a text"}, {"name": "outer"}, {"space": "ours", "name": "inner", "data": "1, 2"},
		{"code": 240, "csv-format": false, "data": "0A0B"}, {"name": "vivso-suboptions", "data": "4491"},
		{"space": "vendor-4491", "code": 2, "data": "192.0.2.9"}],
	"client-classes": [
		{"name": "uefi", "test": "option[93].hex == 0x0007", "next-server": "192.0.2.5", "boot-file-name": "grub.efi", "user-context": {"a": [1]}},
		{"name": "sun", "test": "substring(option[60].hex,0,3) == 'SUN'",
			"option-def": [{"name": "vendor-encapsulated-options", "code": 43, "type": "empty", "encapsulate": "sun"}]},
		{"name": "late", "test": "member('uefi') and not member('KNOWN')", "only-if-required": true, "valid-lifetime": 900}],
	"shared-networks": [{"name": "floor", "interface": "lo", "ddns-replace-client-name": "when-present", "subnet4": [
		{"subnet": "192.0.2.0/24", "id": 7, "comment": "first floor", "relay": {"ip-addresses": ["10.0.0.1"]}, "require-client-classes": ["late"], "reservation-mode": "all",
			"pools": [{"pool": "192.0.2.10 - 192.0.2.99", "client-class": "uefi", "option-data": [{"name": "routers", "data": "192.0.2.1"}]}, {"pool": "192.0.2.128/26"}],
			"ddns-send-updates": false, "ddns-generated-prefix": "h", "store-extended-info": true, "4o6-interface": "eth9",
			"reservations": [
				{"hw-address": "1a:1b:1c:1d:1e:1f", "ip-address": "192.0.2.201", "hostname": "one", "client-classes": ["sun"], "next-server": "192.0.2.6"},
				{"circuit-id": "'port 7'", "ip-address": "192.0.2.11"}, {"flex-id": "'x'", "option-data": [{"name": "tftp-server-name", "data": "t"}]}]}]}],
	"reservations": [{"client-id": "01:02:03", "hostname": "everywhere"}],
	"loggers": [{"name": "kea-dhcp4", "severity": "INFO"}]
}, }
`

const keaConfig6 = `{ "Dhcp6": {
	"interfaces-config": {"interfaces": ["lo"]}, "server-id": {"type": "LL"}, "mac-sources": ["duid"], "relay-supplied-options": ["65"],
	"lease-database": {"type": "memfile", "persist": false}, "preferred-lifetime": 1800, "valid-lifetime": 3600, "renew-timer": 900, "rebind-timer": 1400,
	"option-data": [{"name": "dns-servers", "data": "2001:db8::53"}, {"name": "sntp-servers", "data": "2001:db8::1"}],
	"client-classes": [{"name": "modems", "test": "vendor.enterprise == 4491", "valid-lifetime": 600}],
	"subnet6": [{"subnet": "2001:db8:1::/64", "interface-id": "port7", "rapid-commit": true, "pools": [{"pool": "2001:db8:1::/80", "client-class": "modems"}],
		"pd-pools": [{"prefix": "2001:db8:8000::", "prefix-len": 48, "delegated-len": 56, "excluded-prefix": "2001:db8:8000::", "excluded-prefix-len": 72}],
		"reservations": [{"duid": "00:03:00:01:02:00:00:00:00:01", "ip-addresses": ["2001:db8:1::7"], "prefixes": ["2001:db8:77::/56"], "hostname": "one"}]}]
} }
`

func convertKea(t *testing.T, path string) (script, remarks string, status int) {
	t.Helper()
	var out, errs strings.Builder
	status = keaconf.Main([]string{path}, &out, &errs, components(paths.Below(t.TempDir())))
	return out.String(), errs.String(), status
}

func TestKeaConfig(t *testing.T) {
	for _, c := range []struct {
		program, text string
		want, lost    []string
	}{
		{"kea-dhcp4", keaConfig4, []string{
			`config set Dhcp4/interfaces ["lo"]`,
			`config set Dhcp4/lease-database {"name":"DIR/leases4.csv","type":"memfile"}`,
			`config set Dhcp4/dhcp-ddns {"enable-updates":true,"override-client-update":true,"qualifying-suffix":"lab.example.","replace-client-name":false,"server-port":53001}`,
			`"encapsulate":"sun"`, `"reservations-in-subnet":true`, `"ddns-send-updates":false`, `"comment":"first floor"`, `"user-context":{"a":[1]}`,
			`"circuit-id":"'port 7'"`, `config set Dhcp4/t1-percent 0.4`, `config set Dhcp4/host-reservation-identifiers ["circuit-id","hw-address","flex-id"]`,
		}, []string{
			`LOST Dhcp4/shared-networks[0]/ddns-replace-client-name: when-present is not known here: names are replaced always (true) or never (false)`,
			`LOST Dhcp4/shared-networks[0]/subnet4[0]/4o6-interface: there is no such item here`,
		}},
		{"kea-dhcp6", keaConfig6, []string{
			`config set Dhcp6/calculate-tee-times true`, `config set Dhcp6/renew-timer 900`, `"excluded-prefix-len":72`, `"rapid-commit":true`, `"interface-id":"port7"`,
		}, nil},
	} {
		t.Run(c.program, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "kea.conf")
			text := strings.ReplaceAll(c.text, "DIR", dir)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := exec.LookPath(c.program); err == nil {
				cmd := exec.Command(c.program, "-t", path)
				cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir, "KEA_DHCP_DATA_DIR="+dir)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("Kea does not accept it: %v\n%s", err, out)
				}
			} else {
				t.Log("Kea itself does not look at the file:", err)
			}
			script, remarks, status := convertKea(t, path)
			if want := map[bool]int{false: 0, true: 2}[len(c.lost) > 0]; status != want {
				t.Errorf("status %d\n%s", status, remarks)
			}
			for _, want := range c.want {
				if want = strings.ReplaceAll(want, "DIR", dir); !strings.Contains(script, want) {
					t.Errorf("no %s in\n%s", want, script)
				}
			}
			var lost []string
			for line := range strings.Lines(remarks) {
				if strings.HasPrefix(line, "LOST") {
					lost = append(lost, strings.TrimSpace(line))
				}
			}
			if strings.Join(lost, "\n") != strings.Join(c.lost, "\n") {
				t.Errorf("lost:\n%s\nall remarks:\n%s", strings.Join(lost, "\n"), remarks)
			}
		})
	}
}

// TestKeaConfigOfDebian: the files that Debian installs are carried over whole.
func TestKeaConfigOfDebian(t *testing.T) {
	files, err := filepath.Glob("/etc/kea/kea-dhcp*.conf")
	if err != nil || len(files) == 0 {
		t.Skip("Kea is not installed (Debian packages kea-dhcp4-server, kea-dhcp6-server, kea-dhcp-ddns-server)")
	}
	for _, path := range files {
		if script, remarks, status := convertKea(t, path); status != 0 || script == "" {
			t.Errorf("%s: status %d\n%s", path, status, remarks)
		}
	}
}

func TestKeaConfigIsChecked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kea.conf")
	for _, c := range []struct{ text, want string }{
		{`{"Dhcp4": {"subnet4": [{"subnet": "192.0.2.0/33"}]}}`, `Dhcp4/subnet4[0]/subnet`},
		{`{"Dhcp4": {"valid-lifetime": "long"}}`, `Dhcp4/valid-lifetime`},
		{`{"Dhcp4": {`, `kea.conf: line 1`},
		{`{"Netconf": {}}`, `none of Dhcp4, Dhcp6 and DhcpDdns is there`},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if script, remarks, status := convertKea(t, path); status != 1 || script != "" || !strings.Contains(remarks, c.want) {
			t.Errorf("%s: status %d, %s\n%s", c.text, status, remarks, script)
		}
	}
}
