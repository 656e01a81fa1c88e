package mirror

import (
	"time"

	"github.com/rosterdns/roster/internal/backoff"
)

// loop is what Run does: it alone changes ranges, contents, and the session. It
// waits for nothing but what it has to do next.
type loop struct {
	*core
	calls   *calls
	report  reporter
	views   views
	lists   *lister
	streams *streams
	audits  *audits

	pause   *backoff.Backoff
	retryAt time.Time // lists and streams wait for it
	reason  Reason    // why the next stream is opened
	cluster uint64    // 0 while it is not known
}

func newLoop(c *core) *loop {
	return &loop{
		core: c, calls: newCalls(), report: reporter{core: c}, views: views{},
		lists: newLister(&c.cfg), streams: newStreams(c), audits: newAudits(&c.cfg),
		pause: backoff.New(retryBase, retryLimit), reason: ReasonStart,
	}
}

// publish makes the state of the whole visible.
func (l *loop) publish(change func(*Status)) {
	s := *l.status.Load()
	keys, revision := l.views.sums()
	s.Keys, s.Cluster = keys, l.cluster
	if revision != 0 {
		s.Revision = revision
	}
	if change != nil {
		change(&s)
	}
	l.status.Store(&s)
}

// contacted notes that etcd was heard of and that there is no failure.
func (l *loop) contacted() {
	l.publish(func(s *Status) { s.Err = nil })
	l.report.contacted()
}

// closeSession ends the stream, if there is one, and its audits.
func (l *loop) closeSession() {
	l.audits.stop()
	l.streams.close()
}
