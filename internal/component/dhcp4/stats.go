package dhcp4

import (
	"sync/atomic"

	"bundy/internal/dhcp/packet4"
	"bundy/internal/naming/announce"
)

// Statistics is the module's statistics, named as Kea names them.
type Statistics struct {
	Received         uint64 `json:"pkt4-received" help:"Packets received."`
	DiscoverReceived uint64 `json:"pkt4-discover-received" help:"DISCOVER messages received."`
	RequestReceived  uint64 `json:"pkt4-request-received" help:"REQUEST messages received."`
	DeclineReceived  uint64 `json:"pkt4-decline-received" help:"DECLINE messages received."`
	ReleaseReceived  uint64 `json:"pkt4-release-received" help:"RELEASE messages received."`
	InformReceived   uint64 `json:"pkt4-inform-received" help:"INFORM messages received."`
	Sent             uint64 `json:"pkt4-sent" help:"Packets sent."`
	OfferSent        uint64 `json:"pkt4-offer-sent" help:"OFFER messages sent."`
	ACKSent          uint64 `json:"pkt4-ack-sent" help:"ACK messages sent."`
	NAKSent          uint64 `json:"pkt4-nak-sent" help:"NAK messages sent."`
	ParseFailed      uint64 `json:"pkt4-parse-failed" help:"Packets that were no DHCPv4 messages or malformed."`
	ReceiveDrop      uint64 `json:"pkt4-receive-drop" help:"Messages that got no answer for their form, their place or another server."`
	QueueDrop        uint64 `json:"pkt4-queue-full" help:"Packets dropped unread because the server was busy."`
	SendFailed       uint64 `json:"pkt4-send-failed" help:"Replies that could not be sent."`
	OptionsOmitted   uint64 `json:"pkt4-options-omitted" help:"Options that did not fit into replies."`
	AllocFailed      uint64 `json:"v4-allocation-fail" help:"Clients for which no address was free."`
	StoreFailed      uint64 `json:"v4-lease-store-fail" help:"Leases not given because they could not be written."`
	Declined         uint64 `json:"declined-addresses" help:"Addresses declined by clients since the start."`
	Reclaimed        uint64 `json:"reclaimed-leases" help:"Leases that ended and were reclaimed since the start."`
	PingConflicts    uint64 `json:"ping-check-conflicts" help:"Addresses that answered before they were offered."`
	NCRSent          uint64 `json:"ncr-sent" help:"Name change requests sent."`
	NCRLost          uint64 `json:"ncr-lost" help:"Name change requests that could not be queued or sent."`
}

// counters are the statistics while they grow.
type counters struct {
	received, sent                                       [packet4.Inform + 1]atomic.Uint64 // by message type; 0 all
	parseFailed, receiveDrop, sendFailed, optionsOmitted atomic.Uint64
	allocFailed, storeFailed, declined, reclaimed        atomic.Uint64
	restDrop, pingConflicts                              atomic.Uint64
}

func count(by *[packet4.Inform + 1]atomic.Uint64, t packet4.Type) {
	by[0].Add(1)
	if t != 0 && int(t) < len(by) {
		by[t].Add(1)
	}
}

// values gives the statistics by item name.
func (c *counters) values(queueDrop uint64, names *announce.Announcer) map[string]any {
	return map[string]any{
		"pkt4-received":          c.received[0].Load(),
		"pkt4-discover-received": c.received[packet4.Discover].Load(),
		"pkt4-request-received":  c.received[packet4.Request].Load(),
		"pkt4-decline-received":  c.received[packet4.Decline].Load(),
		"pkt4-release-received":  c.received[packet4.Release].Load(),
		"pkt4-inform-received":   c.received[packet4.Inform].Load(),
		"pkt4-sent":              c.sent[0].Load(),
		"pkt4-offer-sent":        c.sent[packet4.Offer].Load(),
		"pkt4-ack-sent":          c.sent[packet4.ACK].Load(),
		"pkt4-nak-sent":          c.sent[packet4.NAK].Load(),
		"pkt4-parse-failed":      c.parseFailed.Load(),
		"pkt4-receive-drop":      c.receiveDrop.Load(),
		"pkt4-queue-full":        queueDrop + c.restDrop.Load(),
		"pkt4-send-failed":       c.sendFailed.Load(),
		"pkt4-options-omitted":   c.optionsOmitted.Load(),
		"v4-allocation-fail":     c.allocFailed.Load(),
		"v4-lease-store-fail":    c.storeFailed.Load(),
		"declined-addresses":     c.declined.Load(),
		"reclaimed-leases":       c.reclaimed.Load(),
		"ping-check-conflicts":   c.pingConflicts.Load(),
		"ncr-sent":               names.Sent(),
		"ncr-lost":               names.Lost(),
	}
}
