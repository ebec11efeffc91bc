package config

import (
	"time"

	"bundy/internal/suite/schema"
)

// Author says who commits and why.
type Author struct {
	Name    string `json:"author"`
	Comment string `json:"comment,omitempty"`
}

// Summary is one line of the history.
type Summary struct {
	Number  int       `json:"number"` // from 1, never used twice
	Time    time.Time `json:"time"`
	Modules []string  `json:"modules"` // whose sections the commit changed
	Author
}

// Revision is one committed document.
type Revision struct {
	Summary
	Document schema.Document `json:"document"`
}

// Shown is a revision with what it changed.
type Shown struct {
	Revision
	Changes schema.Document `json:"changes,omitempty"` // in the form of set_config; absent if the one before is not kept
}

// Changed is the parameter of the event config_changed.
type Changed struct {
	Number  int      `json:"number"`
	Modules []string `json:"modules"`
}

// EventChanged is published after every commit, with Changed.
const EventChanged = "config_changed"
