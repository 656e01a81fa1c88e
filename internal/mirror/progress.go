package mirror

import "time"

// How often an idle stream is asked how far it is.
const (
	progressEvery = 2 * time.Second
	// backgroundEvery is the same while all views are Background and etcd answers. An
	// etcd that was restored behind the stream, which its answer shows, is listed within
	// ten seconds all the same; and leases of the default TTL are renewed as often, with
	// which the requests are sent.
	backgroundEvery = 5 * time.Second
)

// watchSilence is how long a stream can be silent in spite of progress requests,
// and of probes that show something newer or nothing, before it is given up for
// another.
const watchSilence = 8 * time.Second

// A response to a progress request speaks for all watches of a stream, as they
// were when etcd handled the request. The response that says that a watch was
// created can overtake it: what then speaks for the others says nothing of the
// new watch. etcd handles requests in order, and drops those that it can't
// answer.

// ledger knows which progress requests of a stream may still be answered.
type ledger struct {
	asked   int64 // requests so far
	waiting []ask // without an answer, in order
}

type ask struct {
	number int64
	at     time.Time
}

// ask notes a request.
func (l *ledger) ask(now time.Time) {
	l.forget(now)
	l.asked++
	l.waiting = append(l.waiting, ask{l.asked, now})
}

// answer notes a response. Which request it answers is not known: at the
// earliest the first that waits.
func (l *ledger) answer() {
	if len(l.waiting) > 0 {
		l.waiting = l.waiting[1:]
	}
}

// forget drops the requests that etcd has not answered within watchSilence: it has
// dropped them, too. Its gRPC proxy answers none.
func (l *ledger) forget(now time.Time) {
	for len(l.waiting) > 0 && now.Sub(l.waiting[0].at) >= watchSilence {
		l.waiting = l.waiting[1:]
	}
}

// before returns how many of the first requests may still be answered.
func (l *ledger) before(first int64, now time.Time) (n int) {
	l.forget(now)
	for _, a := range l.waiting {
		if a.number <= first {
			n++
		}
	}
	return n
}

// watch is a watch on a stream.
type watch struct {
	id      int64
	asked   int64 // progress requests before the watch was asked for
	created bool
	worked  bool // it has shown changes or progress
	skip    int  // so many progress responses from now on may be older than the watch
}

// counts reports whether a progress response speaks for the watch.
func (w *watch) counts() bool {
	if w.skip > 0 {
		w.skip--
		return false
	}
	return w.created
}
