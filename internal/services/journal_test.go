package services

import (
	"fmt"
	"sync"
	"testing"

	"github.com/rosterdns/roster/internal/mirror"
)

// isClosed reports whether a subscription says that there is something to read.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// replay is what a subscriber knows of a registry.
type replay struct {
	subscription *Subscription
	services     map[string]*Service
	sequence     uint64
	resets       int
}

func newReplay(s *Store) *replay { return &replay{subscription: s.Subscribe()} }

// read takes over what there is to read, and reports where it doesn't follow
// from what was read before.
func (r *replay) read() error {
	deltas, reset := r.subscription.Next()
	if reset != nil {
		r.resets++
		r.sequence = 0
		r.services = map[string]*Service{}
		for s := range reset.All() {
			r.services[s.Namespace+"/"+s.Name] = s
		}
	}
	for _, d := range deltas {
		if r.sequence != 0 && d.Sequence != r.sequence+1 {
			return fmt.Errorf("delta %d follows %d", d.Sequence, r.sequence)
		}
		r.sequence = d.Sequence
		for _, c := range d.Changes {
			if err := r.apply(d, c); err != nil {
				return fmt.Errorf("delta %d: %w", d.Sequence, err)
			}
		}
		if len(r.services) != d.Generation.Services() {
			return fmt.Errorf("%d services after delta %d, its generation has %d", len(r.services), d.Sequence, d.Generation.Services())
		}
	}
	return nil
}

func (r *replay) apply(d Delta, c Change) error {
	if c.Old == nil && c.New == nil || c.Old == c.New {
		return fmt.Errorf("%+v is no change", c)
	}
	one := c.New
	if one == nil {
		one = c.Old
	}
	path := one.Namespace + "/" + one.Name
	if r.services[path] != c.Old {
		return fmt.Errorf("the old version of %s is another than the new one before", path)
	}
	if d.Generation.Service(one.Namespace, one.Name) != c.New {
		return fmt.Errorf("the generation has another version of %s", path)
	}
	if c.New == nil {
		delete(r.services, path)
	} else {
		r.services[path] = c.New
	}
	return nil
}

// equals reports where what was read differs from a generation.
func (r *replay) equals(g *Generation) error {
	n := 0
	for s := range g.All() {
		n++
		if r.services[s.Namespace+"/"+s.Name] != s {
			return fmt.Errorf("%s/%s is another version", s.Namespace, s.Name)
		}
	}
	if n != len(r.services) {
		return fmt.Errorf("%d services, want %d", len(r.services), n)
	}
	return nil
}

func TestSubscription(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(put(2, "n/s/a", value(1, ""))))
	u := s.Subscribe()
	if !isClosed(u.Changed()) {
		t.Error("the present state is nothing to read")
	}
	if deltas, reset := u.Next(); reset != s.Load() || deltas != nil {
		t.Errorf("at first %v and %p, want the present generation", deltas, reset)
	}
	changed := u.Changed()
	for name, nothing := range map[string]commit{
		"progress":           {Revision: 3},
		"a repeated put":     {Revision: 3, Events: []mirror.Event{put(2, "n/s/a", value(1, ""))}},
		"an orphan":          batch(put(4, "n/s/_status/b", `{"status":"down"}`)),
		"put and deleted":    batch(put(5, "n/t/a", value(1, "")), del(6, "n/t/a")),
		"what can't be used": batch(put(6, "n/s/A", "?"), put(6, "n/s/b", "?")),
	} {
		before := s.Load().Service("n", "s")
		apply(s, nothing)
		if deltas, reset := u.Next(); isClosed(changed) || deltas != nil || reset != nil {
			t.Errorf("%s: %v and %v", name, deltas, reset)
		}
		if s.Load().Service("n", "s") != before {
			t.Errorf("%s: a new version", name)
		}
	}
	apply(s, batch(put(7, "n/s/b", value(2, "")), put(7, "n/t/a", value(3, ""))))
	apply(s, batch(del(8, "n/t/a")))
	if !isClosed(changed) || !isClosed(u.Changed()) {
		t.Error("not told of a change")
	}
	deltas, reset := u.Next()
	if reset != nil || len(deltas) != 2 || len(deltas[0].Changes) != 2 || len(deltas[1].Changes) != 1 {
		t.Fatalf("%+v and %v, want a delta of two and one of one", deltas, reset)
	}
	gone := deltas[1].Changes[0]
	if gone.New != nil || gone.Old != deltas[0].Changes[1].New || deltas[1].Generation != s.Load() {
		t.Errorf("the last delta is %+v", deltas[1])
	}
	if isClosed(u.Changed()) {
		t.Error("all is read, but there is something to read")
	}
}

// TestSubscriberFallsBehind: who doesn't read is given the present state, once
// the journal doesn't reach back so far; nobody waits.
func TestSubscriberFallsBehind(t *testing.T) {
	t.Parallel()
	large := func(revision int64) commit {
		c := commit{Revision: revision}
		for i := range maxEdits + 1 {
			c.Events = append(c.Events, put(revision, fmt.Sprintf("n/large/i%d", i), value(1, "")))
		}
		return c
	}
	for name, tt := range map[string]struct {
		commits func(s *Store)
		resets  int
		deltas  int // in the journal
	}{
		"as far as it reaches": {
			commits: func(s *Store) {
				for i := range maxDeltas {
					apply(s, batch(touch(int64(2+i))))
				}
			},
			deltas: maxDeltas,
		},
		"too many commits": {
			commits: func(s *Store) {
				for i := range maxDeltas + 1 {
					apply(s, batch(touch(int64(2+i))))
				}
			},
			resets: 1, deltas: maxDeltas,
		},
		"a commit that is too large": {
			commits: func(s *Store) {
				apply(s, batch(touch(2)))
				apply(s, large(3))
				apply(s, batch(touch(4)))
			},
			resets: 1, deltas: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newStore(t)
			r := newReplay(s)
			if err := r.read(); err != nil {
				t.Fatal(err)
			}
			tt.commits(s)
			if err := r.read(); err != nil {
				t.Error(err)
			}
			if err := r.equals(s.Load()); err != nil {
				t.Error(err)
			}
			if r.resets != 1+tt.resets {
				t.Errorf("%d resets, want %d besides the first", r.resets-1, tt.resets)
			}
			apply(s, batch(touch(1_000_000)))
			if deltas, reset := r.subscription.Next(); len(deltas) != 1 || reset != nil {
				t.Errorf("then %d deltas and %v, want one", len(deltas), reset)
			}
			if n := len(s.journal.deltas); n != min(tt.deltas+1, maxDeltas) {
				t.Errorf("the journal has %d deltas", n)
			}
		})
	}
}

// TestSubscribersComeAndGo has thousands of subscribers beside two writers, and
// one that never reads.
func TestSubscribersComeAndGo(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	never := s.Subscribe()
	never.Next()
	waiting := never.Changed()
	ended := make(chan struct{})
	var writers, readers sync.WaitGroup
	for _, namespace := range []string{"m", "n"} {
		writers.Go(func() {
			for i := range 1500 {
				key := fmt.Sprintf("%s/s%d/i%d", namespace, i%7, i%5)
				ev := put(int64(2+i), key, value(1+i, ""))
				if i%3 == 0 {
					ev = del(int64(2+i), key)
				}
				apply(s, batch(ev))
			}
		})
	}
	for i := range 2000 {
		readers.Go(func() {
			r := newReplay(s)
			for range 1 + i%50 {
				select {
				case <-r.subscription.Changed():
				case <-ended: // there may be nothing more
				}
				if err := r.read(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	last := newReplay(s)
	writers.Wait()
	close(ended)
	readers.Wait()
	if err := last.read(); err != nil {
		t.Error(err)
	}
	if err := last.equals(s.Load()); err != nil {
		t.Error(err)
	}
	if !isClosed(waiting) {
		t.Error("who never reads was not told")
	}
}

// TestJournalHoldsNoAttachments: what readers made of a version is dropped with
// the second commit after it, although the journal has the version still.
func TestJournalHoldsNoAttachments(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(put(2, "n/s/a", value(1, "")), put(2, "n/t/a", value(1, ""))))
	old, other := s.Load().Service("n", "s"), s.Load().Service("n", "t")
	first, others, list := old.Attachment(build), other.Attachment(build), old.Instances()
	apply(s, batch(put(3, "n/s/a", value(2, ""))))
	if old.Attachment(build) != first || &old.Instances()[0] != &list[0] {
		t.Error("dropped as soon as there is another version")
	}
	apply(s, batch(put(4, "n/u/a", value(2, ""))))
	if old.attached.Load() != nil || old.list.Load() != nil {
		t.Error("the journal holds what readers made of an old version")
	}
	if got := old.Attachment(build).(*built); got.revision != 2 || old.Instances()[0].Weight != 1 {
		t.Error("who still reads the old version reads another")
	}
	if other.Attachment(build) != others {
		t.Error("a present version has lost its attachment")
	}
}
