package policy

import (
	"fmt"

	"bundy/internal/dns/wire"
)

// Local is what a shared network or a subnet says about the names of its clients. What is absent is taken from the level
// above, at last from the map dhcp-ddns.
type Local struct {
	Send                 *bool   `json:"ddns-send-updates" help:"Give clients here names in DNS, where enable-updates is true."`
	OverrideNoUpdate     *bool   `json:"ddns-override-no-update" help:"Update even when the client wants no updates."`
	OverrideClientUpdate *bool   `json:"ddns-override-client-update" help:"Do the forward update even when the client wants to do it itself."`
	ReplaceClientName    *bool   `json:"ddns-replace-client-name" help:"Never use the client's name, always a generated one."`
	GeneratedPrefix      *string `json:"ddns-generated-prefix" help:"First part of generated names."`
	QualifyingSuffix     *string `json:"ddns-qualifying-suffix" help:"Domain behind generated names and names of one label."`
}

// Over gives the rules that hold where l is said over those of the level above.
func (l Local) Over(c Config) (Config, error) {
	if l.Send != nil {
		c.EnableUpdates = c.EnableUpdates && *l.Send
	}
	for _, flag := range []struct {
		to   *bool
		from *bool
	}{{&c.OverrideNoUpdate, l.OverrideNoUpdate}, {&c.OverrideClientUpdate, l.OverrideClientUpdate}, {&c.ReplaceClientName, l.ReplaceClientName}} {
		if flag.from != nil {
			*flag.to = *flag.from
		}
	}
	if l.GeneratedPrefix != nil {
		c.GeneratedPrefix = *l.GeneratedPrefix
	}
	if l.QualifyingSuffix == nil {
		return c, nil
	}
	if *l.QualifyingSuffix == "" {
		c.Suffix = wire.Root
		return c, nil
	}
	suffix, err := wire.ParseName(*l.QualifyingSuffix)
	if err != nil {
		return c, fmt.Errorf("ddns-qualifying-suffix: %w", err)
	}
	c.Suffix = suffix
	return c, nil
}
