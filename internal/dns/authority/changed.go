package authority

import (
	"context"
	"io"
	"os"
	"syscall"
	"time"

	"bundy/internal/dns/zonefile"
)

// stamp tells one state of a file from another. The zero value stands for a file that is not there.
type stamp struct {
	path     string
	inode    uint64
	size     int64
	modified int64 // nanoseconds of the Unix epoch; unknown if it may change again without showing
}

const unknown = -1

// hasty is how soon after a change another one may have the same time: the clock of some file systems counts in seconds.
const hasty = 2 * time.Second

func stampOf(path string, info os.FileInfo, err error) stamp {
	s := stamp{path: path}
	if err != nil {
		return s
	}
	s.size, s.modified = info.Size(), info.ModTime().UnixNano()
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = sys.Ino
	}
	if time.Since(info.ModTime()) < hasty {
		s.modified = unknown
	}
	return s
}

// openStamped opens a file of the zone and remembers what it was like.
func (s *slot) openStamped(path string) (io.ReadCloser, error) {
	f, info, err := zonefile.OpenRegular(path)
	s.files = append(s.files, stampOf(path, info, err))
	if err != nil {
		return nil, err
	}
	return f, nil
}

// filesChanged tells whether a file that the zone was read from is another one now. The caller has the turn.
func (s *slot) filesChanged() bool {
	for _, was := range s.files {
		info, err := os.Stat(was.path)
		if now := stampOf(was.path, info, err); now != was || now.modified == unknown {
			return true
		}
	}
	return false
}

// ReloadChanged loads again what has changed where it comes from: zones of master files, files that these include too,
// and zones of databases that are not followed. The observer is told all that was found. It gives the number of zones that had changed, good or not; the error is of ctx.
func (a *Authority) ReloadChanged(ctx context.Context) (changed int, err error) {
	a.mu.Lock()
	var slots []*slot
	absent := map[key]bool{} // named in a list of zones, but not seen in the database so far
	for _, src := range a.set.sources {
		if src.db != nil && !src.Cached {
			continue
		}
		for _, s := range src.slots {
			slots = append(slots, s)
		}
		for origin := range src.only {
			if k := (key{src.Class, origin}); src.slots[k] == nil {
				absent[k] = true
			}
		}
	}
	a.mu.Unlock()
	for _, s := range slots {
		again, err := a.changed(ctx, s)
		if err == nil && again {
			changed++
			if err = a.reloadSlot(ctx, s, true); isNoZone(err) {
				err = a.Reload(ctx, s.class, s.origin) // takes it out of service
			}
		}
		if err != nil && ctx.Err() != nil {
			return changed, err // others were told to the observer
		}
	}
	for k := range absent {
		err := a.Reload(ctx, k.class, k.origin)
		if err == nil {
			changed++
		} else if ctx.Err() != nil {
			return changed, err
		}
	}
	return changed, nil
}

// changed tells whether a zone is another one where it comes from.
func (a *Authority) changed(ctx context.Context, s *slot) (bool, error) {
	if s.db != nil {
		if s.db.DB == nil {
			return false, nil // its follower tries to open it
		}
		edition, err := s.db.Edition(ctx, s.origin, s.class)
		_, seen := s.editions()
		if err != nil && !isNoZone(err) {
			a.observe([]Finding{s.finding(DatabaseFailed, err)})
			return false, err
		}
		return err != nil || edition != seen, nil
	}
	if err := s.acquire(ctx); err != nil {
		return false, err
	}
	defer s.release()
	return s.filesChanged(), nil
}
