package stats

import (
	"fmt"
	"os"
	"time"
)

// own describes the collector's statistics. Times are UTC.
type own struct {
	ReportTime     string  `json:"report_time" default:"1970-01-01T00:00:00Z" title:"Report time" format:"date-time" help:"Time of this report"`
	BootTime       string  `json:"boot_time" default:"1970-01-01T00:00:00Z" title:"Boot time" format:"date-time" help:"Time the collector was started"`
	LastUpdateTime string  `json:"last_update_time" default:"1970-01-01T00:00:00Z" title:"Last update time" format:"date-time" help:"Time when a module last sent its statistics"`
	Timestamp      float64 `json:"timestamp" default:"0.0" title:"Timestamp" help:"Time of this report in seconds since 1970"`
	LName          string  `json:"lname" default:"" title:"Local name" help:"Name that tells this run of the collector from others"`
}

func stamp(t time.Time) string {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// Stats implements module.Component.
func (c *component) Stats() map[string]any {
	c.mu.Lock()
	updated := c.updated
	c.mu.Unlock()
	now := c.now()
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return map[string]any{
		"report_time":      stamp(now),
		"boot_time":        stamp(c.boot),
		"last_update_time": stamp(updated),
		"timestamp":        float64(now.UnixMicro()) / 1e6,
		"lname":            fmt.Sprintf("%x_%x@%s", c.boot.Unix(), os.Getpid(), host),
	}
}
