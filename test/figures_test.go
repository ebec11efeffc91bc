package test

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// figures is a table of what was measured, less being better: a row for each thing, a column for each server.
type figures struct {
	servers []string // ours is the last
	rows    []*figureRow
}

type figureRow struct {
	what   string
	format string
	bar    float64 // that the ratio to the best of the others shall not be above; 0 is none
	limit  float64 // that our figure shall not be above; 0 is none
	values map[string][]float64
}

// row makes a row.
func (f *figures) row(what, format string, bar, limit float64) *figureRow {
	r := &figureRow{what: what, format: format, bar: bar, limit: limit, values: map[string][]float64{}}
	f.rows = append(f.rows, r)
	return r
}

func (r *figureRow) add(server string, v float64) { r.values[server] = append(r.values[server], v) }

// String gives the table in the form of the documentation: medians, and the ratio to the best of the others.
func (f *figures) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| less is better | %s | ratio | bar |\n|---|%s---|---|\n", strings.Join(f.servers, " | "), strings.Repeat("---|", len(f.servers)))
	for _, r := range f.rows {
		cells := []string{r.what}
		best, own := math.Inf(1), 0.0
		for i, s := range f.servers {
			if len(r.values[s]) == 0 {
				cells = append(cells, "")
				continue
			}
			v := median(r.values[s])
			cells = append(cells, fmt.Sprintf(r.format, v))
			if i == len(f.servers)-1 {
				own = v
			} else {
				best = min(best, v)
			}
		}
		ratio, bar := "", ""
		if own > 0 && !math.IsInf(best, 1) {
			ratio = fmt.Sprintf("%.2f", own/best)
		}
		switch {
		case r.bar > 0:
			bar = fmt.Sprintf("%.1f", r.bar)
		case r.limit > 0:
			bar = fmt.Sprintf(r.format, r.limit) + " itself"
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(append(cells, ratio, bar), " | "))
	}
	return b.String()
}

// median gives the middle one, or of an even number the mean of both in the middle.
func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}
