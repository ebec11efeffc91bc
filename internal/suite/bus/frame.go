package bus

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Limits of the channel. Messages carry requests and facts, never bulk, so all of them are generous.
const (
	maxFrame       = 16 << 20    // octets: the configuration of a site with some ten thousand subnets fits
	maxQueueFrames = 1024        // frames waiting for one connection: a reader this far behind is stuck
	maxQueueBytes  = 64 << 20    // octets waiting for one connection: four frames of the largest size
	maxName        = 128         // octets of a module, command or event name
	closeGrace     = time.Second // for what is still to be said when a connection is closed
	maxLinks       = 256         // connections: the suite has a handful of processes
	maxModules     = 64          // modules of one connection: a process hosts a dozen at most
	maxEvents      = 256         // events one connection subscribes to
	maxPending     = 1024        // calls one module has not answered yet
	maxHandlers    = 64          // calls one connection works on at once
	maxBacklog     = 256         // events that wait for one subscriber
)

type kind string

const (
	kindRegister    kind = "register"
	kindUnregister  kind = "unregister"
	kindSubscribe   kind = "subscribe"
	kindUnsubscribe kind = "unsubscribe"
	kindCall        kind = "call"
	kindReply       kind = "reply"
	kindEvent       kind = "event"
)

// codeNotRunning is the code of the hub's own reply when nobody answers for a module (spec: "No such recipient").
const codeNotRunning = -1

// frame is one message: a JSON object behind its length in four octets, network byte order.
type frame struct {
	Kind    kind            `json:"kind"`
	ID      uint64          `json:"id,omitempty"`      // pairs a reply with its request; chosen by the sender of the request
	Name    string          `json:"name,omitempty"`    // module or event
	Command string          `json:"command,omitempty"` // of a call
	Millis  int64           `json:"millis,omitempty"`  // time left for a call
	Code    int             `json:"code,omitempty"`    // of a reply: 0 is success
	Text    string          `json:"text,omitempty"`    // of a refusal
	Body    json.RawMessage `json:"body,omitempty"`    // arguments, result or parameters
}

func (f *frame) encode() ([]byte, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", f.Kind, f.Name, err)
	}
	if len(text) > maxFrame {
		return nil, fmt.Errorf("encode %s %s: %d octets are more than %d", f.Kind, f.Name, len(text), maxFrame)
	}
	out := make([]byte, 4, 4+len(text))
	binary.BigEndian.PutUint32(out, uint32(len(text)))
	return append(out, text...), nil
}

// readFrame reads one frame. Memory grows with what arrives, not with the length that the sender claims.
func readFrame(r io.Reader) (*frame, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size == 0 || size > maxFrame {
		return nil, fmt.Errorf("frame of %d octets: not between 1 and %d", size, maxFrame)
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err != nil {
		return nil, err
	}
	if len(text) < int(size) {
		return nil, io.ErrUnexpectedEOF
	}
	f := new(frame)
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("frame is not JSON: %w", err)
	}
	if len(f.Name) > maxName || len(f.Command) > maxName {
		return nil, fmt.Errorf("frame %s: name of more than %d octets", f.Kind, maxName)
	}
	return f, nil
}
