package services

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

// When a Guard acts.
const (
	// guardWindow is within what time instances have to vanish to be a mass.
	guardWindow = time.Minute
	// guardLeast is how many have to vanish at least.
	guardLeast = 10
	// guardHold is for how long an instance that vanishes stays in any case, so
	// that those which vanish first in a mass needn't flicker: etcd revokes some
	// 1,000 leases a second, so that it is the time in which 5,000 expire.
	guardHold = 5 * time.Second
	// guardAlarm is the part of a mass after which instances stay until it is
	// known whether it becomes one, at most for guardWindow.
	guardAlarm = 10
	// guardTick is how exactly times are kept.
	guardTick = time.Second
)

// Guard is a mirror.View before a Store that keeps instances for a while that
// vanish in a mass: when within guardWindow more than a percentage of all
// instances, and at least guardLeast, are deleted that were up when last seen,
// it is more likely that something is wrong with etcd, the network or the
// clients' clocks than with all of them. An instance that is unregistered is
// written with status down first, so that it goes at once.
//
// Its methods are safe for concurrent use.
type Guard struct {
	store   *Store
	percent int
	keep    time.Duration
	log     *slog.Logger
	onTrip  func()
	wake    chan struct{} // there is something to release later

	mu      sync.Mutex // makes Apply and release one step each
	missing map[string]*missing
	// restored are those that were protected before a restart, while it is not
	// known yet whether they are back.
	restored map[string]*missing
	recent   []*missing // that vanished within guardWindow, in order
	kept     int        // of recent, the first ones that are protected or back
	alarmed  int        // of recent, the first ones that stay for guardWindow at least
	counted  int        // of recent, those that are still missing
	lost     int        // of missing, those that are not served
	tripped  bool
	removed  int // protected ones that were removed since the guard tripped
}

// missing is an instance that has vanished from etcd.
type missing struct {
	event     mirror.Event // puts it back
	at        time.Time    // when it vanished, also before a restart
	until     time.Time    // when it is removed
	served    bool         // the Store still has it
	protected bool
	back      bool // it is missing no more
	counted   bool // it vanished within guardWindow, and is missing
}

var _ mirror.View = (*Guard)(nil)

// NewGuard returns a guard that keeps a mass of more than percent of all
// instances for the time keep. onTrip, which can be nil, is told of each mass.
func NewGuard(store *Store, percent int, keep time.Duration, log *slog.Logger, onTrip func()) *Guard {
	if onTrip == nil {
		onTrip = func() {}
	}
	return &Guard{
		store: store, percent: percent, keep: keep, log: log, onTrip: onTrip,
		wake: make(chan struct{}, 1), missing: map[string]*missing{}, restored: map[string]*missing{},
	}
}

// Protected returns how many instances are served only because they vanished in
// a mass.
func (g *Guard) Protected() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.missing {
		if m.protected && m.served {
			n++
		}
	}
	return n + len(g.restored)
}

// Apply implements mirror.View. It passes on all but the deletions of instances
// that are kept.
func (g *Guard) Apply(b mirror.Batch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.forget(now)
	deletes := func(ev mirror.Event) bool { return ev.Deleted }
	if len(g.missing) == 0 && len(g.restored) == 0 && !slices.ContainsFunc(b.Events, deletes) {
		g.store.Apply(b)
		return
	}
	events := make([]mirror.Event, 0, len(b.Events))
	before := newPast(g.store, len(b.Events))
	for i := range b.Events {
		ev := &b.Events[i]
		held := false
		if ev.Deleted {
			held = g.holds(ev, before, now)
		} else {
			g.returned(ev.Key)
		}
		if !held {
			events = append(events, *ev)
		}
		before.add(ev)
	}
	b.Events = append(events, g.judge(now, max(b.Revision, g.store.Load().Revision()))...)
	g.store.Apply(b)
	if len(g.missing) > 0 {
		select {
		case g.wake <- struct{}{}:
		default: // it is about to look anyway
		}
	}
}

// returned notes that a key is there again.
func (g *Guard) returned(key string) {
	delete(g.restored, key)
	if m := g.missing[key]; m != nil {
		g.drop(key, m)
	}
}

func (g *Guard) drop(key string, m *missing) {
	delete(g.missing, key)
	if !m.served {
		g.lost--
	}
	m.back = true
	g.uncount(m)
}

func (g *Guard) uncount(m *missing) {
	if m.counted {
		m.counted = false
		g.counted--
	}
}

// holds reports whether a deletion is kept from the Store.
func (g *Guard) holds(ev *mirror.Event, before *past, now time.Time) bool {
	if m := g.missing[ev.Key]; m != nil {
		return m.served
	}
	if m := g.restored[ev.Key]; m != nil {
		return g.stillMissing(ev.Key, m, now)
	}
	in := before.instance(ev.Key)
	if in == nil || !in.Up() {
		return false
	}
	m := &missing{
		event: mirror.Event{Key: strings.Clone(ev.Key), Value: in.EncodeValue(), Lease: AnyLease},
		at:    now, until: now.Add(guardHold), served: true, counted: true,
	}
	g.missing[m.event.Key] = m
	g.recent = append(g.recent, m)
	g.counted++
	return true
}

// judge decides for how long what is missing stays, and returns the events that
// put back what has gone already, at a revision.
func (g *Guard) judge(now time.Time, revision int64) (back []mirror.Event) {
	all := g.store.Load().Instances() + g.lost
	switch {
	case exceeds(g.counted, g.percent, all):
		if !g.tripped {
			g.tripped, g.removed = true, 0
			g.onTrip()
			g.log.Warn("instances vanish in a mass, as when etcd or the network fails: they stay served for a while",
				"vanished", g.counted, "of", all, "percent", g.percent, "for", g.keep.String())
		}
		for _, m := range g.recent[g.kept:] {
			if m.protected || m.back {
				continue
			}
			m.protected, m.until = true, now.Add(g.keep)
			if !m.served {
				m.served = true
				g.lost--
				m.event.ModRevision = revision
				back = append(back, m.event)
			}
		}
		if g.kept < len(g.recent) {
			g.kept = len(g.recent)
			g.store.onChange() // a snapshot has more to keep
		}
	case exceeds(g.counted*guardAlarm, g.percent, all) && g.counted >= guardLeast:
		for _, m := range g.recent[g.alarmed:] {
			if m.served && !m.protected {
				m.until = m.at.Add(guardWindow)
			}
		}
		g.alarmed = len(g.recent)
	}
	return back
}

func exceeds(n, percent, all int) bool { return n >= guardLeast && n*100 > percent*all }

// forget takes what vanished longer than guardWindow ago out of account.
func (g *Guard) forget(now time.Time) {
	for len(g.recent) > 0 && now.Sub(g.recent[0].at) > guardWindow {
		g.uncount(g.recent[0])
		g.recent = g.recent[1:]
		g.kept, g.alarmed = max(g.kept-1, 0), max(g.alarmed-1, 0)
	}
	all := g.store.Load().Instances() + g.lost
	g.tripped = g.tripped && exceeds(g.counted, g.percent, all)
}

// Run removes what was kept when its time is over, until ctx is done.
func (g *Guard) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		}
		tick := time.NewTicker(guardTick)
		for more := true; more; {
			select {
			case <-ctx.Done():
				more = false
			case <-tick.C:
				more = g.release(time.Now())
			}
		}
		tick.Stop()
	}
}

// release removes what has had its time, and reports whether more is to come.
func (g *Guard) release(now time.Time) (more bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(now)
	var gone []mirror.Event
	// What readers see changes without etcd: the revision up to which it is known
	// is the nearest there is.
	revision := g.store.Load().Revision()
	protected := 0
	for key, m := range g.missing {
		due := !now.Before(m.until)
		if m.served && due {
			gone = append(gone, mirror.Event{Key: key, ModRevision: revision, Deleted: true})
			m.served = false
			g.lost++
			if m.protected {
				g.removed++
			}
		}
		if !m.served && now.Sub(m.at) > guardWindow {
			g.drop(key, m)
		} else if m.protected && m.served {
			protected++
		}
	}
	if len(gone) > 0 {
		slices.SortFunc(gone, func(a, b mirror.Event) int { return strings.Compare(a.Key, b.Key) })
		g.store.Apply(mirror.Batch{Events: gone, Revision: revision})
	}
	if g.removed > 0 && protected == 0 {
		g.log.Info("the time of instances that vanished in a mass is over: removed those that are not back", "removed", g.removed)
		g.removed = 0
	}
	return len(g.missing) > 0
}
