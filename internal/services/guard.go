package services

import (
	"log/slog"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

// Guard is a mirror.View in front of a Store, and has that go on serving instances
// for a while that are gone from etcd though nobody unregistered them, in two
// cases. An instance that is unregistered is written with status down first, so
// that it goes at once.
//
// Mass expiry: if more than a percentage of all instances, and at least guardLeast,
// are deleted within guardWindow though they were up when last seen, it is more
// likely that something is wrong with etcd, the network or the clients' clocks than
// with all of them.
//
// The last of a service: those that were up when their keys went, in the commit
// after which no instance of the service is up, stay until one is, or their time is
// over.
//
// Its methods are safe for concurrent use.
type Guard struct {
	store *Store
	cfg   GuardConfig
	wake  chan struct{} // there is something to remove later

	mu      sync.Mutex         // makes a commit and a release one step each
	last    lastSets           // what stays of those that are of no mass
	expired map[string]*expiry // by key
	// restored are those that were protected before a restart, while it is not
	// known yet whether they returned.
	restored map[string]*expiry
	window   window
	unserved int  // of expired, those that are not served by the guard of masses
	tripped  bool // what is in the window is a mass expiry, and was reported
	removed  int  // protected ones that were removed since
}

// GuardConfig configures a Guard.
type GuardConfig struct {
	// Protect is the percentage of all instances of which more are a mass; 0 means
	// that there is none.
	Protect int
	// ProtectFor is for how long a mass is served.
	ProtectFor time.Duration
	// KeepLast is for how long the last instances of a service are served whose
	// policy doesn't say so; 0 means not at all.
	KeepLast time.Duration
	// OnMass is told of each mass; it can be nil.
	OnMass func()
	// OnLastSet is told of how many services begin to be served by their last
	// instances; it can be nil.
	OnLastSet func(services int)
	// Log gets both; nil for nothing.
	Log *slog.Logger
}

var _ mirror.View = (*Guard)(nil)

// NewGuard returns a guard before a Store.
func NewGuard(store *Store, cfg GuardConfig) *Guard {
	if cfg.OnMass == nil {
		cfg.OnMass = func() {}
	}
	if cfg.OnLastSet == nil {
		cfg.OnLastSet = func(int) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Guard{
		store: store, cfg: cfg, wake: make(chan struct{}, 1),
		last: newLastSets(cfg.KeepLast), expired: map[string]*expiry{}, restored: map[string]*expiry{},
	}
}

// LastSets returns how many instances are served only because they were the last
// of their service.
func (g *Guard) LastSets() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last.served + len(g.last.restored)
}

// Protects reports whether a mass that expires is served.
func (g *Guard) Protects() bool { return g.cfg.Protect > 0 }

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
func (g *Guard) Stage() mirror.Stage { return &stage{commit: g.commit, ranges: g.store.ranges} }

// commit has the Store make the edits of a stage visible, except for the deletions
// that an inspection holds back. What a snapshot restores, or what is followed no
// more, is no expiry.
func (g *Guard) commit(st *stage, c mirror.Commit) {
	if c.Cause != mirror.CauseWatch && c.Cause != mirror.CauseList {
		g.store.commit(st, c)
		return
	}
	seen := g.inspect(st, c)
	g.store.reportStage(st)
	g.store.tell(seen.outcome)
	if seen.detected > 0 {
		g.cfg.OnMass()
		g.cfg.Log.Warn("mass expiry detected: serving expired instances for a while",
			"expired", seen.detected, "of", seen.all, "percent", g.cfg.Protect, "for", g.cfg.ProtectFor.String())
	}
	g.tell(seen.begun)
}

// tell tells of last sets that begin to be served: the log of the first alone, since
// there can be as many as services.
func (g *Guard) tell(b begun) {
	if b.services == 0 {
		return
	}
	g.cfg.OnLastSet(b.services)
	if b.first {
		g.cfg.Log.Warn("the last instances of a service expired: serving them for a while",
			"service", b.service, "services", b.services, "instances", b.instances, "for", b.keep.String())
	}
}

// seen is what a Guard saw in a commit.
type seen struct {
	outcome
	detected, all int // instances of a mass that has just been detected, and of all
	begun         begun
}

// inspect commits a stage with the inspections as the gates, and returns what they
// saw.
func (g *Guard) inspect(st *stage, c mirror.Commit) seen {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, shown := time.Now(), g.store.Load().Revision()
	g.trim(now)
	if !st.removes() && len(g.expired) == 0 && len(g.restored) == 0 && g.last.idle() {
		return seen{outcome: g.store.advance(st.edits(), c)}
	}
	last := g.last.inspect(now, c, shown)
	mass := &inspection{Guard: g, now: now, revision: max(c.Revision, shown)}
	gs := gates{mass, last}
	if !g.Protects() {
		gs = gates{last}
	}
	out := g.store.advance(st.edits(), c, gs...)
	if mass.more || last.begun.services > 0 {
		g.store.journal.notify() // a snapshot has more to say
	}
	if len(g.expired) > 0 || g.last.served > 0 {
		select {
		case g.wake <- struct{}{}:
		default: // it is about to look anyway
		}
	}
	return seen{outcome: out, detected: mass.detected, all: mass.all, begun: last.begun}
}

// total returns how many instances there would be if none had expired within the
// window. Of a last set each is one that has expired.
func (g *Guard) total() int { return g.store.Load().Instances() - g.last.served + g.unserved }

// trim drops what expired before the window began.
func (g *Guard) trim(now time.Time) {
	g.window.trim(now)
	g.tripped = g.tripped && classify(g.window.counted, g.total(), g.cfg.Protect) == mass
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
func (in *inspection) returned(e *edit) {
	delete(in.restored, e.key)
	if x := in.expired[e.key]; x != nil {
		in.drop(e.key, x)
	}
}

// withdraws implements gate: what is out of service stays with the mass.
func (in *inspection) withdraws(*edit) bool { return false }

// holds implements gate.
func (in *inspection) holds(e *edit, have *entry) bool {
	key := e.key
	if x := in.expired[key]; x != nil {
		return x.served
	}
	if x := in.restored[key]; x != nil {
		return in.stillExpired(key, x)
	}
	if have == nil || !have.up() || in.last.has(e) {
		return false
	}
	if own := have.own(); own != have.record {
		have = newEntry(own)
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
func (in *inspection) conclude([]*draft) (back []edit) {
	in.all = in.total()
	switch classify(in.window.counted, in.all, in.cfg.Protect) {
	case mass:
		if !in.tripped {
			in.tripped, in.removed, in.detected = true, 0, in.window.counted
		}
		in.more = in.window.protected < len(in.window.recent)
		for _, x := range in.window.unprotected() {
			x.protected, x.until = true, in.now.Add(in.cfg.ProtectFor)
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
