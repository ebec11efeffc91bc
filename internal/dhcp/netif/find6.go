package netif

// Named finds the endpoint by which an interface is served, the one for clients on its link before that of an address
// of it; nil if it is not served.
func (s *Links6) Named(name string) *Link6 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found *Link6
	for _, l := range s.open {
		if l.Name == name && (found == nil || found.Unicast.IsValid()) {
			found = l
		}
	}
	return found
}
