package authority

import (
	"errors"
	"fmt"

	"bundy/internal/dns/tsig"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// Names of the two sections of the configuration.
const (
	DataSourcesModule = "data_sources"
	KeysModule        = "tsig_keys"
)

// KeysConfig is the section tsig_keys.
type KeysConfig struct {
	Keys []string `json:"keys" default:"[]" help:"Keys shared with other servers and clients, each as name:base64secret[:algorithm]; the algorithm is hmac-md5 when it is left out."`
}

// Ring gives the keys as a ring, or everything that is wrong with them; each error begins with the path of the item.
// No error shows a secret.
func (c KeysConfig) Ring() (*tsig.Ring, []error) {
	var keys []tsig.Key
	var errs []error
	for i, text := range c.Keys {
		k, err := tsig.ParseKey(text)
		if err == nil {
			_, err = tsig.NewRing(append(keys[:len(keys):len(keys)], k)) // finds a second key of one name
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s/keys[%d]: %w", KeysModule, i, err))
			continue
		}
		keys = append(keys, k)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	ring, err := tsig.NewRing(keys)
	if err != nil {
		return nil, []error{fmt.Errorf("%s/keys: %w", KeysModule, err)}
	}
	return ring, nil
}

// DataSourcesDescriptor describes the virtual module data_sources.
func DataSourcesDescriptor(p paths.Paths) *module.Descriptor {
	spec := dataSourcesSpec(p)
	return &module.Descriptor{Spec: spec, Virtual: true, Check: func(doc schema.Document) []error {
		var c Config
		if err := schema.Decode(spec, doc[DataSourcesModule], &c); err != nil {
			return []error{err}
		}
		_, errs := c.Sources()
		return errs
	}}
}

// KeysDescriptor describes the virtual module tsig_keys.
func KeysDescriptor(p paths.Paths) *module.Descriptor {
	spec := keysSpec(p)
	return &module.Descriptor{Spec: spec, Virtual: true, Check: func(doc schema.Document) []error {
		var c KeysConfig
		if err := schema.Decode(spec, doc[KeysModule], &c); err != nil {
			return []error{err}
		}
		_, errs := c.Ring()
		return errs
	}}
}

// DecodeSources reads the data sources out of a document that passed its checks; the error joins all that is wrong.
func DecodeSources(doc schema.Document, p paths.Paths) ([]Source, error) {
	var c Config
	if err := schema.Decode(dataSourcesSpec(p), doc[DataSourcesModule], &c); err != nil {
		return nil, err
	}
	sources, errs := c.Sources()
	return sources, errors.Join(errs...)
}

// DecodeKeys reads the key ring out of a document that passed its checks; the error joins all that is wrong.
func DecodeKeys(doc schema.Document, p paths.Paths) (*tsig.Ring, error) {
	var c KeysConfig
	if err := schema.Decode(keysSpec(p), doc[KeysModule], &c); err != nil {
		return nil, err
	}
	ring, errs := c.Ring()
	return ring, errors.Join(errs...)
}

func dataSourcesSpec(p paths.Paths) *schema.Module {
	return schema.New(DataSourcesModule, "Where the zones that are served come from.", Config{}, p)
}

func keysSpec(p paths.Paths) *schema.Module {
	return schema.New(KeysModule, "The ring of TSIG keys.", KeysConfig{}, p)
}
