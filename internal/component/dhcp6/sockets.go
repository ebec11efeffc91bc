package dhcp6

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"bundy/internal/suite/sockets"
)

// opener takes the sockets of endpoints from the suite.
type opener struct{ source sockets.Source }

func interfaceRequest(name string, port uint16) sockets.Request {
	return sockets.Request{
		Kind: sockets.DHCP6UDP, Address: netip.AddrPortFrom(netip.IPv6Unspecified(), port), Interface: name,
	}
}

func addressRequest(a netip.AddrPort) sockets.Request {
	return sockets.Request{Kind: sockets.UDP, Address: a}
}

// Interface implements netif.Opener6.
func (o opener) Interface(ctx context.Context, name string, port uint16) (*os.File, error) {
	return o.get(ctx, interfaceRequest(name, port))
}

// Address implements netif.Opener6.
func (o opener) Address(ctx context.Context, a netip.AddrPort) (*os.File, error) {
	return o.get(ctx, addressRequest(a))
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

// DropInterface implements netif.Opener6.
func (o opener) DropInterface(name string, port uint16) { o.source.Drop(interfaceRequest(name, port)) }

// DropAddress implements netif.Opener6.
func (o opener) DropAddress(a netip.AddrPort) { o.source.Drop(addressRequest(a)) }
