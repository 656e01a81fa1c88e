package roster

import (
	"context"
	"iter"
	"time"

	"github.com/miekg/dns"
)

const (
	// transferStall is how long a client can keep a transfer from going on.
	transferStall = 30 * time.Second
	// transferBatch is how many records are handed on at once, at least: so many that
	// handing on costs little of their making.
	transferBatch = 64
	// transferMessage is how many octets of records the transfer plugin puts into a
	// message.
	transferMessage = 63_000
)

// sender hands the records of a transfer on to the transfer plugin.
type sender struct {
	ctx   context.Context // until the end
	to    chan<- []dns.RR
	zone  *zone
	batch []dns.RR
	sent  int // records
	// unsent is how many records the plugin has after the batch that it puts into
	// the next message, and size their octets.
	unsent, size int
	gaveUp       bool
}

// sendWhole sends all records between two of SOA (RFC 5936, 2.2).
func (s *sender) sendWhole(soa dns.RR, c *contents) {
	s.send(soa)
	s.sendAll(c.all())
	s.send(soa)
	s.flush()
}

// sendDifference sends what has changed between two serials, in one step (RFC 1995, 4).
func (s *sender) sendDifference(from, to dns.RR, d *difference) {
	s.send(to)
	s.send(from)
	s.sendAll(d.removed())
	s.send(to)
	s.sendAll(d.added())
	s.send(to)
	s.flush()
}

func (s *sender) sendAll(records iter.Seq[dns.RR]) {
	for rr := range records {
		if !s.send(rr) {
			return
		}
	}
}

// send sends a record, and reports whether the transfer goes on. Once it has been given
// up nothing more is sent, so that the client misses the last record of SOA.
func (s *sender) send(rr dns.RR) bool {
	if s.gaveUp {
		return false
	}
	s.batch = append(s.batch, rr)
	size := dns.Len(rr)
	if s.unsent > 0 && s.size+size > transferMessage {
		s.unsent, s.size = 0, 0
	}
	s.unsent, s.size = s.unsent+1, s.size+size
	// Where one record is left at the end the plugin takes the transfer for one
	// without a change, and sends SOA: a transfer that is given up there would pass
	// for a whole one.
	if len(s.batch) < transferBatch || s.unsent == 1 {
		return true
	}
	return s.flush()
}

// flush hands on what there is.
func (s *sender) flush() bool {
	if s.gaveUp {
		return false
	}
	limit := time.NewTimer(transferStall)
	defer limit.Stop()
	select {
	case s.to <- s.batch:
		s.sent += len(s.batch)
		s.batch = make([]dns.RR, 0, transferBatch)
	case <-s.ctx.Done():
		s.gaveUp = true
	case <-limit.C:
		s.gaveUp = true
		logger.Warn("zone transfer given up: the client does not read", "zone", s.zone.name, "records", s.sent, "waited", transferStall.String())
	}
	return !s.gaveUp
}
