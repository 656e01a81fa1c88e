package etcdserver

import (
	"context"
	"time"
)

// leaveTimeout bounds the wait for a call that is under way when its etcd is left. It is over in milliseconds unless the
// disk doesn't answer.
const leaveTimeout = time.Second

// lookout makes the guard's calls to one etcd, each in a goroutine of its own, one at a time. Any of them may never return:
// etcd holds the lock of its alarms while it waits for the one of its database, which a goroutine that fails in a
// transaction keeps. So a goroutine that is left in an etcd that has failed, or on a disk that doesn't answer, ends when
// these let it, perhaps with the process. It is the one exception to the rule that whoever starts a goroutine waits for
// its end, and does no harm: it has a buffer for its result, and changes nothing else. The methods belong to one goroutine.
type lookout struct {
	guard *guard
	etcd  member
	views chan view     // what look has seen; to be given to judge
	acted chan struct{} // an order was carried out, or has failed; to be followed by done
	busy  bool          // a call is under way
}

func newLookout(g *guard, etcd member) *lookout {
	return &lookout{guard: g, etcd: etcd, views: make(chan view, 1), acted: make(chan struct{}, 1)}
}

// look begins to look, unless a call is under way: its result is still to come, and the next check looks again.
func (l *lookout) look() {
	if l.busy || hasFailed(l.etcd) { // which answers nothing
		return
	}
	l.busy = true
	go func() { l.views <- l.guard.look(l.etcd) }()
}

// judge has the guard judge what look has seen.
func (l *lookout) judge(v view) order {
	l.busy = false
	return l.guard.judge(v)
}

// act begins to carry out an order. Whether that has worked the next view shows: what fails is tried again then, and etcd
// says in its own log what is wrong with it.
func (l *lookout) act(ctx context.Context, o order) {
	if o == keepAlarm || hasFailed(l.etcd) {
		return
	}
	l.busy = true
	go func() {
		ctx, cancel := context.WithTimeout(ctx, alarmTimeout)
		defer cancel()
		_ = l.etcd.alarm(ctx, o == raiseAlarm)
		l.acted <- struct{}{}
	}()
}

// done notes that the order is carried out, or has failed.
func (l *lookout) done() { l.busy = false }

// leave waits for the call that is under way, but not for one that may never return.
func (l *lookout) leave() {
	if !l.busy {
		return
	}
	patience := time.NewTimer(leaveTimeout)
	defer patience.Stop()
	select {
	case <-l.views:
	case <-l.acted:
	case <-l.etcd.failed():
	case <-patience.C:
	}
}

// hasFailed reports whether an etcd can't go on.
func hasFailed(etcd member) bool {
	select {
	case <-etcd.failed():
		return true
	default:
		return false
	}
}
