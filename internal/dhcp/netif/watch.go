package netif

import (
	"context"
	"time"

	"github.com/vishvananda/netlink"
)

const (
	// watchBuffer is the room for news that wait: some hundred interfaces may change at once.
	watchBuffer = 1 << 20

	// watchPause is between two tries to listen again, after news were lost or the system refused.
	watchPause = time.Second
)

// Watch tells when interfaces or addresses of the machine changed, until ctx ends: a token in changed says that there is
// reason to Detect. It never blocks on it. When news are lost, it tells so as for a change.
func Watch(ctx context.Context, changed chan<- struct{}) {
	for {
		listen(ctx, changed)
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchPause):
		}
	}
}

// listen returns when a subscription ended, as it does for every error (the library closes the channel), or ctx.
func listen(ctx context.Context, changed chan<- struct{}) {
	done := make(chan struct{})
	links, addrs := make(chan netlink.LinkUpdate), make(chan netlink.AddrUpdate)
	linkErr := netlink.LinkSubscribeWithOptions(links, done, netlink.LinkSubscribeOptions{
		ErrorCallback: func(error) {}, ReceiveBufferSize: watchBuffer,
	})
	addrErr := netlink.AddrSubscribeWithOptions(addrs, done, netlink.AddrSubscribeOptions{
		ErrorCallback: func(error) {}, ReceiveBufferSize: watchBuffer,
	})
	tell := func() {
		select {
		case changed <- struct{}{}:
		default: // a token waits
		}
	}
	tell() // of what changed before, or is lost
	for more := linkErr == nil && addrErr == nil; more; {
		select {
		case <-ctx.Done():
			more = false
		case _, more = <-links:
			tell()
		case _, more = <-addrs:
			tell()
		}
	}
	close(done)
	if linkErr == nil { // the library's goroutines wait for somebody to take what they hold
		for range links {
		}
	}
	if addrErr == nil {
		for range addrs {
		}
	}
}
