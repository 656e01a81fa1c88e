package observing

import (
	"slices"
	"sync"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

// TestQueueCallsBack: an event that queues others, and tells, is neither a deadlock nor
// out of order.
func TestQueueCallsBack(t *testing.T) {
	t.Parallel()
	var q Queue
	var got []int
	q.Add(func() {
		got = append(got, 1)
		q.Add(func() { got = append(got, 3) })
		q.Tell()
	})
	q.Add(func() { got = append(got, 2) })
	q.Tell()
	q.Tell()
	if !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("told %v, want 1 2 3", got)
	}
}

// TestQueueOfMany: nothing is lost, told twice or out of order, whoever tells.
func TestQueueOfMany(t *testing.T) {
	t.Parallel()
	var q Queue
	var mu sync.Mutex
	var got []int
	next := 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				mu.Lock()
				n := next
				next++
				q.Add(func() { got = append(got, n) })
				mu.Unlock()
				q.Tell()
			}
		})
	}
	wg.Wait()
	q.Tell()
	if len(got) != 4000 || !slices.IsSorted(got) {
		t.Errorf("told %d events, in order: %v; want 4000, in order", len(got), slices.IsSorted(got))
	}
}

type contacts struct {
	registrar.NopObserver
	told []bool
}

func (c *contacts) Contacted(in bool) { c.told = append(c.told, in) }

func TestContact(t *testing.T) {
	t.Parallel()
	var q Queue
	var o contacts
	c := NewContact(&q, &o)
	for _, in := range []bool{false, true, true, false, false, true} {
		c.Note(in)
		q.Tell()
	}
	if !slices.Equal(o.told, []bool{true, false, true}) {
		t.Errorf("told %v: a client that had no contact yet loses none, and nothing is told twice", o.told)
	}
}
