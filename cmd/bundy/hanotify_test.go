package main

import (
	"testing"
	"time"
)

func TestSettled(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		since string
		age   time.Duration
		want  bool
	}{
		{start.Format(time.RFC3339), 0, false},
		{start.Format(time.RFC3339), haSettled, false},
		{start.Format(time.RFC3339), haSettled + time.Second, true},
		{start.Format(time.RFC3339), -time.Hour, true}, // the clock was set back
		{"", 0, true},
	} {
		if got := settled(tt.since, start.Add(tt.age)); got != tt.want {
			t.Errorf("since %q, %v later: %v", tt.since, tt.age, got)
		}
	}
}
