package roster

import (
	"context"
	"errors"
	"fmt"
	"time"
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
