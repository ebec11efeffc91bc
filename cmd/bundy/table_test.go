package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bundy/internal/suite/paths"
	"bundy/internal/suite/reference"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/schema/schematest"
)

// TestTable looks at every module as the configuration manager does: named once, described, sound without any
// configuration, and watching only what is there.
func TestTable(t *testing.T) {
	table := descriptors(paths.Below(t.TempDir()))
	var names, components []string
	for _, d := range table {
		names = append(names, d.Spec.Name)
		if !d.Virtual {
			components = append(components, d.Component)
		}
	}
	for _, list := range [][]string{names, components} {
		if slices.Sort(list); len(slices.Compact(slices.Clone(list))) != len(list) {
			t.Errorf("a name stands twice in %v", list)
		}
	}
	for _, d := range table {
		if d.Spec.Help == "" || d.Messages == nil && !d.Virtual {
			t.Errorf("%s has no description or no messages", d.Spec.Name)
		}
		if errs := schema.Validate(d.Spec, schema.Section{}); len(errs) > 0 {
			t.Errorf("%s without configuration: %v", d.Spec.Name, errs)
		}
		if d.Check != nil {
			if errs := d.Check(schema.Document{}); len(errs) > 0 {
				t.Errorf("%s without configuration: %v", d.Spec.Name, errs)
			}
		}
		for _, w := range d.Watches {
			if !slices.Contains(names, w) {
				t.Errorf("%s watches %s, which is no module", d.Spec.Name, w)
			}
		}
	}
}

// TestSuccessDoesNotLookLikeFailure: scripts take output with "error" in it for a failure, so bundyctl must not print
// the word when it shows a configuration.
func TestSuccessDoesNotLookLikeFailure(t *testing.T) {
	var look func(path string, items []*schema.Item)
	look = func(path string, items []*schema.Item) {
		for _, i := range items {
			here := path + "/" + i.Name
			if strings.Contains(strings.ToLower(fmt.Sprint(i.Name, i.Default)), "error") {
				t.Errorf("%s, by default %v", here, i.Default)
			}
			look(here, i.Members)
			if i.Element != nil {
				look(here, []*schema.Item{i.Element})
			}
		}
	}
	for _, d := range descriptors(paths.Below("/data")) {
		look(d.Spec.Name, d.Spec.Config)
	}
}

// TestMessagesAreUnique looks for an identifier that two modules declare.
func TestMessagesAreUnique(t *testing.T) {
	owner := map[string]string{}
	for _, d := range descriptors(paths.Default()) {
		if d.Messages == nil {
			continue
		}
		for _, m := range d.Messages() {
			if first, ok := owner[m.ID()]; ok {
				t.Errorf("%s is declared by %s and by %s", m.ID(), first, d.Spec.Name)
			}
			owner[m.ID()] = d.Spec.Name
		}
	}
}

// TestReferenceIsFresh compares docs/reference with what the code generates.
func TestReferenceIsFresh(t *testing.T) {
	for name, page := range reference.Pages(descriptors(paths.Default())) {
		have, err := os.ReadFile(filepath.Join("../../docs/reference", name))
		if err != nil || string(have) != page {
			t.Errorf("docs/reference/%s is out of date (%v): run make reference", name, err)
		}
	}
}

// departures are where a module differs from the tables of the original on purpose.
var departures = map[string][]string{
	"Dhcp4":    {"option-def[]/space", "lease-database", "subnet4[]/", "dhcp-ddns"},
	"Dhcp6":    {"option-def[]/space", "lease-database", "subnet6[]/", "dhcp-ddns"},
	"DhcpDdns": {"tsig_keys"},
	// Not set is a state of its own, and the default: false would let every installation answer each query from the database.
	"data_sources": {"cache-enable"},
}

// additions are modules that the original does not have.
var additions = []string{"Ha"}

// TestSpecification compares the modules with the tables of the original's items, commands and statistics. It reads
// the folder shared beside the project's root.
func TestSpecification(t *testing.T) {
	const dir = "../../../shared/spec/config-schema"
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is not there", dir)
	}
	for _, d := range descriptors(paths.Default()) {
		text, err := os.ReadFile(filepath.Join(dir, d.Spec.Name+".json"))
		if slices.Contains(additions, d.Spec.Name) {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", d.Spec.Name, err)
			continue
		}
		differences, err := schematest.Compare(d.Spec, []byte(inDefaultPaths(string(text))))
		if err != nil {
			t.Fatalf("%s: %v", d.Spec.Name, err)
		}
		for _, text := range differences {
			if !slices.ContainsFunc(departures[d.Spec.Name], func(item string) bool { return strings.Contains(text, item) }) {
				t.Errorf("%s: %s", d.Spec.Name, text)
			}
		}
	}
}

func inDefaultPaths(text string) string {
	return paths.Default().Expand(text)
}
