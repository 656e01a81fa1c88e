package mirror

import "testing"

// TestHead: what is remembered is what a look at all ranges says.
func TestHead(t *testing.T) {
	t.Parallel()
	v, h := views{}, &head{}
	ranges := make([]*Range, 3)
	for i := range ranges {
		view := &nothing{}
		r := newRange(newContact(), "n/", view)
		c := v.of(view)
		c.add(r)
		c.listed(r)
		ranges[i] = r
	}
	want := func(when string, want int64) {
		t.Helper()
		if got := h.of(v); got != want {
			t.Errorf("%s: %d, want %d", when, got, want)
		}
	}
	advance := func(r *Range, phase phase, revision int64) {
		r.phase = phase
		r.advance(revision)
		h.advance(r)
	}
	want("nothing is listed", 0)
	advance(ranges[0], mustWatch, 5)
	advance(ranges[1], watching, 9)
	want("two are", 9)
	advance(ranges[2], listing, 20)
	want("a list is under way", 9)
	h.distrust(ranges[2])
	advance(ranges[1], watching, 11)
	want("a watch shows more", 11)
	h.distrust(ranges[1])
	ranges[1].phase = mustList
	want("that one is to be listed again", 5)
}

// nothing is a view without contents.
type nothing struct{ View }

// TestListsArePublishedTogether: of many views each list is not followed by a look at all of
// them, but the first and the last are seen at once.
func TestListsArePublishedTogether(t *testing.T) {
	t.Parallel()
	l := newLoop(newCore(Config{}))
	for range 160 {
		view := &nothing{}
		l.views[view] = newContents(view)
	}
	published := func(running int) bool {
		l.lists.running = make([]*list, running)
		before := l.status.Load()
		l.newLists++
		l.publishLists()
		return l.status.Load() != before
	}
	if !published(1) {
		t.Error("the first is not published, by which the state is live")
	}
	l.report.state = Live
	n := 0
	for range 100 {
		if published(1) {
			n++
		}
	}
	if n != 10 {
		t.Errorf("100 lists were published %d times, want 10", n)
	}
	if !published(0) {
		t.Error("the last one is not published")
	}
}
