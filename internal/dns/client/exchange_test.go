package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
)

const query = "\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x03org\x00\x00\x01\x00\x01"

// server answers on one UDP and one TCP port of the same number. It sends each datagram that answer returns.
func server(t *testing.T, answer func(network string, msg []byte) [][]byte) netip.AddrPort {
	t.Helper()
	var stream net.Listener
	var packets net.PacketConn
	for range 20 { // another program may hold the UDP port of that number
		var err error
		if stream, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if packets, err = net.ListenPacket("udp", stream.Addr().String()); err == nil {
			break
		}
		stream.Close()
	}
	if packets == nil {
		t.Fatal("no port is free for both UDP and TCP")
	}
	t.Cleanup(func() { stream.Close(); packets.Close() })
	go func() {
		buf := make([]byte, 65535)
		for {
			n, from, err := packets.ReadFrom(buf)
			if err != nil {
				return
			}
			for _, reply := range answer("udp", bytes.Clone(buf[:n])) {
				_, _ = packets.WriteTo(reply, from)
			}
		}
	}()
	go func() {
		for {
			conn, err := stream.Accept()
			if err != nil {
				return
			}
			var size [2]byte
			if _, err := io.ReadFull(conn, size[:]); err == nil {
				msg := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := io.ReadFull(conn, msg); err == nil {
					for _, reply := range answer("tcp", msg) {
						_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
					}
				}
			}
			conn.Close()
		}
	}()
	return netip.MustParseAddrPort(stream.Addr().String())
}

// reply makes a response to msg with flags set in the third octet.
func reply(msg []byte, flags byte) []byte {
	out := bytes.Clone(msg)
	out[2] |= 0x80 | flags
	return out
}

func changed(msg []byte, at int, value byte) []byte {
	out := bytes.Clone(msg)
	out[at] = value
	return out
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestStraysAreIgnored(t *testing.T) {
	ids := make(chan uint16, 1)
	at := server(t, func(_ string, msg []byte) [][]byte {
		ids <- binary.BigEndian.Uint16(msg)
		good := reply(msg, 0)
		return [][]byte{
			{}, good[:11], msg, changed(good, 0, good[0]+1), changed(good, 13, 'x'), changed(good, len(good)-1, 3),
			changed(good, 5, 2), changed(good, 5, 0), changed(good, 2, good[2]|5<<3), changed(good, 3, 2),
		}
	})
	got, err := Exchange(soon(t), at, []byte(query), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := changed(reply([]byte(query), 0), 3, 2); !bytes.Equal(got, want) {
		t.Errorf("answer %q, want %q", got, want)
	}
	if id := <-ids; id == 7 {
		t.Error("the caller's id was used (by chance once in 65536 runs)")
	}
}

func TestFloodEndsTheExchange(t *testing.T) {
	at := server(t, func(_ string, msg []byte) [][]byte {
		var out [][]byte
		for range maxStrays {
			out = append(out, changed(reply(msg, 0), 0, msg[0]+1))
		}
		return append(out, reply(msg, 0))
	})
	if got, err := Exchange(soon(t), at, []byte(query), nil); !errors.Is(err, ErrMismatch) {
		t.Errorf("answer %q, error %v", got, err)
	}
}

func TestTruncationLeadsToTCP(t *testing.T) {
	at := server(t, func(network string, msg []byte) [][]byte {
		if network == "udp" {
			return [][]byte{reply(msg, 0x02)}
		}
		return [][]byte{append(reply(msg, 0), "from tcp"...)}
	})
	got, err := Exchange(soon(t), at, []byte(query), nil)
	if err != nil || !bytes.HasSuffix(got, []byte("from tcp")) {
		t.Errorf("answer %q, error %v", got, err)
	}
}

func TestLongRequestsGoOverTCP(t *testing.T) {
	at := server(t, func(network string, msg []byte) [][]byte { return [][]byte{append(reply(msg, 0), network...)} })
	got, err := Exchange(soon(t), at, append([]byte(query), make([]byte, 1300)...), nil)
	if err != nil || !bytes.HasSuffix(got, []byte("tcp")) {
		t.Errorf("answer ends %q, error %v", got[max(0, len(got)-5):], err)
	}
	if got, err = ExchangeTCP(soon(t), at, []byte(query), nil); err != nil || !bytes.HasSuffix(got, []byte("tcp")) {
		t.Errorf("answer %q, error %v", got, err)
	}
}

func TestTCPRefuses(t *testing.T) {
	for name, answer := range map[string]func([]byte) []byte{
		"other id":  func(msg []byte) []byte { return changed(reply(msg, 0), 1, msg[1]+1) },
		"truncated": func(msg []byte) []byte { return reply(msg, 0x02) },
	} {
		at := server(t, func(_ string, msg []byte) [][]byte { return [][]byte{answer(msg)} })
		if got, err := ExchangeTCP(soon(t), at, []byte(query), nil); !errors.Is(err, ErrMismatch) && !errors.Is(err, ErrTruncated) {
			t.Errorf("%s: answer %q, error %v", name, got, err)
		}
	}
	at := server(t, func(string, []byte) [][]byte { return nil })
	if _, err := ExchangeTCP(soon(t), at, []byte(query), nil); !errors.Is(err, io.EOF) {
		t.Errorf("connection closed without an answer: %v", err)
	}
}

func TestTSIG(t *testing.T) {
	key, err := tsig.ParseKey("key.example:c2VjcmV0:hmac-sha256")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := tsig.NewRing([]tsig.Key{key})
	if err != nil {
		t.Fatal(err)
	}
	sign := func(msg []byte) (plain, signed []byte) {
		body, s, err := ring.Verify(msg, time.Now())
		if err != nil {
			body = append(bytes.Clone(msg[:10]), 0, 0)
			clear(body[4:])
			body[3] = byte(wire.RcodeNotAuth)
		}
		plain = reply(body, 0)
		if signed, err = s.Sign(bytes.Clone(plain), time.Now()); err != nil {
			t.Error(err)
		}
		return plain, signed
	}
	at := server(t, func(_ string, msg []byte) [][]byte {
		plain, signed := sign(msg)
		return [][]byte{plain, changed(signed, len(signed)-8, signed[len(signed)-8]+1), signed}
	})
	got, err := Exchange(soon(t), at, []byte(query), &key)
	if err != nil || !bytes.Equal(got, reply([]byte(query), 0)) {
		t.Errorf("answer %q, error %v", got, err)
	}
	wrong := key
	wrong.Secret = []byte("guess")
	var refused *tsig.Error
	if _, err := Exchange(soon(t), at, []byte(query), &wrong); !errors.As(err, &refused) || refused.TSIG != wire.RcodeBadSig {
		t.Errorf("wrong secret: %v", err)
	}
	at = server(t, func(_ string, msg []byte) [][]byte { plain, _ := sign(msg); return [][]byte{plain} })
	if _, err := ExchangeTCP(soon(t), at, []byte(query), &key); !errors.Is(err, tsig.ErrUnsigned) {
		t.Errorf("unsigned answer over TCP: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Exchange(ctx, at, []byte(query), &key); !errors.Is(err, tsig.ErrUnsigned) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("unsigned answer over UDP: %v", err)
	}
}

func TestContextEnds(t *testing.T) {
	asked := make(chan struct{}, 2)
	at := server(t, func(string, []byte) [][]byte { asked <- struct{}{}; return nil })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := Exchange(ctx, at, []byte(query), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := ExchangeTCP(ctx, at, []byte(query), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before the start: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(conn.LocalAddr().String())
	conn.Close()
	start := time.Now()
	if _, err := Exchange(soon(t), at, []byte(query), nil); err == nil || time.Since(start) > 2*time.Second {
		t.Errorf("a closed port: %v after %v", err, time.Since(start))
	}
}

func TestBadRequests(t *testing.T) {
	at := netip.MustParseAddrPort("127.0.0.1:9")
	for _, msg := range [][]byte{nil, make([]byte, 11), make([]byte, 65536)} {
		if _, err := Exchange(soon(t), at, msg, nil); err == nil {
			t.Errorf("%d octets were sent", len(msg))
		}
	}
}

// TestIDsAreRandom: ids come from the system's generator, one for each exchange. Of 256 draws from 65536 ids, 16 or
// more repeated ones happen less than once in a million million runs.
func TestIDsAreRandom(t *testing.T) {
	seen := map[uint16]bool{}
	repeated := 0
	for range 256 {
		q, err := prepare([]byte(query), nil)
		if err != nil {
			t.Fatal(err)
		}
		id := binary.BigEndian.Uint16(q.signed)
		if seen[id] {
			repeated++
		}
		seen[id] = true
	}
	if repeated >= 16 {
		t.Errorf("%d of 256 ids were repeated", repeated)
	}
}

func FuzzAccept(f *testing.F) {
	f.Add([]byte(query), reply([]byte(query), 0))
	f.Add([]byte("\x00\x07\x28\x00\x00\x00\x00\x00\x00\x00\x00\x00"), []byte("\x00\x07\xa8\x05\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, sent, answer []byte) {
		if len(sent) < 12 {
			return
		}
		got, err := request{id: 7, signed: sent}.accept(answer)
		if err == nil && (len(got) != len(answer) || binary.BigEndian.Uint16(got) != 7 || answer[2]&0x80 == 0) {
			t.Fatalf("%q is taken for an answer to %q", answer, sent)
		}
	})
}
