package logging

import (
	"time"

	"golang.org/x/time/rate"
)

const (
	seldomFirst    = 5
	seldomInterval = 10 * time.Second
)

// Seldom limits a message that anybody can cause from the network: it is logged a few times and then at most once an
// interval. Each such message has a limit of its own.
func Seldom() *rate.Sometimes { return &rate.Sometimes{First: seldomFirst, Interval: seldomInterval} }
