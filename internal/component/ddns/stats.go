package ddns

import "bundy/internal/suite/stats"

// Positions of the counters.
const (
	requests = iota
	malformed
	overflow
	notAuth
	denied
	dropped
	unmet
	refused
	failed
	applied
	unchanged
)

func definitions() []stats.Definition {
	return []stats.Definition{
		requests:  {Path: "requests", Title: "requests", Help: "update requests received"},
		malformed: {Path: "malformed", Title: "malformed", Help: "requests answered FORMERR before they were looked at"},
		overflow:  {Path: "overflow", Title: "overflow", Help: "requests that found the queue full: dropped (UDP) or answered SERVFAIL (TCP)"},
		notAuth:   {Path: "notauth", Title: "notauth", Help: "requests for zones that are not served here, answered NOTAUTH"},
		denied:    {Path: "denied", Title: "denied", Help: "requests that the access control list rejected, answered REFUSED"},
		dropped:   {Path: "dropped", Title: "dropped", Help: "requests that the access control list dropped"},
		unmet:     {Path: "prerequisites_failed", Title: "prerequisites failed", Help: "requests with a prerequisite that was not met"},
		refused:   {Path: "refused", Title: "refused", Help: "requests whose update section cannot be carried out: FORMERR, NOTZONE or REFUSED"},
		failed:    {Path: "failed", Title: "failed", Help: "requests answered SERVFAIL because the zone could not be read or stored"},
		applied:   {Path: "applied", Title: "applied", Help: "requests answered NOERROR"},
		unchanged: {Path: "unchanged", Title: "unchanged", Help: "those of them that left their zone as it was"},
	}
}
