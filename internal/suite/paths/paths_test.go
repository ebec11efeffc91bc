package paths

import "testing"

func TestExpand(t *testing.T) {
	tests := []struct {
		paths      Paths
		text, want string
	}{
		{Default(), "${LOCALSTATEDIR}/bundy/zone.sqlite3", "/usr/local/var/bundy/zone.sqlite3"},
		{Default(), "${SYSCONFDIR}/bundy/cmdctl-accounts.csv", "/usr/local/etc/bundy/cmdctl-accounts.csv"},
		{Default(), "${DATADIR}/bundy", "/usr/local/share/bundy"},
		{Below("/srv/b"), "${LOCALSTATEDIR}/bundy/zone.sqlite3", "/srv/b/zone.sqlite3"},
		{Below("/srv/b/"), "${SYSCONFDIR}/bundy/cmdctl-accounts.csv", "/srv/b/etc/cmdctl-accounts.csv"},
		{Below("/srv/b"), "a ${DATADIR}/bundy/x and ${DATADIR}/bundy/y", "a /srv/b/share/x and /srv/b/share/y"},
		{Below("/srv/b"), "${HOME}/bundy $1 plain", "${HOME}/bundy $1 plain"},
		{Below("/srv/${LOCALSTATEDIR}/bundy"), "${LOCALSTATEDIR}/bundy/x", "/srv/${LOCALSTATEDIR}/bundy/x"},
	}
	for _, test := range tests {
		if got := test.paths.Expand(test.text); got != test.want {
			t.Errorf("%+v: %q expands to %q, want %q", test.paths, test.text, got, test.want)
		}
	}
}
