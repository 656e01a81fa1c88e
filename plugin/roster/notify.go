package roster

import (
	"context"
	"time"
)

const (
	// notifyInterval is the least time between two NOTIFY messages for a zone. The
	// first change is told at once; under a stream of them each message costs every
	// secondary a query and a transfer, which then brings all of a second together.
	notifyInterval = time.Second
	// serialInterval is how often it is looked whether the serial has risen without a
	// change, as with writes to etcd outside the registry: secondaries lack nothing
	// then, but are compared by serial.
	serialInterval = 5 * time.Second
	// Bounds of the time until another try where a secondary has not accepted NOTIFY,
	// in place of the minute of RFC 1996 (3.6): a secondary that starts again has the
	// zone within seconds, and one that is gone for good costs little.
	minNotifyRetry = 10 * time.Second
	maxNotifyRetry = 5 * time.Minute
	// notifyLogInterval is how often the log says that secondaries don't accept NOTIFY:
	// under a stream of changes each message finds that again.
	notifyLogInterval = time.Hour
)

// notifier tells the secondaries of a zone when it has changed.
type notifier struct {
	zone string
	*Roster
	// send sends NOTIFY and waits for all secondaries, which can take six seconds for
	// each.
	send func(zone string) error

	told   int64         // the serial, uncut; 0 for none
	retry  time.Duration // after which a message that failed is sent again; 0 for none
	logged time.Time     // when the log has told last that one failed
}

// run notifies until ctx is done: at the start and after each change, but for those that
// come together, as long as there is something to transfer.
func (n *notifier) run(ctx context.Context) {
	changes := n.replica.Subscribe()
	changes.Next()
	failed := time.Now()
	for {
		status := n.replica.Status()
		serial := n.replica.Load().FullSerial()
		pause := serialInterval
		switch again := n.retry > 0 && time.Since(failed) >= n.retry; {
		case !n.usable(status):
			pause = notifyInterval // until there is something, which no change tells
		case serial != n.told || again:
			if !n.notify(ctx) {
				return
			}
			n.told, failed = serial, time.Now()
			if !sleep(ctx, notifyInterval) {
				return
			}
			continue
		}
		if !await(ctx, changes.Changed(), pause) {
			return
		}
		changes.Next()
	}
}

// notify sends NOTIFY, and reports false if ctx has ended before that was done. It
// can't be broken off: then it ends by itself, after its time-outs.
func (n *notifier) notify(ctx context.Context) bool {
	done := make(chan error, 1)
	go func() { done <- n.send(n.zone) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		return false
	}
	if err == nil {
		n.retry = 0
		return true
	}
	first := n.retry == 0
	n.retry = min(max(minNotifyRetry, 2*n.retry), maxNotifyRetry)
	if first || time.Since(n.logged) >= notifyLogInterval {
		n.logged = time.Now()
		logger.Warn("a secondary has not accepted NOTIFY: it gets it again", "zone", n.zone, "after", n.retry.String(), "error", err)
	}
	return true
}

// sleep waits, and reports false if ctx ends that.
func sleep(ctx context.Context, d time.Duration) bool { return await(ctx, nil, d) }

// await waits for a channel to be closed, but not longer than a duration, and reports
// false if ctx ends that.
func await(ctx context.Context, closed <-chan struct{}, d time.Duration) bool {
	limit := time.NewTimer(d)
	defer limit.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-closed:
	case <-limit.C:
	}
	return true
}
