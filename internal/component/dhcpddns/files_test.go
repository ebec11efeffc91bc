package dhcpddns

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bundy/internal/suite/paths"
)

// TestForeignLeaseFile follows a file of a newer Kea with names switched off there, beside our own servers' file, and
// leaves its leases alone when another file decides about their addresses.
func TestForeignLeaseFile(t *testing.T) {
	s := newSite(t)
	file := filepath.Join(s.dir, "theirs.csv")
	end := time.Now().Add(time.Hour).Unix()
	row := func(address, mac, lifetime, host, state string) string {
		at := end
		if lifetime == "0" {
			at -= 3600
		}
		return strings.Join([]string{address, mac, "", lifetime, strconv.FormatInt(at, 10), "1", "0", "0", host, state, "", "0"}, ",") + "\n"
	}
	const header = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n"
	write := func(flag int, text string) {
		t.Helper()
		f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|flag, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write(os.O_TRUNC, header+row("192.0.2.200", "02:00:00:00:01:00", "3600", "server&#x2croom", "0")+
		row("192.0.2.1", "02:00:00:00:01:01", "3600", "impostor", "0"))
	s.doc[name]["lease_files"] = []any{map[string]any{"file": file, "networks": []any{"192.0.2.0/24"}}}
	s.doc[name]["dynamic_dns"] = map[string]any{"enabled": true, "domain": "lab.example"}
	s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
	s.start()
	alpha := both("alpha.lab.example.", "192.0.2.1") // in a subnet of our own
	room := both("server-room.lab.example.", "192.0.2.200")
	s.eventually(append(room, alpha...)...)
	write(os.O_APPEND, row("192.0.2.200", "02:00:00:00:01:00", "0", "", "0")+row("192.0.2.201", "02:00:00:00:01:02", "3600", "beta", "0"))
	s.eventually(append(both("beta.lab.example.", "192.0.2.201"), alpha...)...)

	s.doc[name]["lease_files"] = []any{} // followed no longer: its names go
	s.apply()
	s.eventually(alpha...)
}

func TestBadLeaseFiles(t *testing.T) {
	p := paths.Below(t.TempDir())
	for _, c := range []struct{ file, family, network, want string }{
		{"leases.csv", "ipv4", "192.0.2.0/24", `DhcpDdns/lease_files[0]/file: "leases.csv" is no absolute path`},
		{"/a.csv", "ipv6", "192.0.2.0/24", `DhcpDdns/lease_files[0]/networks[0]: 192.0.2.0/24 is not of the family ipv6`},
		{"/a.csv", "ipv4", "192.0.2.0/99", `DhcpDdns/lease_files[0]/networks[0]: `},
		{filepath.Join(p.State, "kea-leases4.csv"), "ipv4", "192.0.2.0/24", `is followed already`},
	} {
		s := newSite(t)
		s.doc[name]["lease_files"] = []any{map[string]any{"file": c.file, "family": c.family, "networks": []any{c.network}}}
		errs := Descriptor(p).Check(s.doc)
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), c.want) {
			t.Errorf("%+v: %v", c, errs)
		}
	}
}
