package services

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lease is any lease.
const lease = 7

// value is an instance's value whose weight tells it from others.
func value(weight int, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"addresses":["10.0.0.7"],"weight":%d%s}`, weight, more)
}

func put(revision int64, key, value string) mirror.Event {
	return mirror.Event{Key: key, Value: []byte(value), ModRevision: revision, Lease: lease}
}

func putWithoutLease(revision int64, key, value string) mirror.Event {
	ev := put(revision, key, value)
	ev.Lease = 0
	return ev
}

// restored returns the event that puts back an entry of a snapshot.
func restored(e snapshot.Entry) mirror.Event {
	return mirror.Event{Key: e.Key, Value: bytes.Clone(e.Value), ModRevision: max(e.Revision, 1), Restored: true}
}

func del(revision int64, key string) mirror.Event {
	return mirror.Event{Key: key, ModRevision: revision, Deleted: true}
}

// commit is a commit with the events of its stage.
type commit struct {
	Cause     mirror.Cause
	Events    []mirror.Event
	Revision  int64
	Regressed bool
	Unlisted  bool // it is none of a list, although it has no revision
}

// apply commits to a view. Values are invalid afterwards, as those of a mirror.
func apply(v mirror.View, c commit) {
	s := v.Stage()
	stageAll(s, c.Events)
	s.Commit(mirror.Commit{Cause: c.Cause, Revision: c.Revision, Regressed: c.Regressed})
}

func stageAll(s mirror.Stage, events []mirror.Event) {
	events = slices.Clone(events)
	for i := range events {
		events[i].Value = slices.Clone(events[i].Value)
	}
	s.Apply(events)
	for i := range events {
		clear(events[i].Value)
	}
}

// pager applies commits to a view, of which those without a revision are pages
// of a list: they wait in its stage for the next one with a revision.
type pager struct {
	mirror.View
	list mirror.Stage
}

func (p *pager) apply(c commit) {
	if p.list == nil {
		p.list = p.Stage()
	}
	stageAll(p.list, c.Events)
	if c.Revision != 0 || c.Unlisted {
		p.list.Commit(mirror.Commit{Cause: mirror.CauseList, Revision: c.Revision, Regressed: c.Regressed})
		p.list = nil
	}
}

// batch is a commit at the revision of its last event.
func batch(events ...mirror.Event) commit {
	return commit{Events: events, Revision: events[len(events)-1].ModRevision}
}

// skips counts and logs what a Store skips.
type skips struct {
	mu     sync.Mutex
	counts map[SkipReason]int
	log    bytes.Buffer
}

func (s *skips) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(strings.Lines(s.log.String()))
}

// Write implements io.Writer for the log.
func (s *skips) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func newStore(tb testing.TB) (*Store, *skips) {
	tb.Helper()
	sk := &skips{counts: map[SkipReason]int{}}
	return New(slog.New(slog.NewTextHandler(sk, nil)), func(r SkipReason) {
		sk.mu.Lock()
		defer sk.mu.Unlock()
		sk.counts[r]++
	}), sk
}

// show writes a generation in one line for each service:
// "n/s@revision: id=weight/status ... policy".
func show(g *Generation) (out []string) {
	for s := range g.All() {
		out = append(out, showService(s))
	}
	return out
}

func showService(s *Service) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s@%d:", s.Namespace, s.Name, s.Revision)
	for in := range s.All() {
		fmt.Fprintf(&b, " %s=%d/%s", in.ID, in.Weight, in.Status)
	}
	if p := s.Policy(); p != nil {
		fmt.Fprintf(&b, " %s", p.EncodeValue())
	}
	return b.String()
}

// check reports where a generation is at odds with itself.
func check(g *Generation) error {
	services, instances := 0, 0
	for s := range g.All() {
		services++
		instances += s.Len()
		if list := s.Instances(); len(list) != s.Len() || !slices.IsSortedFunc(list, compareID) {
			return fmt.Errorf("%d instances, or out of order: %s", s.Len(), showService(s))
		}
		if g.Service(s.Namespace, s.Name) != s {
			return fmt.Errorf("Service does not find %s/%s", s.Namespace, s.Name)
		}
		if !g.HasNamespace(s.Namespace) {
			return fmt.Errorf("HasNamespace(%q) is false", s.Namespace)
		}
		up := 0
		for in := range s.All() {
			if in.Up() {
				up++
			}
			if got := s.Instance(in.ID); got != in {
				return fmt.Errorf("Instance(%q) of %s/%s is %p", in.ID, s.Namespace, s.Name, got)
			}
		}
		if up != s.Up() || s.ServiceName() != (catalog.ServiceName{Namespace: s.Namespace, Name: s.Name}) {
			return fmt.Errorf("%v has %d up, but %d are counted", s.ServiceName(), up, s.Up())
		}
	}
	if services != g.Services() || instances != g.Instances() {
		return fmt.Errorf("%d services and %d instances, but counted %d and %d", services, instances, g.Services(), g.Instances())
	}
	return nil
}
