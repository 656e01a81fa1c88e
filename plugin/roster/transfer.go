package roster

import (
	"errors"
	"fmt"

	"github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/services"
)

var errNoContents = errors.New("there is no list from etcd yet, or the last contact is longer ago than stale allows")

var _ transfer.Transferer = (*Roster)(nil) //nolint:misspell // CoreDNS's

// Transfer is called by the transfer plugin. All that it sends is of one generation.
func (r *Roster) Transfer(zoneName string, serial uint32) (<-chan []dns.RR, error) {
	z := r.zones[zoneName]
	if z == nil {
		return nil, transfer.ErrNotAuthoritative
	}
	if !r.usable(r.replica.Status()) {
		return nil, fmt.Errorf("transfer of %q: %w", zoneName, errNoContents)
	}
	if shown := r.replica.Load().Serial(); serial != 0 && !older(serial, shown) {
		return alone(z.soa(shown)), nil
	}
	if err := r.transfers.begin(); err != nil {
		return nil, fmt.Errorf("transfer of %q: %w", zoneName, err)
	}
	// What is sent is of the time at which the wait is over.
	h := r.replica.Since(serial)
	soa := z.soa(h.Present.Serial())
	records := make(chan []dns.RR)
	go func() {
		defer r.transfers.end()
		defer close(records)
		s := &sender{ctx: r.transfers.ctx, to: records, zone: z}
		namesTooLong.Add(float64(r.sendTransfer(s, soa, serial, &h)))
	}()
	return records, nil
}

// sendTransfer sends what a client is to get that has a serial; 0 is none. It returns how
// much of it has too long names, and is left out.
func (r *Roster) sendTransfer(s *sender, soa *dns.SOA, serial uint32, h *services.History) (omitted int) {
	if serial == 0 || h.Before == nil {
		c := r.contentsOf(s.zone, h.Present)
		s.sendWhole(soa, c)
		return c.omitted
	}
	d := r.differenceOf(s.zone, h)
	s.sendDifference(s.zone.soa(serial), soa, d)
	return d.sides[present].omitted
}

// older reports whether a serial is not known to be the other one or one after it (RFC
// 1982, 3.2).
func older(serial, other uint32) bool { return serial != other && other-serial <= 1<<31 }

// alone returns a channel with one record.
func alone(rr dns.RR) <-chan []dns.RR {
	ch := make(chan []dns.RR, 1)
	ch <- []dns.RR{rr}
	close(ch)
	return ch
}
