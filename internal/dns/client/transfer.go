package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
)

const (
	// maxTransfer bounds the octets of one transfer: some ten million records, more than any zone of clients has.
	maxTransfer = 1 << 30

	// transferIdle is how long the next message of a transfer may take: a server may have to read it from a database.
	transferIdle = 30 * time.Second
)

// ErrTransfer is wrapped by errors about a transfer that does not follow RFC 5936.
var ErrTransfer = errors.New("bad zone transfer")

// Rejected is the error of a server that does not give the zone.
type Rejected struct {
	Zone  wire.Name
	Rcode wire.Rcode
}

func (r *Rejected) Error() string {
	return fmt.Sprintf("the server does not transfer %s: %s", r.Zone, r.Rcode)
}

// Transfer reads a whole zone by AXFR over TCP (RFC 5936) and gives the number of its records, the final SOA left out. take gets
// them as they come, those of one message at a time, without what is not of the zone; its error ends the transfer. With a key
// the stream is verified as RFC 8945 section 5.3.1 says. What take got counts only when Transfer returns nil: until then the
// zone may be cut short, and messages in it unproven.
//
// Errors: *Rejected when the server answers with another response code, those of Exchange, and ErrTransfer.
func Transfer(ctx context.Context, server netip.AddrPort, zone wire.Name, key *tsig.Key, take func([]wire.RR) error) (int, error) {
	query := wire.Message{Question: []wire.Question{{Name: zone, Type: wire.TypeAXFR, Class: wire.ClassIN}}}
	msg, err := query.Pack()
	if err != nil {
		return 0, err
	}
	q, err := prepare(msg, key)
	if err != nil {
		return 0, err
	}
	var dialer net.Dialer
	dialing, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	conn, err := dialer.DialContext(dialing, "tcp", server.String())
	if err != nil {
		return 0, whileOpen(ctx, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	t := transfer{q: q, zone: zone, take: take}
	if q.session != nil {
		t.stream = q.session.Stream()
	}
	if err := t.run(conn); err != nil {
		return t.records, whileOpen(ctx, fmt.Errorf("transfer of %s from %s: %w", zone, server, err))
	}
	return t.records, nil
}

// transfer is how far one is.
type transfer struct {
	q       request
	zone    wire.Name
	stream  *tsig.Stream // nil: it is not signed
	take    func([]wire.RR) error
	soa     []byte // data of the record that it began with; nil before
	ended   bool
	records int
	octets  int
}

func (t *transfer) run(conn net.Conn) error {
	out := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(t.q.signed)), uint16(len(t.q.signed)))
	if err := conn.SetDeadline(time.Now().Add(transferIdle)); err != nil {
		return err
	}
	if _, err := conn.Write(append(out, t.q.signed...)); err != nil {
		return err
	}
	buf := make([]byte, wire.MaxMessage)
	for !t.ended {
		if err := conn.SetDeadline(time.Now().Add(transferIdle)); err != nil {
			return err
		}
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return fmt.Errorf("read the length of a message: %w", err)
		}
		msg := buf[:binary.BigEndian.Uint16(size[:])]
		if _, err := io.ReadFull(conn, msg); err != nil {
			return fmt.Errorf("read a message of %d octets: %w", len(msg), err)
		}
		if t.octets += len(msg); t.octets > maxTransfer {
			return fmt.Errorf("%w: more than %d octets", ErrTransfer, maxTransfer)
		}
		if err := t.message(msg); err != nil {
			return err
		}
	}
	if t.stream != nil && !t.stream.Proven() {
		return fmt.Errorf("the last message: %w", tsig.ErrUnsigned)
	}
	return nil
}

// message takes one message of the stream.
func (t *transfer) message(msg []byte) error {
	body := msg
	if t.stream != nil {
		var err error
		if body, err = t.stream.Verify(msg, time.Now()); err != nil {
			return err
		}
	}
	m, err := wire.ParseMessage(body)
	if err != nil {
		return err
	}
	flags := m.Header.Flags
	switch {
	case m.Header.ID != binary.BigEndian.Uint16(t.q.signed), flags&wire.FlagQR == 0, flags.Opcode() != wire.OpcodeQuery:
		return ErrMismatch
	case flags.Rcode() != wire.RcodeNoError:
		return &Rejected{t.zone, flags.Rcode()}
	case flags&wire.FlagTC != 0:
		return ErrTruncated
	case len(m.Question) > 1 || t.soa == nil && len(m.Question) == 0: // later ones may leave it out (RFC 5936 section 2.2.1)
		return ErrMismatch
	case len(m.Question) == 1 && (!m.Question[0].Name.Equal(t.zone) || m.Question[0].Type != wire.TypeAXFR || m.Question[0].Class != wire.ClassIN):
		return ErrMismatch
	case len(m.Answer) == 0:
		return fmt.Errorf("%w: a message without records", ErrTransfer)
	}
	return t.answer(m.Answer)
}

// answer takes the records of one message. The first of all is the zone's SOA record, and so is the last (section 2.2).
func (t *transfer) answer(records []wire.RR) error {
	if t.soa == nil {
		if first := records[0]; first.Type != wire.TypeSOA || !first.Name.Equal(t.zone) {
			return fmt.Errorf("%w: it begins with %s %s", ErrTransfer, first.Name, first.Type)
		}
		t.soa = records[0].Data
		t.records++
		if err := t.take(records[:1]); err != nil {
			return err
		}
		records = records[1:]
	}
	kept := records[:0]
	for i, rr := range records {
		if rr.Class != wire.ClassIN || !rr.Name.IsBelow(t.zone) {
			continue // it is to be passed over (section 3.4)
		}
		if rr.Type != wire.TypeSOA {
			kept = append(kept, rr)
			continue
		}
		switch t.ended = true; {
		case !rr.Name.Equal(t.zone) || !bytes.Equal(rr.Data, t.soa):
			return fmt.Errorf("%w: it ends with another SOA record than it began with", ErrTransfer)
		case i != len(records)-1:
			return fmt.Errorf("%w: records behind the last SOA record", ErrTransfer)
		}
	}
	t.records += len(kept)
	return t.take(kept)
}
