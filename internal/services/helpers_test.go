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

	"github.com/rosterdns/roster/internal/mirror"
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

func del(revision int64, key string) mirror.Event {
	return mirror.Event{Key: key, ModRevision: revision, Deleted: true}
}

// batch is a batch at the revision of its last event.
func batch(events ...mirror.Event) mirror.Batch {
	return mirror.Batch{Events: events, Revision: events[len(events)-1].ModRevision}
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
// "n/s@revision: id=weight/status ...".
func show(g *Generation) (out []string) {
	for s := range g.All() {
		out = append(out, showService(s))
	}
	return out
}

func showService(s *Service) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s@%d:", s.Namespace, s.Name, s.Revision)
	for _, in := range s.Instances {
		fmt.Fprintf(&b, " %s=%d/%s", in.ID, in.Weight, in.Status)
	}
	return b.String()
}

// check reports where a generation is at odds with itself.
func check(g *Generation) error {
	services, instances := 0, 0
	for s := range g.All() {
		services++
		instances += len(s.Instances)
		if !slices.IsSortedFunc(s.Instances, compareID) {
			return fmt.Errorf("instances out of order: %s", showService(s))
		}
		if g.Service(s.Namespace, s.Name) != s {
			return fmt.Errorf("Service does not find %s/%s", s.Namespace, s.Name)
		}
		if !g.HasNamespace(s.Namespace) {
			return fmt.Errorf("HasNamespace(%q) is false", s.Namespace)
		}
		for i := range s.Instances {
			if got := s.Instance(s.Instances[i].ID); got != &s.Instances[i] {
				return fmt.Errorf("Instance(%q) of %s/%s is %p", s.Instances[i].ID, s.Namespace, s.Name, got)
			}
		}
	}
	if services != g.Services() || instances != g.Instances() {
		return fmt.Errorf("%d services and %d instances, but counted %d and %d", services, instances, g.Services(), g.Instances())
	}
	return nil
}
