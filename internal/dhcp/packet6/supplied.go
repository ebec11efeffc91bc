package packet6

// Supplied gives the options that a relay agent supplies for the client (option 66, RFC 6422 section 4). What is malformed
// is none.
func (r *Relay) Supplied() Options {
	data, ok := r.Options.Get(OptRSOO)
	if !ok {
		return nil
	}
	options, err := parseOptions(data)
	if err != nil {
		return nil
	}
	return options
}
