package dhcp4

import (
	"encoding/hex"
	"testing"

	"bundy/internal/dhcp/packet4"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// TestOption43OfClasses: each vendor's clients get their own meaning of option 43, as operators of Kea define it in classes; the
// options for all others stay.
func TestOption43OfClasses(t *testing.T) {
	b := newBench(t, `{"subnet4": [{"subnet": "192.0.2.0/24", "pool": ["192.0.2.10 - 192.0.2.19"]}],
		"option-data": [{"name": "suboption-one", "code": 1, "space": "vendor-encapsulated-options-space", "data": "ffff", "csv-format": false}],
		"client-classes": [
			{"name": "APC", "test": "option[60].text == 'APC'",
				"option-def": [{"name": "cookie", "code": 1, "space": "APC", "type": "string"}, {"name": "vendor-encapsulated-options", "code": 43, "type": "empty", "encapsulate": "APC"}],
				"option-data": [{"name": "cookie", "space": "APC", "data": "1APC", "csv-format": true}, {"name": "vendor-encapsulated-options", "csv-format": true, "always-send": true}]},
			{"name": "PXE", "test": "option[60].text == 'PXE'",
				"option-def": [{"name": "vendor-encapsulated-options", "code": 43, "type": "empty", "encapsulate": "PXE"}, {"name": "mtftp-ip", "code": 1, "space": "PXE", "type": "ipv4-address"}],
				"option-data": [{"name": "mtftp-ip", "space": "PXE", "data": "0.0.0.0", "csv-format": true}]},
			{"name": "site", "test": "option[60].text == 'site'",
				"option-def": [{"name": "site-address", "code": 224, "type": "ipv4-address"}],
				"option-data": [{"name": "site-address", "data": "10.0.0.1", "csv-format": true}]}
		]}`)
	for _, c := range []struct{ vendor, parts, want43, want224 string }{
		{"APC", "", "01" + "04" + "31415043", ""},
		{"PXE", "55=2b", "01" + "04" + "00000000", ""},
		{"site", "55=2be0", "0102ffff", "0a000001"},
		{"other", "55=2be0", "0102ffff", ""},
		{"other", "", "", ""},
	} {
		parts := []string{"vendor=" + c.vendor}
		if c.parts != "" {
			parts = append(parts, c.parts)
		}
		o := b.exchange(packet4.Discover, parts...)
		v43, _ := o.Get(43)
		v224, _ := o.Get(224)
		if hex.EncodeToString(v43) != c.want43 || hex.EncodeToString(v224) != c.want224 {
			t.Errorf("%q: option 43 %x, 224 %x", parts, v43, v224)
		}
	}
}

func TestDefinitionsOfClassesAreChecked(t *testing.T) {
	for def, want := range map[string]string{
		`{"name": "routers", "code": 3, "type": "string"}`: `Dhcp4/client-classes[0]/option-def[0]: option 3 has one meaning for all: a class can define option 43 and those from 224 on`,
		`{"name": "a", "code": 255, "type": "string"}`:     `Dhcp4/client-classes[0]/option-def[0]/code: option code 255 is not in 1 to 254`,
		`{"name": "a", "code": 224, "type": "strings"}`:    `Dhcp4/client-classes[0]/option-def[0]: unknown option type "strings"`,
	} {
		v, err := schema.Parse([]byte(`{"client-classes": [{"name": "a", "test": "option[60].exists", "option-def": [` + def + `]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		p := paths.Below(t.TempDir())
		_, errs := build(Descriptor(p).Spec, v.(schema.Section), p, subnet.Identities{})
		if len(errs) != 1 || errs[0].Error() != want {
			t.Errorf("%s: %v", def, errs)
		}
	}
}
