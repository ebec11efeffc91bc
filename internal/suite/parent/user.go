package parent

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// account is the user that components run as.
type account struct {
	uid, gid int
	groups   []int
}

// lookup finds a user by name or number. Only root may choose another one.
func lookup(name string) (*account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return nil, fmt.Errorf("%q: no such user", name)
		}
	}
	a := new(account)
	if a.uid, err = strconv.Atoi(u.Uid); err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	if a.gid, err = strconv.Atoi(u.Gid); err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("%q: groups: %w", name, err)
	}
	for _, id := range ids {
		gid, err := strconv.Atoi(id)
		if err != nil {
			return nil, fmt.Errorf("%q: groups: %w", name, err)
		}
		a.groups = append(a.groups, gid)
	}
	if os.Geteuid() != 0 && a.uid != os.Geteuid() {
		return nil, fmt.Errorf("%q: only root can run components as another user", name)
	}
	return a, nil
}

// credential is what a child is started with; nil keeps the parent's.
func (a *account) credential() *syscall.Credential {
	if a == nil || os.Geteuid() != 0 {
		return nil
	}
	c := &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	for _, gid := range a.groups {
		c.Groups = append(c.Groups, uint32(gid))
	}
	return c
}

// become makes this process, all its threads, run as the user. What is left of root is what binding sockets needs:
// ports below 1024, and packet sockets. Configuring interfaces is not among it, nor is reading files of others.
func (a *account) become() error {
	if a == nil || os.Geteuid() != 0 {
		return nil
	}
	if err := cap.SetGroups(a.gid, a.groups...); err != nil {
		return fmt.Errorf("become user %d: groups: %w", a.uid, err)
	}
	if err := cap.SetUID(a.uid); err != nil { // keeps the permitted capabilities
		return fmt.Errorf("become user %d: %w", a.uid, err)
	}
	keep := cap.NewSet()
	for _, flag := range []cap.Flag{cap.Permitted, cap.Effective} {
		if err := keep.SetFlag(flag, true, cap.NET_BIND_SERVICE, cap.NET_RAW); err != nil {
			return fmt.Errorf("become user %d: capabilities: %w", a.uid, err)
		}
	}
	if err := keep.SetProc(); err != nil {
		return fmt.Errorf("become user %d: capabilities: %w", a.uid, err)
	}
	return nil
}
