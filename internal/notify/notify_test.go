package notify

import "testing"

func TestList(t *testing.T) {
	t.Parallel()
	var l List
	l.Notify() // nobody
	a, b := make(chan struct{}, 1), make(chan struct{}, 1)
	stop, stopAgain, stopB := l.Add(a), l.Add(a), l.Add(b)
	l.Notify()
	l.Notify() // a second token would be for the same look
	if len(a) != 1 || len(b) != 1 {
		t.Fatalf("%d and %d tokens, want 1 each", len(a), len(b))
	}
	<-a
	<-b
	stop()
	stop() // twice is no other's end
	stopB()
	l.Notify()
	if len(a) != 1 || len(b) != 0 {
		t.Errorf("%d tokens for the one that waits still, %d for the one that doesn't", len(a), len(b))
	}
	if l.Empty() {
		t.Error("nobody waits, although one does")
	}
	stopAgain()
	if !l.Empty() {
		t.Error("somebody waits still")
	}
}
