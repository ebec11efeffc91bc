package paths

import (
	"path/filepath"
	"strings"
)

// Paths is the set of directories of one suite. Create it with Default or Below.
type Paths struct {
	State  string // databases, leases, sockets: ${LOCALSTATEDIR}/bundy
	Config string // certificates and accounts: ${SYSCONFDIR}/bundy
	Share  string // read-only data: ${DATADIR}/bundy
}

// Default gives the paths of the guide, below /usr/local.
func Default() Paths {
	return Paths{State: "/usr/local/var/bundy", Config: "/usr/local/etc/bundy", Share: "/usr/local/share/bundy"}
}

// Below gives paths that all lie in dir, as the option --data-path asks: state files directly in dir, the others in
// dir/etc and dir/share.
func Below(dir string) Paths {
	return Paths{State: dir, Config: filepath.Join(dir, "etc"), Share: filepath.Join(dir, "share")}
}

// Expand replaces the variables that configuration defaults are written with: "${LOCALSTATEDIR}/bundy",
// "${SYSCONFDIR}/bundy" and "${DATADIR}/bundy". Other text is returned as it is.
func (p Paths) Expand(text string) string {
	return strings.NewReplacer(
		"${LOCALSTATEDIR}/bundy", p.State,
		"${SYSCONFDIR}/bundy", p.Config,
		"${DATADIR}/bundy", p.Share,
	).Replace(text)
}
