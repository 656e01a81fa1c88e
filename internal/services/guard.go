package services

import (
	"log/slog"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

// Guard is a mirror.View in front of a Store, and has that go on serving the
// instances of a mass expiry for a while: if more than a percentage of all
// instances, and at least guardLeast, are deleted within guardWindow though they
// were up when last seen, it is more likely that something is wrong with etcd,
// the network or the clients' clocks than with all of them. An instance that is
// unregistered is written with status down first, so that it goes at once.
//
// Its methods are safe for concurrent use.
type Guard struct {
	store   *Store
	percent int
	protect time.Duration
	log     *slog.Logger
	onTrip  func()
	wake    chan struct{} // there is something to remove later

	mu      sync.Mutex         // makes a commit and a release one step each
	expired map[string]*expiry // by key
	// restored are those that were protected before a restart, while it is not
	// known yet whether they returned.
	restored map[string]*expiry
	window   window
	unserved int  // of expired, those that are not served
	tripped  bool // what is in the window is a mass expiry, and was reported
	removed  int  // protected ones that were removed since
}

var _ mirror.View = (*Guard)(nil)

// NewGuard returns a guard that serves a mass of more than percent of all
// instances for the time protect. onTrip, which can be nil, is told of each mass.
func NewGuard(store *Store, percent int, protect time.Duration, log *slog.Logger, onTrip func()) *Guard {
	if onTrip == nil {
		onTrip = func() {}
	}
	return &Guard{
		store: store, percent: percent, protect: protect, log: log, onTrip: onTrip,
		wake: make(chan struct{}, 1), expired: map[string]*expiry{}, restored: map[string]*expiry{},
	}
}

// Protected returns how many instances are served only because they expired in a
// mass.
func (g *Guard) Protected() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.protected() + len(g.restored)
}

func (g *Guard) protected() (n int) {
	for _, x := range g.expired {
		if x.protected && x.served {
			n++
		}
	}
	return n
}

// Stage implements mirror.View.
func (g *Guard) Stage() mirror.Stage { return &stage{commit: g.commit} }

// commit has the Store make the edits of a stage visible, except for the deletions
// that an inspection holds back. What a snapshot restores, or what is followed no
// more, is no expiry.
func (g *Guard) commit(st *stage, c mirror.Commit) {
	if c.Cause != mirror.CauseWatch && c.Cause != mirror.CauseList {
		g.store.commit(st, c)
		return
	}
	in, skips := g.inspect(st, c)
	g.store.report(st.skips)
	g.store.report(skips)
	if in.detected > 0 {
		g.onTrip()
		g.log.Warn("mass expiry detected: serving expired instances for a while",
			"expired", in.detected, "of", in.all, "percent", g.percent, "for", g.protect.String())
	}
}

// inspect commits a stage with an inspection as the gate, and returns it with what
// the Store skipped.
func (g *Guard) inspect(st *stage, c mirror.Commit) (*inspection, []skip) {
	g.mu.Lock()
	defer g.mu.Unlock()
	in := &inspection{Guard: g, now: time.Now()}
	in.revision = max(c.Revision, g.store.Load().Revision())
	g.trim(in.now)
	if st.removals == 0 && len(g.expired) == 0 && len(g.restored) == 0 {
		return in, g.store.advance(st.edits, c, nil)
	}
	skips := g.store.advance(st.edits, c, in)
	if in.more {
		g.store.journal.notify() // a snapshot has more to say
	}
	if len(g.expired) > 0 {
		select {
		case g.wake <- struct{}{}:
		default: // it is about to look anyway
		}
	}
	return in, skips
}

// total returns how many instances there would be if none had expired.
func (g *Guard) total() int { return g.store.Load().Instances() + g.unserved }

// trim drops what expired before the window began.
func (g *Guard) trim(now time.Time) {
	g.window.trim(now)
	g.tripped = g.tripped && classify(g.window.counted, g.total(), g.percent) == mass
}

// drop forgets an expired instance.
func (g *Guard) drop(key string, x *expiry) {
	delete(g.expired, key)
	if !x.served {
		g.unserved--
	}
	x.returned = true
	g.window.uncount(x)
}

// inspection is a Guard during one commit.
type inspection struct {
	*Guard
	now      time.Time
	all      int   // instances that there would be if none had expired
	revision int64 // of what is put back
	detected int   // instances of a mass that has just been detected
	more     bool  // more is protected than before
}

var _ gate = (*inspection)(nil)

// returned implements gate.
func (in *inspection) returned(key string) {
	delete(in.restored, key)
	if x := in.expired[key]; x != nil {
		in.drop(key, x)
	}
}

// holds implements gate.
func (in *inspection) holds(key string, have *entry) bool {
	if x := in.expired[key]; x != nil {
		return x.served
	}
	if x := in.restored[key]; x != nil {
		return in.stillExpired(key, x)
	}
	if have == nil || !have.Up() {
		return false
	}
	if have.overridden != nil {
		have = &entry{Instance: have.own()}
	}
	x := &expiry{key: key, instance: have, at: in.now, until: in.now.Add(guardHold), served: true}
	in.expired[key] = x
	in.window.add(x)
	return true
}

// stillExpired notes that an instance that had expired before a restart has not
// returned, and reports whether it stays. It counts from when it expired, and its
// mass expiry was reported then.
func (in *inspection) stillExpired(key string, x *expiry) bool {
	delete(in.restored, key)
	if !in.now.Before(x.until) {
		return false
	}
	in.expired[key] = x
	if in.now.Sub(x.at) <= guardWindow {
		x.counted, in.tripped = true, true
		in.window.counted++
	}
	return true
}

// conclude implements gate: it decides for how long what expired stays, and puts
// back what was removed before the mass was detected.
func (in *inspection) conclude() (back []edit) {
	in.all = in.total()
	switch classify(in.window.counted, in.all, in.percent) {
	case mass:
		if !in.tripped {
			in.tripped, in.removed, in.detected = true, 0, in.window.counted
		}
		in.more = in.window.protected < len(in.window.recent)
		for _, x := range in.window.unprotected() {
			x.protected, x.until = true, in.now.Add(in.protect)
			if !x.served {
				x.served = true
				in.unserved--
				back = append(back, edit{key: x.key, revision: in.revision, kind: putInstance, instance: x.instance})
			}
		}
	case possibleMass:
		in.window.hold()
	case ordinary:
	}
	return back
}
