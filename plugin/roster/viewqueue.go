package roster

import "sync"

// maxViewed is how many instances the views have that are there at once: of some 750
// octets each, and so 12 MiB. Most questions are answered from what is packed, for which
// no view is needed.
const maxViewed = 1 << 14

// viewQueue has the last views that were made, so that services whose answers are packed
// take no memory for them. It is safe for concurrent use.
type viewQueue struct {
	limit     int // of instances
	mu        sync.Mutex
	views     []*view
	instances int // of views
}

// add adds a view, in place of the first ones.
func (q *viewQueue) add(v *view) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.views = append(q.views, v)
	q.instances += v.size()
	n := 0
	for q.instances > q.limit && n < len(q.views)-1 {
		q.instances -= q.views[n].size()
		q.views[n] = nil // the memory is still that of the others
		n++
	}
	q.views = q.views[n:]
}

// size is what a view counts for: its instances, and what each has besides.
func (v *view) size() int { return 1 + v.service.Len() }
