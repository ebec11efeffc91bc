package statshttpd

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"bundy/internal/suite/schema"
)

const (
	// maxNames bounds the elements shown of one named set, as zones: each makes a time series for ever.
	maxNames = 1000

	// maxLabel bounds a label's value: a domain name has 255 octets.
	maxLabel = 255
)

// planned are the labels of the statistics of DhcpDdns that are shown by their own names.
var planned = map[string][]string{
	"dhcp_ddns_updates_total": {"family", "type", "result"}, "dhcp_ddns_deletes_total": {"family", "type", "result"},
	"dhcp_ddns_reconcile_runs_total": {"result"}, "dhcp_ddns_pending_retries": {},
	"dhcp_ddns_last_success_timestamp_seconds": {}, "dhcp_ddns_last_error": {},
}

// collection gathers families by name. A series that comes twice would make the whole answer unreadable: the first stays.
type collection struct {
	families map[string]*dto.MetricFamily
	seen     map[string]bool
}

func families(specs map[string]*schema.Module, values map[string]map[string]any) []*dto.MetricFamily {
	c := collection{map[string]*dto.MetricFamily{}, map[string]bool{}}
	for _, module := range slices.Sorted(maps.Keys(specs)) {
		for _, item := range specs[module].Statistics {
			v := values[module][item.Name]
			if labels, ok := planned[item.Name]; ok && module == "DhcpDdns" {
				c.plan(item.Name, item, v, labels, nil)
				continue
			}
			c.item("bundy_"+clean(module)+"_"+clean(item.Name), item, v, nil)
		}
	}
	var out []*dto.MetricFamily
	for _, n := range slices.Sorted(maps.Keys(c.families)) {
		out = append(out, c.families[n])
	}
	return out
}

// plan shows the levels of maps as labels, whose values are names of the specification.
func (c *collection) plan(n string, item *schema.Item, v any, names []string, labels []*dto.LabelPair) {
	if len(labels) < len(names) {
		m, _ := v.(map[string]any)
		for _, member := range item.Members {
			c.plan(n, member, m[member.Name], names, with(labels, names[len(labels)], member.Name))
		}
		return
	}
	if text, ok := v.(string); ok { // the text holds host names: only whether there is one is shown
		v = text != ""
		c.add(n, "1 when a transaction failed since the start; the text is shown by the command Stats show", v, labels)
		return
	}
	c.add(n, item.Help, v, labels)
}

func (c *collection) item(n string, item *schema.Item, v any, labels []*dto.LabelPair) {
	switch v := v.(type) {
	case map[string]any:
		for _, member := range item.Members {
			c.item(n+"_"+clean(member.Name), member, v[member.Name], labels)
		}
		if item.Element == nil {
			return
		}
		keys := slices.Sorted(maps.Keys(v))
		label := "name" + strings.Repeat("_inner", len(labels))
		for _, key := range keys[:min(len(keys), maxNames)] {
			c.item(n, item.Element, v[key], with(labels, label, key))
		}
	case string:
		if at, err := time.Parse(time.RFC3339, v); err == nil && item.Format == "date-time" {
			c.add(n+"_timestamp_seconds", item.Help, float64(at.Unix()), labels)
		}
	default:
		c.add(n, item.Help, v, labels)
	}
}

func (c *collection) add(n, help string, v any, labels []*dto.LabelPair) {
	var value float64
	switch v := v.(type) {
	case float64:
		value = v
	case bool:
		if v {
			value = 1
		}
	default:
		return // no number: absent, a text or a list
	}
	id := fmt.Sprintf("%s%q", n, labels)
	if c.seen[id] {
		return
	}
	c.seen[id] = true
	f := c.families[n]
	if f == nil {
		kind := dto.MetricType_GAUGE
		if strings.HasSuffix(n, "_total") {
			kind = dto.MetricType_COUNTER
		}
		f = &dto.MetricFamily{Name: &n, Help: &help, Type: &kind}
		c.families[n] = f
	}
	m := &dto.Metric{Label: labels}
	if f.GetType() == dto.MetricType_COUNTER {
		m.Counter = &dto.Counter{Value: &value}
	} else {
		m.Gauge = &dto.Gauge{Value: &value}
	}
	f.Metric = append(f.Metric, m)
}

func with(labels []*dto.LabelPair, n, v string) []*dto.LabelPair {
	v = strings.ToValidUTF8(v[:min(len(v), maxLabel)], "?")
	return append(slices.Clone(labels), &dto.LabelPair{Name: &n, Value: &v})
}

// clean makes part of a metric's name.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return '_'
	}, s)
}
