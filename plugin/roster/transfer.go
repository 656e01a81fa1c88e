package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/services"
)

const (
	// maxTransfers is how many transfers there are at once, of all blocks: each holds a
	// generation, and some of the largest service twice. More at a time would not be
	// faster, and zones have few secondaries.
	maxTransfers = 8
	// transferWait is how long a transfer waits for others to end: a change brings
	// all secondaries at once, most of whom take milliseconds, and the least that
	// they wait for an answer is five seconds.
	transferWait = 4 * time.Second
)

var (
	errNoContents      = errors.New("there is no list from etcd yet, or the last contact is longer ago than stale allows")
	errTransfersAtOnce = fmt.Errorf("%d other transfers are under way", maxTransfers)
	errEnding          = errors.New("the server ends, or is reloaded")
)

// transfers bounds the transfers of all blocks of a Corefile. It is safe for
// concurrent use.
type transfers struct {
	ctx   context.Context // until the end
	slots chan struct{}
}

func newTransfers(ctx context.Context) *transfers {
	return &transfers{ctx, make(chan struct{}, maxTransfers)}
}

// begin waits for a transfer to be allowed.
func (t *transfers) begin() error {
	limit := time.NewTimer(transferWait)
	defer limit.Stop()
	select {
	case t.slots <- struct{}{}:
		if t.ctx.Err() != nil {
			t.end()
			return errEnding
		}
		return nil
	case <-t.ctx.Done():
		return errEnding
	case <-limit.C:
		return errTransfersAtOnce
	}
}

func (t *transfers) end() { <-t.slots }

// wait waits for the transfers under way. Others don't begin after the context's end.
func (t *transfers) wait() {
	for range cap(t.slots) {
		t.slots <- struct{}{}
	}
	for range cap(t.slots) {
		<-t.slots
	}
}

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
	h := r.replica.Since(serial)
	soa := z.soa(h.Present.Serial())
	if serial != 0 && !older(serial, soa.Serial) {
		return alone(soa), nil
	}
	if err := r.transfers.begin(); err != nil {
		return nil, fmt.Errorf("transfer of %q: %w", zoneName, err)
	}
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
