package dhcp6

import "bundy/internal/dhcp/packet6"

// port names the interface of the relay agent next to the client that the client is behind; empty when it does not tell.
func (x *exchange) port() string {
	nearest := x.request.Nearest()
	if nearest == nil {
		return ""
	}
	id, _ := nearest.Options.Get(packet6.OptInterfaceID)
	if len(id) == 0 {
		return ""
	}
	return string(nearest.Link.AsSlice()) + string(id)
}

// origin names where the client asks: the interface of the relay agent next to it, the relay agent, or our interface.
func (x *exchange) origin() string {
	if port := x.port(); port != "" {
		return port
	}
	if nearest := x.request.Nearest(); nearest != nil {
		return string(nearest.Link.AsSlice())
	}
	return x.packet.Link.Name
}
