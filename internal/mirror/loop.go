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
	// newLists counts the lists that are not in the state of the whole yet, removed says
	// that ranges are in it still that were removed.
	newLists int
	removed  bool
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

// publishLists makes the lists visible that have ended. That takes a look at each view: with
// many of them, and of lists, it is done for several lists at once.
func (l *loop) publishLists() {
	const share = 16 // of the views: what they cost is divided by that many lists
	news := l.report.state != Live || l.status.Load().Err != nil
	if l.newLists > 0 && (news || len(l.lists.running) == 0 || l.newLists >= len(l.views)/share) {
		l.contacted()
	}
}

// contacted notes that etcd was heard of and that there is no failure.
func (l *loop) contacted() {
	l.newLists = 0
	l.publish(func(s *Status) { s.Err = nil })
	l.report.contacted()
}

// closeSession ends the stream, if there is one, and its audits.
func (l *loop) closeSession() {
	l.audits.stop()
	l.streams.close()
}
