package dhcpddns

import (
	"fmt"
	"net/netip"
	"path/filepath"
)

// maxFiles bounds the lease files of other servers: each address is held against all of them.
const maxFiles = 32

// files reads the lease files of other servers.
func (r *reading) files(s *settings, list []FileConfig) {
	if len(list) > maxFiles {
		r.wrong("lease_files", "%d files, more than %d", len(list), maxFiles)
		return
	}
	for i, c := range list {
		path := fmt.Sprintf("lease_files[%d]/", i)
		f := leaseFile{path: filepath.Clean(c.File)}
		everything := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if c.Family == "ipv6" {
			f.family, everything = 1, netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		if !filepath.IsAbs(c.File) {
			r.wrong(path+"file", "%q is no absolute path", c.File)
		}
		for _, other := range s.files {
			if other.path == f.path {
				r.wrong(path+"file", "%q is followed already", c.File)
				break
			}
		}
		for j, text := range c.Networks {
			p, err := parsePrefix(text)
			switch {
			case err != nil:
				r.wrong(fmt.Sprintf("%snetworks[%d]", path, j), "%w", err)
			case familyOf(p.Addr()) != f.family:
				r.wrong(fmt.Sprintf("%snetworks[%d]", path, j), "%s is not of the family %s", p, c.Family)
			}
			f.subnets = append(f.subnets, p)
		}
		if len(c.Networks) == 0 {
			f.subnets = append(f.subnets, everything)
		}
		s.files = append(s.files, f)
	}
}
