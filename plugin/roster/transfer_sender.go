package roster

import (
	"context"
	"iter"
	"time"

	"github.com/miekg/dns"
)

const (
	// transferStall is how long a client can keep a transfer from going on at a time.
	transferStall = 30 * time.Second
	// transferGrace is how long it can do so in all, beyond the time that its records
	// take at transferRate: some stalls, as of a secondary that writes to a busy disk.
	transferGrace = 2 * time.Minute
	// transferRate is how many octets of records a second a client has to take, before
	// compression. A slower link could not follow the changes of a registry.
	transferRate = 16 << 10
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
	octets       int           // of all records so far
	waited       time.Duration // for the client
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
	s.unsent, s.size, s.octets = s.unsent+1, s.size+size, s.octets+size
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
	began := time.Now()
	limit := time.NewTimer(s.patience())
	defer limit.Stop()
	select {
	case s.to <- s.batch:
		s.sent += len(s.batch)
		s.batch = make([]dns.RR, 0, transferBatch)
		s.waited += time.Since(began)
	case <-s.ctx.Done():
		s.gaveUp = true
	case <-limit.C:
		s.gaveUp = true
		s.waited += time.Since(began)
		logger.Warn("zone transfer given up: the client does not read, or too slowly",
			"zone", s.zone.name, "records", s.sent, "waited", s.waited.String())
	}
	return !s.gaveUp
}

// patience returns how long the client may keep the transfer from going on now. A
// client that reads a little now and then would hold a place without end.
func (s *sender) patience() time.Duration {
	all := transferGrace + time.Duration(s.octets)*time.Second/transferRate
	return min(transferStall, all-s.waited)
}
