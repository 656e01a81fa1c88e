package services

import (
	"sync"
	"sync/atomic"
	"testing"
)

// built is an attachment that says which version it is of.
type built struct{ revision int64 }

func build(s *Service, _ any) any { return &built{s.Revision} }

// TestAttachment checks that a version keeps its attachment, and that the next
// one, whatever made it, has its own.
func TestAttachment(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(put(2, "n/s/a", value(1, "")), put(3, "n/t/a", value(1, ""))))
	old, other := s.Load().Service("n", "s"), s.Load().Service("n", "t")
	first := old.Attachment(build)
	if got := first.(*built); got.revision != 2 {
		t.Errorf("the attachment is of revision %d, want 2", got.revision)
	}
	others := other.Attachment(build)
	if others == first {
		t.Error("two services have one attachment")
	}
	apply(s, batch(put(4, "n/s/_status/a", `{"status":"down"}`)))
	changed := s.Load().Service("n", "s")
	if got := changed.Attachment(build); got == first || got.(*built).revision != 4 {
		t.Errorf("after a change the attachment is of revision %d, want 4", got.(*built).revision)
	}
	if old.Attachment(build) != first {
		t.Error("a version that readers still hold has lost its attachment")
	}
	if s.Load().Service("n", "t").Attachment(build) != others {
		t.Error("a service that was not touched has lost its attachment")
	}
}

// TestAttachmentOnce checks that whoever asks first, all get the one that is
// built once.
func TestAttachmentOnce(t *testing.T) {
	t.Parallel()
	for range 100 {
		s, _ := newStore(t)
		apply(s, batch(put(2, "n/s/a", value(1, ""))))
		service := s.Load().Service("n", "s")
		var builds atomic.Int32
		var got [8]any
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				got[i] = service.Attachment(func(s *Service, _ any) any {
					builds.Add(1)
					return build(s, nil)
				})
			})
		}
		wg.Wait()
		if n := builds.Load(); n != 1 {
			t.Fatalf("built %d times, want once", n)
		}
		for _, a := range got {
			if a == nil || a != got[0] {
				t.Fatalf("callers got %v", got)
			}
		}
	}
}

// retiring is an attachment that says whether readers are to be kept from it.
type retiring struct{ retired atomic.Bool }

func (r *retiring) Retire() { r.retired.Store(true) }

func buildRetiring(*Service, any) any { return new(retiring) }

// TestRetire checks that an attachment is retired with its version, and also one that is
// made later of a version which somebody still has; and that it is before anybody sees
// the next version.
func TestRetire(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	filtered := s.Filter(deny("10.0.0.1"))
	change := func(revision int64) []*Service {
		apply(s, batch(put(revision, "n/s/a", `{"addresses":["10.0.0.1"]}`), put(revision, "n/s/b", `{"addresses":["10.0.0.2"]}`)))
		return []*Service{s.Load().Service("n", "s"), filtered.Load().Service("n", "s")}
	}
	retired := func(s *Service) bool { return s.Attachment(buildRetiring).(*retiring).retired.Load() }
	old := change(2)
	apply(s, batch(put(3, "n/t/a", value(1, ""))))
	for _, version := range old {
		if retired(version) {
			t.Error("retired while it is the present version")
		}
	}
	late := change(4) // nobody makes anything of it yet
	for _, version := range old {
		if !retired(version) {
			t.Error("not retired with its version")
		}
	}
	apply(s, batch(del(5, "n/s/a"), del(5, "n/s/b")))
	for _, version := range late {
		if !retired(version) {
			t.Error("made of a version that was replaced, and not retired")
		}
	}
}

// TestRetireWhileChanging: nobody who has seen a version finds that what was made of an
// older one isn't retired.
func TestRetireWhileChanging(t *testing.T) {
	t.Parallel()
	const changes = 2_000
	s, _ := newStore(t)
	apply(s, batch(put(2, "n/s/a", value(1, ""))))
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for seen := s.Load().Service("n", "s"); seen.Revision < changes; {
				made := seen.Attachment(buildRetiring).(*retiring)
				next := s.Load().Service("n", "s")
				if next != seen && !made.retired.Load() {
					t.Errorf("version %d is the present one, %d is not retired", next.Revision, seen.Revision)
					return
				}
				seen = next
			}
		})
	}
	for revision := int64(3); revision <= changes; revision++ {
		apply(s, batch(put(revision, "n/s/a", value(int(revision), ""))))
	}
	readers.Wait()
}

// TestCommitDoesNotWait: a version is replaced while an attachment of it is still being
// made, which is retired then.
func TestCommitDoesNotWait(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(put(2, "n/s/a", value(1, ""))))
	began, goOn, done := make(chan struct{}), make(chan struct{}), make(chan *retiring)
	go func() {
		done <- s.Load().Service("n", "s").Attachment(func(*Service, any) any {
			close(began)
			<-goOn
			return new(retiring)
		}).(*retiring)
	}()
	<-began
	apply(s, batch(put(3, "n/s/a", value(2, ""))))
	close(goOn)
	if made := <-done; !made.retired.Load() {
		t.Error("an attachment of a version that was replaced is not retired")
	}
}
