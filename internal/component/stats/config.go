package stats

import (
	"time"

	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

const name = "Stats"

// Config is the module's configuration.
type Config struct {
	PollInterval int `json:"poll-interval" default:"60" optional:"true" min:"0" max:"86400" help:"Seconds between two collections; 0 collects only when somebody asks."`
}

func (c Config) interval() time.Duration { return time.Duration(c.PollInterval) * time.Second }

type shutdownArgs struct {
	PID *int `json:"pid" help:"Stop only the process with this id."`
}

type showArgs struct {
	Owner string `json:"owner" optional:"true" help:"Module to show; all if absent."`
	Name  string `json:"name" optional:"true" help:"Item of the module to show; all if absent."`
}

func specification(p paths.Paths) *schema.Module {
	return schema.New(name, "Collect and show statistics", Config{}, p).
		Command("status", "Show whether the collector works", nil).
		Command("shutdown", "Stop the collector; it is started again while it is configured", shutdownArgs{}).
		Command("show", "Show the statistics of modules, collected anew", showArgs{}).
		Command("showschema", "Show what the statistics mean", showArgs{}).
		PrivateCommand("getstats", "Return the collector's own statistics", nil).
		Statistic(own{})
}

// Descriptor describes the component.
func Descriptor(p paths.Paths) *module.Descriptor {
	spec := specification(p)
	return &module.Descriptor{
		Component: "bundy-stats",
		Process:   "bundy-control",
		Spec:      spec,
		Messages:  Messages,
		New: func(doc schema.Document, deps module.Deps) (module.Component, error) {
			return newComponent(spec, doc, deps)
		},
	}
}
