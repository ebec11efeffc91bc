package loadzone

import (
	"fmt"
	"io"
	"time"
)

// progress reports on one line how far a load is.
type progress struct {
	to       io.Writer
	interval int // 0: never
	total    int
	now      func() time.Time
	start    time.Time
	shown    bool
}

// at is called after every record.
func (p *progress) at(n int) {
	if p.interval == 0 || n%p.interval != 0 {
		return
	}
	elapsed := p.now().Sub(p.start)
	rate := float64(n) / max(elapsed.Seconds(), 1e-3)
	left := time.Duration(float64(p.total-n) / rate * float64(time.Second))
	fmt.Fprintf(p.to, "\r%d RRs (%d%%) in %s, %.0f RRs/sec, %s ETC    ", n, n*100/p.total, clock(elapsed), rate, clock(left))
	p.shown = true
}

// end leaves the line.
func (p *progress) end() {
	if p.shown {
		fmt.Fprintln(p.to)
	}
}

// clock shows a duration as h:mm:ss.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
