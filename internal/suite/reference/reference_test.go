package reference

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bundy/internal/suite/config"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

type testConfig struct {
	Mode string         `json:"mode" default:"a" enum:"a,b" help:"Either | or."`
	Port int            `json:"port" default:"53" min:"0" max:"65535" help:"Where."`
	Name *string        `json:"name"`
	Set  map[string]int `json:"set"`
}

func table() []*module.Descriptor {
	spec := schema.New("Test", "A module.", testConfig{}, paths.Default()).
		Command("load", "Loads a zone.", struct {
			Class  string `json:"class" optional:"true" default:"IN"`
			Origin string `json:"origin" help:"The zone."`
		}{}).
		PrivateCommand("secret", "For others.", nil)
	info := logging.NewMessage("TEST_STARTED", logging.Info, "at {address}", "All is\nwell.")
	debug := logging.NewDebug("TEST_DETAIL", 40, "{what}", "Much detail.")
	messages := func() []*logging.Message { return []*logging.Message{info, debug} }
	return []*module.Descriptor{
		{Component: "bundy-test", Process: "bundy-tests", Special: "test", Spec: spec, Messages: messages},
		config.Logging(paths.Default()),
		{Component: "other", Spec: schema.New("Another", "Shares messages.", nil, paths.Default()), Messages: messages},
	}
}

func TestPages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "reference")
	if err := Write(dir, table()); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		ConfigurationFile: {
			"- [Another](#another): Shares messages.\n- [Logging](#logging)",
			"## Test\n\nA module.\n\nComponent `bundy-test`, in the process `bundy-tests`, special `test`.\n",
			"| `mode` | string | `\"a\"` | Either \\| or. One of \"a\", \"b\". |\n",
			"| `port` | integer | `53` | Where. From 0 to 65535. |\n",
			"| `name` | string, optional |  |  |\n",
			"| `set` | named_set | `{}` |  |\n| `set/<name>` | integer | `0` |  |\n",
			"`Test load [class] origin`: Loads a zone.\n",
			"| `class` | string, optional | `\"IN\"` |  |\n| `origin` | string | `\"\"` | The zone. |\n",
			"| `loggers[]/output_options[]/destination` | string | `\"console\"` |",
		},
		MessagesFile: {
			"## CFGMGR\n", "### LOG_MESSAGES_LOST\n",
			"### TEST_DETAIL\n\nDEBUG 40: `{what}`\n\nMuch detail.\n\n### TEST_STARTED\n\nINFO: `at {address}`\n\nAll is well.\n",
		},
	}
	for name, parts := range want {
		page, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			if !strings.Contains(string(page), part) {
				t.Errorf("%s lacks %q:\n%s", name, part, page)
			}
		}
		if strings.Contains(string(page), "secret") || strings.Count(string(page), "### TEST_STARTED") > 1 {
			t.Errorf("%s shows a private command or a message twice", name)
		}
	}
}

func TestWriteFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(file, "below"), nil); err == nil || !strings.Contains(err.Error(), "write reference") {
		t.Errorf("error %v", err)
	}
}
