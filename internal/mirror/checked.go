package mirror

import (
	"fmt"
	"time"

	"github.com/rosterdns/roster/internal/etcdclient"
)

// probed handles the result of a probe. It counts as contact only where it shows
// that the stream has missed nothing.
func (l *loop) probed(result probed) {
	s := l.streams.session
	if !s.probes.done(&result) {
		return
	}
	l.contact.see(result.Revision)
	switch {
	case result.regressed(), otherCluster(l.cluster, result.Cluster):
		l.fail(failure{ReasonRegressed, errRegressed}, nil)
		return
	case !result.current(s.watches):
		return
	}
	s.excused = time.Now()
	l.contact.note()
	l.contacted()
	// A connection that breaks behind a proxy breaks no watch, but etcd can be
	// one that was restored all the same, and be beyond what is known by now.
	if s.probes.away && l.audits.hasten() {
		s.probes.away = false
	}
}

// audited handles the end of an audit.
func (l *loop) audited(done *audit) {
	if done != l.audits.running {
		return // stopped
	}
	r, rng := done.r, l.cfg.Root+done.r.name
	if r.phase != watching { // it is listed anew, or followed no more
		done.err, done.differs = nil, 0
	}
	if etcdclient.KindOf(done.err) == etcdclient.FutureRevision || done.err == nil && otherCluster(l.cluster, done.head.Cluster) {
		l.fail(failure{ReasonRegressed, fmt.Errorf("auditing %q: %w", rng, errRegressed)}, nil)
		return
	}
	l.audits.done(done)
	switch {
	case done.err != nil:
		l.cfg.Log.Debug("an audit could not be completed", "range", rng, "error", done.err)
		l.cfg.Observer.AuditFailed(done.err)
	case done.differs > 0:
		l.cfg.Log.Warn("an audit found differences from etcd that the watch did not report: listing again",
			"range", rng, "revision", done.at, "differences", done.differs, "examples", done.example)
		l.lose(r, failure{ReasonAudit, fmt.Errorf("auditing %q: %w", rng, errDiffers)})
	}
}
