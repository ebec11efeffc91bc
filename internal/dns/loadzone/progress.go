package loadzone

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// progress reports on one line how far a phase of a load is.
type progress struct {
	to       io.Writer
	phase    string // before the numbers
	interval int    // 0: never
	now      func() time.Time
	start    time.Time
	shown    bool
}

// at is called after every record, with the part of the work that is done, from 0 to 1; less than 0 if it is not known.
func (p *progress) at(n int, part func() float64) {
	if p.interval == 0 || n%p.interval != 0 {
		return
	}
	elapsed := p.now().Sub(p.start)
	rate := float64(n) / max(elapsed.Seconds(), 1e-3)
	p.shown = true
	done := part()
	if done <= 0 {
		fmt.Fprintf(p.to, "\r%s%d RRs in %s, %.0f RRs/sec    ", p.phase, n, clock(elapsed), rate)
		return
	}
	left := time.Duration(float64(elapsed) * (1 - done) / done)
	fmt.Fprintf(p.to, "\r%s%d RRs (%.0f%%) in %s, %.0f RRs/sec, %s ETC    ", p.phase, n, done*100, clock(elapsed), rate, clock(left))
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

// counted is a file that is read, with how much of it has been.
type counted struct {
	io.ReadCloser
	done *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.done.Add(int64(n))
	return n, err
}
