package statshttpd

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"

	"bundy/internal/suite/schema"
)

const (
	// fresh is how old an answer may be: many scrapers cost the modules no more than one.
	fresh = time.Second

	// askTime is what Stats gets; it gives each module four seconds.
	askTime = 8 * time.Second

	// readTime and writeTime bound a slow client; writeTime holds askTime.
	readTime, writeTime, idleTime = 5 * time.Second, 20 * time.Second, 2 * time.Minute

	// maxHeader bounds the header of a request; a scraper sends a few hundred octets.
	maxHeader = 8 << 10
)

func (c *component) newServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", c.metrics)
	return &http.Server{
		Handler: mux, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
	}
}

func (c *component) metrics(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), askTime)
	defer cancel()
	text, err := c.scrape(ctx)
	if err != nil {
		c.counters.failed.Add(1)
		c.deps.Log.Log(msgFailed, err)
		http.Error(w, "the statistics could not be collected", http.StatusServiceUnavailable)
		return
	}
	c.counters.served.Add(1)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(text) // a client that went away misses nothing
}

// scrape asks Stats, one at a time, unless the last answer is fresh.
func (c *component) scrape(ctx context.Context) ([]byte, error) {
	select {
	case c.scraping <- struct{}{}:
		defer func() { <-c.scraping }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.cached != nil && c.now().Sub(c.cachedAt) < fresh {
		return c.cached, nil
	}
	var specs map[string]*schema.Module
	if err := c.deps.Bus.Call(ctx, "ConfigManager", "get_module_spec", nil, &specs); err != nil {
		return nil, err
	}
	var values map[string]map[string]any
	if err := c.deps.Bus.Call(ctx, "Stats", "show", nil, &values); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, family := range families(specs, values) {
		if _, err := expfmt.MetricFamilyToText(&out, family); err != nil {
			return nil, err
		}
	}
	c.cached, c.cachedAt = out.Bytes(), c.now()
	return c.cached, nil
}
