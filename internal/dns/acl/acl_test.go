package acl

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
)

func parseJSON(t testing.TB, text string) (List, []error) {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("test list %s: %v", text, err)
	}
	return Parse(v, "M/acl")
}

func TestDecide(t *testing.T) {
	const hosts = `[{"from":["192.0.2.1","2001:db8::1"],"key":"first.key","action":"ACCEPT"},
		{"from":["192.0.2.2","2001:db8::2"],"key":"second.key","action":"ACCEPT"},{"action":"REJECT"}]`
	const private = `[{"from":["10.0.0.0/8","172.16.0.0/12","192.168.0.0/16"],"action":"ACCEPT"}]`
	const notPrivate = `[{"NOT":{"ANY":[{"from":"10.0.0.0/8"},{"from":"192.168.0.0/16"}]},"action":"DROP"},{"action":"ACCEPT"}]`
	for _, c := range []struct {
		list, client, key string
		fallback, want    Action
	}{
		{`[]`, "192.0.2.1", "", Reject, Reject},
		{`[]`, "192.0.2.1", "", Accept, Accept},
		{`[{"action":"DROP"}]`, "::1", "", Accept, Drop},
		{hosts, "192.0.2.1", "FIRST.key", Drop, Accept},
		{hosts, "::ffff:192.0.2.1", "first.key", Drop, Accept},
		{hosts, "192.0.2.1", "second.key", Drop, Reject},
		{hosts, "192.0.2.1", "", Drop, Reject},
		{hosts, "2001:db8::2", "second.key", Drop, Accept},
		{private, "172.31.255.255", "", Reject, Accept},
		{private, "172.32.0.0", "", Reject, Reject},
		{private, "2001:db8::1", "", Reject, Reject},
		{notPrivate, "10.1.1.1", "", Reject, Accept},
		{notPrivate, "11.1.1.1", "", Reject, Drop},
		{`[{"from":"any4","action":"ACCEPT"}]`, "8.8.8.8", "", Reject, Accept},
		{`[{"from":"any4","action":"ACCEPT"}]`, "::1", "", Reject, Reject},
		{`[{"from":"any6","action":"ACCEPT"}]`, "fe80::1%eth0", "", Reject, Accept},
		{`[{"from":"192.0.2.77/24","action":"ACCEPT"}]`, "192.0.2.1", "", Reject, Accept},
		{`[{"from":"::ffff:192.0.2.0/120","action":"ACCEPT"}]`, "192.0.2.1", "", Reject, Accept},
		{`[{"from":[],"action":"ACCEPT"}]`, "192.0.2.1", "", Reject, Reject},
		{`[{"key":["a","b"],"action":"ACCEPT"}]`, "192.0.2.1", "b", Reject, Accept},
		{`[{"ALL":[{"from":"192.0.2.0/24"},{"key":"k"}],"action":"ACCEPT"}]`, "192.0.2.1", "k", Reject, Accept},
		{`[{"ALL":[{"from":"192.0.2.0/24"},{"key":"k"}],"action":"ACCEPT"}]`, "192.0.3.1", "k", Reject, Reject},
		{`[{"ALL":[],"action":"ACCEPT"}]`, "192.0.3.1", "k", Reject, Accept},
		{`[{"ANY":[],"action":"ACCEPT"}]`, "192.0.3.1", "k", Reject, Reject},
		{`[{"NOT":{"key":"k"},"action":"ACCEPT"}]`, "192.0.3.1", "", Reject, Accept},
	} {
		list, errs := parseJSON(t, c.list)
		if len(errs) > 0 {
			t.Errorf("%s: %v", c.list, errs)
			continue
		}
		var key wire.Name
		if c.key != "" {
			key = wire.MustParseName(c.key)
		}
		if got := list.Decide(netip.MustParseAddr(c.client), key, c.fallback); got != c.want {
			t.Errorf("%s: %s key %q: %v, want %v", c.list, c.client, c.key, got, c.want)
		}
	}
}

func TestKeys(t *testing.T) {
	list, errs := parseJSON(t, `[{"action":"ACCEPT","key":["a","B."]},{"action":"DROP","NOT":{"ANY":[{"key":"b"},{"ALL":[{"key":"c"},{"from":"any4"}]}]}},{"action":"REJECT"}]`)
	if got := fmt.Sprint(list.Keys()); len(errs) > 0 || got != "[a. b. c.]" {
		t.Errorf("%s, %v", got, errs)
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		list string
		want []string
	}{
		{`{}`, []string{"M/acl: want a list, found a map"}},
		{`[3]`, []string{"M/acl[0]: want a map of conditions, found a number"}},
		{`[{"from":"any4"}]`, []string{"M/acl[0]: no action"}},
		{`[{"action":"accept"}]`, []string{`M/acl[0]/action: want ACCEPT, REJECT or DROP, found "accept"`}},
		{`[{"action":true}]`, []string{"M/acl[0]/action: want ACCEPT, REJECT or DROP, found a boolean"}},
		{`[{"action":"DROP","form":"x"}]`, []string{`M/acl[0]: unknown condition "form"`}},
		{`[{"action":"DROP","from":["192.0.2.0/33","1.2.3"]},{"key":"a..b","action":"DROP"}]`,
			[]string{"M/acl[0]/from[0]: want any4", "M/acl[0]/from[1]: want any4", "M/acl[1]/key: bad domain name"}},
		{`[{"action":"DROP","from":"fe80::1%eth0"}]`, []string{"M/acl[0]/from: want any4"}},
		{`[{"action":"DROP","from":null}]`, []string{"M/acl[0]/from: want a text"}},
		{`[{"action":"DROP","key":[1]}]`, []string{"M/acl[0]/key[0]: want a text, found a number"}},
		{`[{"action":"DROP","NOT":[]}]`, []string{"M/acl[0]/NOT: want a map"}},
		{`[{"action":"DROP","ANY":{}}]`, []string{"M/acl[0]/ANY: want a list"}},
		{`[{"action":"DROP","ALL":null}]`, []string{"M/acl[0]/ALL: want a list"}},
		{`[{"action":"DROP","ANY":[{"action":"DROP"}]}]`, []string{`M/acl[0]/ANY[0]: unknown condition "action"`}},
		{`[{"action":"DROP"` + strings.Repeat(`,"NOT":{"key":"k"`, 20) + strings.Repeat("}", 20) + `}]`, []string{"M/acl[0]" + strings.Repeat("/NOT", 17) + ": conditions more than 16 deep"}},
	} {
		list, errs := parseJSON(t, c.list)
		if len(errs) != len(c.want) || len(list.rules) > 0 {
			t.Errorf("%s: %v, want %q", c.list, errs, c.want)
			continue
		}
		for i, e := range errs {
			if !strings.HasPrefix(e.Error(), c.want[i]) {
				t.Errorf("%s: error %d is %q, want %q…", c.list, i, e, c.want[i])
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`[{"from":["192.0.2.1","any6"],"key":"k","NOT":{"ANY":[{"ALL":[]}]},"action":"ACCEPT"}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var v any
		if json.Unmarshal(text, &v) != nil {
			return
		}
		if list, errs := Parse(v, "M/acl"); len(errs) == 0 {
			list.Decide(netip.IPv6LinkLocalAllNodes(), wire.Root, Reject)
		}
	})
}
