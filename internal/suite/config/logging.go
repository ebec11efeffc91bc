package config

import (
	"slices"

	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// LoggingName is the name of the virtual module that configures the log of all processes.
const LoggingName = "Logging"

// Logging describes the virtual module Logging (guide chapter 20). With it come the messages of the log itself and of
// the configuration manager.
func Logging(p paths.Paths) *module.Descriptor {
	spec := schema.New(LoggingName, "Logging options", logging.Config{}, p)
	return &module.Descriptor{
		Component: "Logging",
		Spec:      spec,
		Virtual:   true,
		Check: func(doc schema.Document) []error {
			c, err := decodeLogging(spec, doc)
			if err != nil {
				return []error{err}
			}
			return c.Check()
		},
		Messages: func() []*logging.Message { return slices.Concat(Messages(), logging.Messages()) },
	}
}

// LoggingConfig reads the section Logging of a document, for logging.Root.Configure.
func LoggingConfig(doc schema.Document) (logging.Config, error) {
	return decodeLogging(Logging(paths.Paths{}).Spec, doc) // no default of it holds a path
}

func decodeLogging(spec *schema.Module, doc schema.Document) (logging.Config, error) {
	var c logging.Config
	err := schema.Decode(spec, doc[LoggingName], &c)
	return c, err
}
