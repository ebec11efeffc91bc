package reference

import (
	"fmt"
	"os"
	"path/filepath"

	"bundy/internal/suite/module"
)

const (
	// ConfigurationFile and MessagesFile are the names of the pages.
	ConfigurationFile = "configuration.md"
	MessagesFile      = "messages.md"

	pageMode = 0o644
	dirMode  = 0o755
)

const generated = "<!-- Generated from the source by `bundy-reference`. Change the source, not this page. -->\n\n"

// Pages returns the pages of the reference by file name.
func Pages(table []*module.Descriptor) map[string]string {
	return map[string]string{
		ConfigurationFile: Configuration(table),
		MessagesFile:      Messages(table),
	}
}

// Write writes the pages into a directory, which is made if it is not there.
func Write(dir string, table []*module.Descriptor) error {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("write reference: %w", err)
	}
	for name, page := range Pages(table) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(page), pageMode); err != nil {
			return fmt.Errorf("write reference: %w", err)
		}
	}
	return nil
}
