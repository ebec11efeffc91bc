package ncr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
)

// MaxJournal bounds the journal in octets: some hundred thousand requests. Who fills it must wait until it is empty.
const MaxJournal = 64 << 20

// ErrJournalFull is returned by Append when there is no room. Wait on Empty, then try again.
var ErrJournalFull = errors.New("the journal of requests is full")

// frameHead is the length of a datagram and its checksum.
const frameHead = 8

// Journal keeps datagrams in a file from the moment they are received until what they ask for is in the state. It is
// written without a sync: it is for a process that is killed; a machine that loses its power loses what is in the socket
// too, and no request is acknowledged. It may be used from any goroutine.
type Journal struct {
	mu      sync.Mutex
	file    *os.File
	size    int64
	entries int // appended and not yet done
	empty   chan struct{}
}

// OpenJournal opens or makes the file and gives the datagrams that were not done when it was last in use, oldest first.
// A record at the end that was not written whole is cut off: its datagram is still in the socket.
func OpenJournal(path string) (*Journal, [][]byte, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, nil, fmt.Errorf("journal of requests: %w", err)
	}
	content, err := io.ReadAll(io.LimitReader(f, MaxJournal))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read the journal of requests %s: %w", path, err), f.Close())
	}
	var found [][]byte
	j := &Journal{file: f, empty: make(chan struct{}, 1)}
	for rest := content; len(rest) >= frameHead; {
		n := int(binary.BigEndian.Uint32(rest))
		if n > MaxDatagram || len(rest) < frameHead+n {
			break
		}
		datagram := rest[frameHead : frameHead+n]
		if crc32.ChecksumIEEE(datagram) != binary.BigEndian.Uint32(rest[4:]) {
			break
		}
		found = append(found, datagram)
		rest = rest[frameHead+n:]
		j.size += int64(frameHead + n)
	}
	j.entries = len(found)
	if err := f.Truncate(j.size); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("journal of requests %s: %w", path, err), f.Close())
	}
	return j, found, nil
}

// Append keeps a datagram of at most MaxDatagram octets. On an error it is not kept.
func (j *Journal) Append(datagram []byte) error {
	b := make([]byte, frameHead, frameHead+len(datagram))
	binary.BigEndian.PutUint32(b, uint32(len(datagram)))
	binary.BigEndian.PutUint32(b[4:], crc32.ChecksumIEEE(datagram))
	b = append(b, datagram...)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.size+int64(len(b)) > MaxJournal {
		return ErrJournalFull
	}
	if _, err := j.file.WriteAt(b, j.size); err != nil {
		return fmt.Errorf("write the journal of requests: %w", err)
	}
	j.size += int64(len(b))
	j.entries++
	return nil
}

// Done tells that the n oldest datagrams are in the state. When all are, the file is empty again; until then it keeps
// those that are done too, and to do them again changes nothing, as all behind them are done again as well.
func (j *Journal) Done(n int) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = max(j.entries-n, 0)
	if j.entries > 0 || j.size == 0 {
		return nil
	}
	if err := j.file.Truncate(0); err != nil {
		return fmt.Errorf("empty the journal of requests: %w", err)
	}
	j.size = 0
	select {
	case j.empty <- struct{}{}:
	default:
	}
	return nil
}

// Empty delivers when the journal has become empty.
func (j *Journal) Empty() <-chan struct{} { return j.empty }

// Close ends the use of the file. What is in it is found by the next OpenJournal.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.file.Close()
}
