package test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

// nameServer is one of the servers that are asked.
type nameServer struct {
	name     string
	conn     net.Conn // TCP
	datagram net.Conn // UDP
}

// serveEverywhere serves the same zones by bundy, from master files, and by NSD, Knot DNS and BIND, and gives them in that
// order, each with a connection, when each answers for the last zone.
func serveEverywhere(t *testing.T, s *suite, zones []*signedZone) []*nameServer {
	t.Helper()
	files := map[string]string{}
	for _, z := range zones {
		files[z.origin] = z.file
	}
	params, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	s.write("bundy-config.db", fmt.Sprintf(`{"version": 4, "Init": {"components": {"bundy-auth": {"special": "auth", "kind": "dispensable"}}},
"Auth": {"listen_on": [{"address": %q, "port": %d}]}, "data_sources": {"classes": {"IN": [{"type": "MasterFiles", "cache-enable": true, "params": %s}]}}}`,
		s.address, s.dns, params))
	s.start()
	return connect(t, s, zones)
}

// connect starts the peers and opens connections to them and to the suite, which runs already.
func connect(t *testing.T, s *suite, zones []*signedZone) []*nameServer {
	t.Helper()
	servers := []*nameServer{{name: "bundy"}}
	at := []netip.AddrPort{netip.AddrPortFrom(s.address, s.dns)}
	for _, start := range []func(*testing.T, *suite, []*signedZone) (string, netip.AddrPort){startNSD, startKnot, startNamed} {
		name, port := start(t, s, zones)
		servers, at = append(servers, &nameServer{name: name}), append(at, port)
	}
	last := probe{name: wire.MustParseName(zones[len(zones)-1].origin), qtype: wire.TypeSOA}
	for i, n := range servers {
		eventually(t, 20*time.Second, n.name+" answers", func() bool {
			conn, err := net.DialTimeout("tcp", at[i].String(), time.Second)
			if err != nil {
				return false
			}
			n.conn = conn
			if m, err := n.ask(last); err != nil || len(m.Answer) == 0 {
				conn.Close()
				return false
			}
			return true
		})
		conn, err := net.Dial("udp", at[i].String())
		if err != nil {
			t.Fatal(err)
		}
		n.datagram = conn
		t.Cleanup(func() { n.conn.Close(); n.datagram.Close() })
	}
	return servers
}

// probe is what is asked of every server.
type probe struct {
	name     wire.Name
	qtype    wire.Type
	edns, do bool
	rd       bool
	size     uint16 // that the asker can take over UDP; 0: 1232
}

func (q probe) String() string {
	return fmt.Sprintf("%s %s (EDNS %t, DO %t, size %d)", q.name, q.qtype, q.edns, q.do, q.size)
}

func (q probe) message() []byte {
	var b wire.Builder
	b.Reset(nil, wire.MaxMessage)
	var flags wire.Flags
	if q.rd {
		flags = wire.FlagRD
	}
	b.SetHeader(77, flags)
	b.AddQuestion(wire.Question{Name: q.name, Type: q.qtype, Class: wire.ClassIN})
	if q.edns {
		size := q.size
		if size == 0 {
			size = 1232
		}
		b.AddOPT(wire.EDNS{Size: size, DO: q.do}, nil)
	}
	return b.Bytes()
}

// ask sends a question over TCP and waits for the answer.
func (n *nameServer) ask(q probe) (*wire.Message, error) {
	if err := n.send(q); err != nil {
		return nil, err
	}
	return n.receive()
}

func (n *nameServer) send(q probe) error { return n.sendMessage(q.message()) }

func (n *nameServer) sendMessage(msg []byte) error {
	n.conn.SetDeadline(time.Now().Add(busy * 5 * time.Second))
	_, err := n.conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...))
	return err
}

func (n *nameServer) receive() (*wire.Message, error) {
	reply, err := n.receiveMessage()
	if err != nil {
		return nil, err
	}
	return wire.ParseMessage(reply)
}

func (n *nameServer) receiveMessage() ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(n.conn, length[:]); err != nil {
		return nil, err
	}
	reply := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(n.conn, reply); err != nil {
		return nil, err
	}
	return reply, nil
}

// exchange asks over UDP. No reply within the limit gives nil: some messages get none.
func (n *nameServer) exchange(msg []byte, limit time.Duration) (reply []byte, err error) {
	n.datagram.SetDeadline(time.Now().Add(limit))
	if _, err := n.datagram.Write(msg); err != nil {
		return nil, err
	}
	room := make([]byte, wire.MaxMessage)
	for {
		got, err := n.datagram.Read(room)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if got >= 2 && string(room[:2]) == string(msg[:2]) { // else it is late, of a question before
			return room[:got], nil
		}
	}
}

// seeded gives the seed of a test that makes its questions at random. BUNDY_SEED takes its place, so that other ones can
// be tried.
func seeded(seed uint64) uint64 {
	if text := os.Getenv("BUNDY_SEED"); text != "" {
		fmt.Sscan(strings.TrimSpace(text), &seed)
	}
	return seed
}
