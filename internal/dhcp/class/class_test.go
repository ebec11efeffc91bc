package class

import "testing"

func TestOf(t *testing.T) {
	for _, c := range []struct {
		option, limit string
		want          bool
	}{
		{"", "", true},
		{"", "docsis3.0", false},
		{"docsis3.0:0502", "VENDOR_CLASS_docsis3.0", true},
		{"docsis3.0", "docsis3.0", true},
		{"x eRouter1.0 y", "VENDOR_CLASS_eRouter1.0", true},
		{"MSFT 5.0", "VENDOR_CLASS_MSFT 5.0", true},
		{"MSFT 5.0", "VENDOR_CLASS_MSFT", false},
		{"MSFT 5.0", "", true},
	} {
		if got := Of([]byte(c.option)).Allows(c.limit); got != c.want {
			t.Errorf("option 60 %q, class %q: %v", c.option, c.limit, got)
		}
	}
}
