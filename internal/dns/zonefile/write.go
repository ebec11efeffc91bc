package zonefile

import (
	"bufio"
	"fmt"
	"io"
	"iter"

	"bundy/internal/dns/wire"
)

// Write writes records as a master file that Read and other programs read: one record a line, absolute names. It
// returns the number of records. The order is that of the sequence; a SOA record should be first.
func Write(w io.Writer, records iter.Seq[wire.RR]) (int, error) {
	out := bufio.NewWriter(w)
	n := 0
	var line []byte
	for rr := range records {
		line = append(AppendRR(line[:0], rr), '\n')
		if _, err := out.Write(line); err != nil {
			return n, fmt.Errorf("writing a master file after %d records: %w", n, err)
		}
		n++
	}
	if err := out.Flush(); err != nil {
		return n, fmt.Errorf("writing a master file after %d records: %w", n, err)
	}
	return n, nil
}
