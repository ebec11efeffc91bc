package client

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
)

var lab = wire.MustParseName("lab.example.")

func soa(serial byte) wire.RR {
	data := append([]byte(lab+lab), 0, 0, 0, serial)
	return wire.RR{Name: lab, Type: wire.TypeSOA, Class: wire.ClassIN, TTL: 60, Data: append(data, make([]byte, 16)...)}
}

func host(name string) wire.RR {
	return wire.RR{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 1}}
}

// streamed makes a message of a transfer: the answer to msg with these records.
func streamed(t testing.TB, msg []byte, question bool, records ...wire.RR) []byte {
	t.Helper()
	m, err := wire.ParseMessage(msg)
	if err != nil {
		t.Fatal(err)
	}
	out := wire.Message{Header: wire.Header{ID: m.Header.ID, Flags: wire.FlagQR | wire.FlagAA}, Answer: records}
	if question {
		out.Question = m.Question
	}
	b, err := out.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func names(records []wire.RR) (out []string) {
	for _, rr := range records {
		out = append(out, rr.Name.String()+" "+rr.Type.String())
	}
	return out
}

func TestTransfer(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(msg []byte) [][]byte
		want   []string // nil: an error
		is     error
	}{
		"one message": {func(msg []byte) [][]byte {
			return [][]byte{streamed(t, msg, true, soa(1), host("a.lab.example."), soa(1))}
		}, []string{"lab.example. SOA", "a.lab.example. A"}, nil},
		"many, the later ones without question": {func(msg []byte) [][]byte {
			return [][]byte{streamed(t, msg, true, soa(1)), streamed(t, msg, false, host("a.lab.example.")), streamed(t, msg, false, host("b.lab.example."), soa(1))}
		}, []string{"lab.example. SOA", "a.lab.example. A", "b.lab.example. A"}, nil},
		"a record that is not of the zone": {func(msg []byte) [][]byte {
			return [][]byte{streamed(t, msg, true, soa(1), host("www.bank.example."), host("a.lab.example."), soa(1))}
		}, []string{"lab.example. SOA", "a.lab.example. A"}, nil},
		"no SOA first":     {func(msg []byte) [][]byte { return [][]byte{streamed(t, msg, true, host("a.lab.example."), soa(1))} }, nil, ErrTransfer},
		"another SOA last": {func(msg []byte) [][]byte { return [][]byte{streamed(t, msg, true, soa(1), soa(2))} }, nil, ErrTransfer},
		"records behind it": {func(msg []byte) [][]byte {
			return [][]byte{streamed(t, msg, true, soa(1), soa(1), host("a.lab.example."))}
		}, nil, ErrTransfer},
		"cut short":            {func(msg []byte) [][]byte { return [][]byte{streamed(t, msg, true, soa(1), host("a.lab.example."))} }, nil, nil},
		"a message of nothing": {func(msg []byte) [][]byte { return [][]byte{streamed(t, msg, true)} }, nil, ErrTransfer},
		"another id": {func(msg []byte) [][]byte {
			return [][]byte{changed(streamed(t, msg, true, soa(1), soa(1)), 0, msg[0]+1)}
		}, nil, ErrMismatch},
		"another question": {func(msg []byte) [][]byte {
			return [][]byte{changed(streamed(t, msg, true, soa(1), soa(1)), 13, 'x')}
		}, nil, ErrMismatch},
		"truncated": {func(msg []byte) [][]byte {
			m := streamed(t, msg, true, soa(1), soa(1))
			return [][]byte{changed(m, 2, m[2]|flagTC)}
		}, nil, ErrTruncated},
		"no message":          {func(msg []byte) [][]byte { return [][]byte{{}} }, nil, wire.ErrMessage},
		"the request itself":  {func(msg []byte) [][]byte { return [][]byte{msg} }, nil, ErrMismatch},
		"the connection ends": {func(msg []byte) [][]byte { return nil }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			at := server(t, func(_ string, msg []byte) [][]byte { return c.answer(msg) })
			var got []wire.RR
			n, err := Transfer(soon(t), at, lab, nil, func(rrs []wire.RR) error { got = append(got, slices.Clone(rrs)...); return nil })
			switch {
			case c.want == nil && (err == nil || c.is != nil && !errors.Is(err, c.is)):
				t.Errorf("%v, want an error that is %v", err, c.is)
			case c.want != nil && (err != nil || !slices.Equal(names(got), c.want) || n != len(got)):
				t.Errorf("%d records %q, %v", n, names(got), err)
			}
		})
	}
	at := server(t, func(_ string, msg []byte) [][]byte {
		return [][]byte{changed(streamed(t, msg, true), 3, byte(wire.RcodeRefused))}
	})
	_, err := Transfer(soon(t), at, lab, nil, func([]wire.RR) error { return nil })
	var rejected *Rejected
	if !errors.As(err, &rejected) || rejected.Rcode != wire.RcodeRefused {
		t.Errorf("refused: %v", err)
	}
	enough := errors.New("enough")
	at = server(t, func(_ string, msg []byte) [][]byte { return [][]byte{streamed(t, msg, true, soa(1), soa(1))} })
	if _, err := Transfer(soon(t), at, lab, nil, func([]wire.RR) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("who took the records had enough: %v", err)
	}
}

// TestTransferIsSigned: each message of a stream from our own server's signer but the first is an error, since that signs
// answers of one message; unsigned ones are never the end.
func TestTransferIsSigned(t *testing.T) {
	key, err := tsig.ParseKey("k.example:c2VjcmV0c2VjcmV0c2VjcmV0:hmac-sha256")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := tsig.NewRing([]tsig.Key{key})
	if err != nil {
		t.Fatal(err)
	}
	serve := func(parts ...[]wire.RR) netip.AddrPort {
		return server(t, func(_ string, msg []byte) (out [][]byte) {
			body, session, err := ring.Verify(msg, time.Now())
			if err != nil {
				return nil
			}
			for i, records := range parts {
				m := streamed(t, body, true, records...)
				if i == 0 {
					if m, err = session.Sign(m, time.Now()); err != nil {
						return nil
					}
				}
				out = append(out, m)
			}
			return out
		})
	}
	got := func(at netip.AddrPort) error {
		_, err := Transfer(soon(t), at, lab, &key, func([]wire.RR) error { return nil })
		return err
	}
	if err := got(serve([]wire.RR{soa(1), host("a.lab.example."), soa(1)})); err != nil {
		t.Error(err)
	}
	if err := got(serve([]wire.RR{soa(1)}, []wire.RR{host("a.lab.example."), soa(1)})); !errors.Is(err, tsig.ErrUnsigned) {
		t.Errorf("an unsigned end: %v", err)
	}
	plain := server(t, func(_ string, msg []byte) [][]byte { return [][]byte{streamed(t, msg, true, soa(1), soa(1))} })
	if err := got(plain); !errors.Is(err, tsig.ErrUnsigned) {
		t.Errorf("unsigned: %v", err)
	}
}

// FuzzTransfer takes messages of a hostile server: no crash, and no end without both SOA records.
func FuzzTransfer(f *testing.F) {
	ask := wire.Message{Header: wire.Header{ID: 7}, Question: []wire.Question{{Name: lab, Type: wire.TypeAXFR, Class: wire.ClassIN}}}
	msg, err := ask.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(streamed(f, msg, true, soa(1), host("a.lab.example."), soa(1)))
	f.Add(streamed(f, msg, true, soa(1), host("a.lab.example.")))
	f.Fuzz(func(t *testing.T, in []byte) {
		var got []wire.RR
		x := transfer{q: request{signed: msg}, zone: lab, take: func(rrs []wire.RR) error { got = append(got, rrs...); return nil }}
		err := x.message(bytes.Clone(in))
		if err == nil && (len(got) == 0 || got[0].Type != wire.TypeSOA || x.records != len(got)) {
			t.Errorf("taken without SOA record: %v", fmt.Sprint(names(got)))
		}
		for _, rr := range got {
			if !rr.Name.IsBelow(lab) {
				t.Errorf("%s is not of the zone", rr.Name)
			}
		}
	})
}
