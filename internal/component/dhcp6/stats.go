package dhcp6

import (
	"sync/atomic"

	"bundy/internal/dhcp/packet6"
	"bundy/internal/naming/announce"
)

// Statistics is the module's statistics, named as Kea names them.
type Statistics struct {
	Received        uint64 `json:"pkt6-received" help:"Packets received."`
	SolicitReceived uint64 `json:"pkt6-solicit-received" help:"SOLICIT messages received."`
	RequestReceived uint64 `json:"pkt6-request-received" help:"REQUEST messages received."`
	ConfirmReceived uint64 `json:"pkt6-confirm-received" help:"CONFIRM messages received."`
	RenewReceived   uint64 `json:"pkt6-renew-received" help:"RENEW messages received."`
	RebindReceived  uint64 `json:"pkt6-rebind-received" help:"REBIND messages received."`
	ReleaseReceived uint64 `json:"pkt6-release-received" help:"RELEASE messages received."`
	DeclineReceived uint64 `json:"pkt6-decline-received" help:"DECLINE messages received."`
	InfoReceived    uint64 `json:"pkt6-infrequest-received" help:"INFORMATION-REQUEST messages received."`
	RegReceived     uint64 `json:"pkt6-addr-reg-inform-received" help:"ADDR-REG-INFORM messages received."`
	Sent            uint64 `json:"pkt6-sent" help:"Packets sent."`
	AdvertiseSent   uint64 `json:"pkt6-advertise-sent" help:"ADVERTISE messages sent."`
	ReplySent       uint64 `json:"pkt6-reply-sent" help:"REPLY messages sent."`
	RegSent         uint64 `json:"pkt6-addr-reg-reply-sent" help:"ADDR-REG-REPLY messages sent."`
	ReconfSent      uint64 `json:"pkt6-reconfigure-sent" help:"RECONFIGURE messages sent."`
	Reconfigured    uint64 `json:"clients-reconfigured" help:"Clients that did what a RECONFIGURE told them."`
	Unheeded        uint64 `json:"clients-not-reconfigured" help:"Clients that were called by RECONFIGURE in vain."`
	ParseFailed     uint64 `json:"pkt6-parse-failed" help:"Packets that were no DHCPv6 messages or malformed."`
	ReceiveDrop     uint64 `json:"pkt6-receive-drop" help:"Messages that got no answer for their form, their place or another server."`
	QueueDrop       uint64 `json:"pkt6-queue-full" help:"Packets dropped unread because the server was busy."`
	SendFailed      uint64 `json:"pkt6-send-failed" help:"Replies that could not be sent."`
	OptionsOmitted  uint64 `json:"pkt6-options-omitted" help:"Options that did not fit into replies."`
	AllocFailed     uint64 `json:"v6-allocation-fail" help:"Associations for which no address or prefix was free."`
	StoreFailed     uint64 `json:"v6-lease-store-fail" help:"Leases not given because they could not be written."`
	Declined        uint64 `json:"declined-addresses" help:"Addresses declined by clients since the start."`
	Reclaimed       uint64 `json:"reclaimed-leases" help:"Leases that ended and were reclaimed since the start."`
	NCRSent         uint64 `json:"ncr-sent" help:"Name change requests sent."`
	NCRLost         uint64 `json:"ncr-lost" help:"Name change requests that could not be queued or sent."`
}

// kinds is the number of message types that are counted.
const kinds = packet6.AddrRegReply + 1

// counters are the statistics while they grow.
type counters struct {
	received, sent                                       [kinds]atomic.Uint64 // by message type; 0 all
	parseFailed, receiveDrop, sendFailed, optionsOmitted atomic.Uint64
	allocFailed, storeFailed, declined, reclaimed        atomic.Uint64
	reconfigured, unheeded                               atomic.Uint64
}

func count(by *[kinds]atomic.Uint64, t packet6.Type) {
	by[0].Add(1)
	if t != 0 && int(t) < len(by) {
		by[t].Add(1)
	}
}

// values gives the statistics by item name.
func (c *counters) values(queueDrop uint64, names *announce.Announcer) map[string]any {
	return map[string]any{
		"pkt6-received":                 c.received[0].Load(),
		"pkt6-solicit-received":         c.received[packet6.Solicit].Load(),
		"pkt6-request-received":         c.received[packet6.Request].Load(),
		"pkt6-confirm-received":         c.received[packet6.Confirm].Load(),
		"pkt6-renew-received":           c.received[packet6.Renew].Load(),
		"pkt6-rebind-received":          c.received[packet6.Rebind].Load(),
		"pkt6-release-received":         c.received[packet6.Release].Load(),
		"pkt6-decline-received":         c.received[packet6.Decline].Load(),
		"pkt6-infrequest-received":      c.received[packet6.InformationRequest].Load(),
		"pkt6-addr-reg-inform-received": c.received[packet6.AddrRegInform].Load(),
		"pkt6-sent":                     c.sent[0].Load(),
		"pkt6-advertise-sent":           c.sent[packet6.Advertise].Load(),
		"pkt6-reply-sent":               c.sent[packet6.Reply].Load(),
		"pkt6-addr-reg-reply-sent":      c.sent[packet6.AddrRegReply].Load(),
		"pkt6-reconfigure-sent":         c.sent[packet6.Reconfigure].Load(),
		"clients-reconfigured":          c.reconfigured.Load(),
		"clients-not-reconfigured":      c.unheeded.Load(),
		"pkt6-parse-failed":             c.parseFailed.Load(),
		"pkt6-receive-drop":             c.receiveDrop.Load(),
		"pkt6-queue-full":               queueDrop,
		"pkt6-send-failed":              c.sendFailed.Load(),
		"pkt6-options-omitted":          c.optionsOmitted.Load(),
		"v6-allocation-fail":            c.allocFailed.Load(),
		"v6-lease-store-fail":           c.storeFailed.Load(),
		"declined-addresses":            c.declined.Load(),
		"reclaimed-leases":              c.reclaimed.Load(),
		"ncr-sent":                      names.Sent(),
		"ncr-lost":                      names.Lost(),
	}
}
