package dhcp4

// decliner names the client in the count: by hardware address, or by client identifier where there is none.
func (x *exchange) decliner() string {
	if allZero(x.client.HWAddr) {
		return x.clientID
	}
	return string(x.client.HWType) + x.client.HWAddr
}

// port names the port of the relay that the client is behind; empty when the relay does not tell.
func (x *exchange) port() string {
	id, _ := x.request.SubOption(circuitID)
	if len(id) == 0 {
		return ""
	}
	return string(x.request.GIAddr.AsSlice()) + string(id)
}

// origin names where the client asks: the port of the relay, the relay, or the interface.
func (x *exchange) origin() string {
	if port := x.port(); port != "" {
		return port
	}
	if x.request.Relayed() {
		return string(x.request.GIAddr.AsSlice())
	}
	return x.packet.Link.Name
}
