package client

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"bundy/internal/dns/tsig"
)

const (
	// DefaultTimeout bounds an exchange whose context has no deadline.
	DefaultTimeout = 5 * time.Second

	// maxUDP is the longest request sent in a datagram: what passes every path unfragmented (RFC 9715). Longer ones go
	// over TCP.
	maxUDP = 1232

	// udpBuffer is the longest datagram read. Callers invite at most this much by EDNS.
	udpBuffer = 4096

	// maxStrays is how many datagrams that do not answer the request are read before the exchange gives up: a flood of
	// guesses must end it rather than be given ever more chances.
	maxStrays = 100
)

// ErrMismatch is wrapped when what came back does not answer the request: other id, opcode or question, or no response.
var ErrMismatch = errors.New("not an answer to the request")

// ErrTruncated is wrapped when the server set TC in an answer over TCP.
var ErrTruncated = errors.New("truncated over TCP")

// Exchange sends msg to server over UDP and returns the answer; it uses TCP when the answer over UDP is truncated or
// msg is longer than 1232 octets with its signature. msg is not changed. A random id is put in place of its own, and
// its own put back into the answer. With a key the request is signed, and the answer is returned only after its
// signature was verified, without the TSIG record.
//
// Errors: those of the network, context.DeadlineExceeded or Canceled, ErrMismatch, and of a bad or refused signature
// *tsig.Error or tsig.ErrUnsigned. Any response code in a verified answer is not an error.
func Exchange(ctx context.Context, server netip.AddrPort, msg []byte, key *tsig.Key) (reply []byte, err error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	q, err := prepare(msg, key)
	if err != nil {
		return nil, err
	}
	if len(q.signed) > maxUDP {
		return exchange(ctx, "tcp", server, q)
	}
	reply, err = exchange(ctx, "udp", server, q)
	if err == nil || !errors.Is(err, errTC) {
		return reply, err
	}
	if q, err = prepare(msg, key); err != nil {
		return nil, err
	}
	return exchange(ctx, "tcp", server, q)
}

// ExchangeTCP is Exchange over TCP from the start.
func ExchangeTCP(ctx context.Context, server netip.AddrPort, msg []byte, key *tsig.Key) (reply []byte, err error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	q, err := prepare(msg, key)
	if err != nil {
		return nil, err
	}
	return exchange(ctx, "tcp", server, q)
}

// errTC says that the answer over UDP has the TC bit.
var errTC = errors.New("truncated")

func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, DefaultTimeout)
}

// request is one message on the wire and what its answer must fit.
type request struct {
	id      uint16 // the caller's
	signed  []byte // with random id, and TSIG if there is a key
	session *tsig.Session
}

func prepare(msg []byte, key *tsig.Key) (request, error) {
	if len(msg) < 12 {
		return request{}, fmt.Errorf("send a message of %d octets: shorter than its header", len(msg))
	}
	q := request{id: binary.BigEndian.Uint16(msg), signed: append(make([]byte, 0, len(msg)+256), msg...)}
	if _, err := rand.Read(q.signed[:2]); err != nil {
		return request{}, fmt.Errorf("random message id: %w", err)
	}
	if key != nil {
		var err error
		if q.signed, q.session, err = tsig.SignRequest(q.signed, *key, time.Now()); err != nil {
			return request{}, err
		}
	}
	if len(q.signed) > 65535 {
		return request{}, fmt.Errorf("send a message of %d octets: longer than 65535", len(q.signed))
	}
	return q, nil
}

// exchange sends q over one new connection. UDP sockets are connected too, so that the kernel drops what comes from
// elsewhere and reports an unreachable port at once.
func exchange(ctx context.Context, network string, server netip.AddrPort, q request) (reply []byte, err error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, whileOpen(ctx, err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, fmt.Errorf("%s %s: %w", network, server, err)
		}
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if network == "tcp" {
		reply, err = overTCP(conn, q)
	} else {
		reply, err = overUDP(conn, q)
	}
	if err != nil {
		return nil, whileOpen(ctx, fmt.Errorf("%s %s: %w", network, server, err))
	}
	return reply, nil
}

// whileOpen adds the end of the context as the cause of an error that it brought about.
func whileOpen(ctx context.Context, err error) error {
	var timeout net.Error
	switch cause := ctx.Err(); {
	case cause != nil:
		return fmt.Errorf("%w: %w", err, cause)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%w: %w", err, context.DeadlineExceeded)
	}
	return err
}

func overUDP(conn net.Conn, q request) ([]byte, error) {
	if _, err := conn.Write(q.signed); err != nil {
		return nil, err
	}
	buf := make([]byte, udpBuffer)
	var last error
	for range maxStrays {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, errors.Join(last, err)
		}
		reply, err := q.accept(buf[:n])
		if err == nil || errors.Is(err, errTC) || final(err) {
			return reply, err
		}
		last = err
	}
	return nil, fmt.Errorf("gave up after %d datagrams: %w", maxStrays, last)
}

// final tells an error that the server itself reports of our signature. All others may be a forger's, and the true
// answer may still come (RFC 8945 section 5.3).
func final(err error) bool {
	var refused *tsig.Error
	return errors.As(err, &refused) && refused.Reported
}

func overTCP(conn net.Conn, q request) ([]byte, error) {
	out := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(q.signed)), uint16(len(q.signed)))
	if _, err := conn.Write(append(out, q.signed...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, fmt.Errorf("read the length of the answer: %w", err)
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, fmt.Errorf("read an answer of %d octets: %w", len(buf), err)
	}
	reply, err := q.accept(buf)
	if errors.Is(err, errTC) {
		return nil, ErrTruncated
	}
	return reply, err
}
