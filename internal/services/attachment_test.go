package services

import (
	"sync"
	"sync/atomic"
	"testing"
)

// built is an attachment that says which version it is of.
type built struct{ revision int64 }

func build(s *Service) any { return &built{s.Revision} }

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
				got[i] = service.Attachment(func(s *Service) any {
					builds.Add(1)
					return build(s)
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
