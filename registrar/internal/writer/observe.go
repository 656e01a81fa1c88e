package writer

import (
	"log/slog"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// restoreEvery is how often an instance is registered again at once; beyond it waits for
// the next try, so that two programs don't fight over a key at full speed.
const restoreEvery = time.Second

// observe takes what is seen of a key as of a revision of etcd: by an answer to a
// write, or by the mirror. All that is known of a key comes in here. It reports
// false if what is known is newer, or the same.
func (t *table) observe(e *entry, o observed, asOf int64) bool {
	if asOf < e.asOf || asOf == e.asOf && o.same(e.observed) {
		return false
	}
	// A key under no lease that is older than what this client has written is its
	// own still: etcd was restored from a backup.
	older := o.lease == 0 && o.revision < e.history.revision && e.observed.ours
	o.ours = o.presence == present && (older || e.history.wrote(o, t.leases.own))
	if o.ours && e.place != underWay && o.revision != e.history.revision && o.revision != e.observed.revision {
		e.history.resolve(o.value, o.lease) // a straggler, or one whose answer was lost
	}
	if o.ours && o.lease == 0 {
		e.history.revision = o.revision // which tells it from others' when it is seen again
	}
	before := e.state
	e.observed, e.asOf = o, asOf
	t.touch(e, false)
	t.restrain(e, before)
	return true
}

// restrain has an instance registered again that was so before: at once, but not
// over and over.
func (t *table) restrain(e *entry, before registrar.State) {
	switch {
	case e.desired.intent == intentNone && before == "" && e.state != "":
		t.note(func(log *slog.Logger) {
			log.Warn("registrar: a delayed write arrived after the instance was unregistered, removing it", "instance", e.name.String())
		})
	case e.desired.intent == intentRegister && before == registrar.StateRegistered && e.place == ready:
		if e.observed.presence == absent {
			t.note(func(log *slog.Logger) {
				log.Warn("registrar: instance missing from etcd, registering it again", "instance", e.name.String())
			})
		}
		now := time.Now()
		if now.Sub(e.restored) < restoreEvery {
			t.touch(e, true)
		}
		e.restored = now
	}
}

// invalidate notes that nothing is known of a key any more but what it was last.
func (t *table) invalidate(e *entry) {
	e.observed.presence = unknown
	t.touch(e, false)
}
