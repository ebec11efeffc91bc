package dhcp4

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"bundy/internal/suite/sockets"
)

// opener takes the sockets of interfaces from the suite.
type opener struct{ source sockets.Source }

func udpRequest(name string, port uint16) sockets.Request {
	return sockets.Request{
		Kind: sockets.DHCP4UDP, Address: netip.AddrPortFrom(netip.IPv4Unspecified(), port), Interface: name,
	}
}

// rawRequest asks for port 0, to which nothing is sent: the socket is for sending, and what it received would only
// fill its buffer.
func rawRequest(name string) sockets.Request {
	return sockets.Request{
		Kind: sockets.DHCP4Raw, Address: netip.AddrPortFrom(netip.IPv4Unspecified(), 0), Interface: name,
	}
}

// UDP implements netif.Opener.
func (o opener) UDP(ctx context.Context, name string, port uint16) (*os.File, error) {
	return o.get(ctx, udpRequest(name, port))
}

// Raw implements netif.Opener.
func (o opener) Raw(ctx context.Context, name string) (*os.File, error) {
	return o.get(ctx, rawRequest(name))
}

func (o opener) get(ctx context.Context, r sockets.Request) (*os.File, error) {
	files, err := o.source.Get(ctx, r)
	if err != nil {
		return nil, err
	}
	if len(files) != 1 {
		for _, f := range files {
			f.Close()
		}
		return nil, fmt.Errorf("got %d sockets of kind %s instead of one", len(files), r.Kind)
	}
	return files[0], nil
}

// Drop implements netif.Opener.
func (o opener) Drop(name string, port uint16) {
	o.source.Drop(udpRequest(name, port))
	o.source.Drop(rawRequest(name))
}
