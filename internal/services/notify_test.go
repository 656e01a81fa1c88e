package services

import (
	"log/slog"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

func TestNotify(t *testing.T) {
	t.Parallel()
	s := New(slog.New(slog.DiscardHandler), nil)
	wake, other := make(chan struct{}, 1), make(chan struct{}, 1)
	stop := s.Notify(catalog.ServiceName{Namespace: "default", Name: "orders"}, wake)
	stopOther := s.Notify(catalog.ServiceName{Namespace: "default", Name: "others"}, other)
	woken := func(what string, want bool) {
		t.Helper()
		got := len(wake) == 1
		if got {
			<-wake
		}
		if got != want {
			t.Errorf("%s: woken is %v, want %v", what, got, want)
		}
	}
	apply(s, commit{Revision: 2, Events: []mirror.Event{put(2, "default/orders/a", value(1, "")), put(2, "default/cart/a", value(1, ""))}})
	woken("one comes", true)
	apply(s, commit{Revision: 3, Events: []mirror.Event{put(2, "default/orders/a", value(1, ""))}})
	woken("a list repeats it", false)
	apply(s, commit{Revision: 4, Events: []mirror.Event{put(4, "default/cart/b", value(1, ""))}})
	woken("a change of another", false)
	apply(s, commit{Revision: 5, Events: []mirror.Event{put(5, "default/orders/_policy", `{"alias":"default/cart"}`)}})
	woken("a policy", true)
	apply(s, commit{Revision: 6, Events: []mirror.Event{put(6, "default/orders/b", value(1, "")), del(6, "default/orders/a"), del(6, "default/orders/b")}})
	woken("all go", true)
	apply(s, commit{Revision: 4, Regressed: true})
	woken("etcd goes back", true)
	if len(other) != 0 {
		t.Error("woken by the changes of another service")
	}
	stop()
	apply(s, commit{Revision: 7, Events: []mirror.Event{put(7, "default/orders/a", value(1, ""))}})
	woken("after stop", false)
	stopOther()
	if n := len(s.journal.waiting); n != 0 {
		t.Errorf("%d services are waited for by nobody", n)
	}
}

// TestNotifyOfExistence: who waits for services of a namespace, or of any, is woken when one
// is new or gone, and not by what happens within one.
func TestNotifyOfExistence(t *testing.T) {
	t.Parallel()
	s := New(slog.New(slog.DiscardHandler), nil)
	own, other, all := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	stops := []func(){
		s.Notify(catalog.ServiceName{Namespace: "default"}, own),
		s.Notify(catalog.ServiceName{Namespace: "other"}, other),
		s.Notify(catalog.ServiceName{}, all),
	}
	woken := func(what string, want ...bool) {
		t.Helper()
		for i, wake := range []chan struct{}{own, other, all} {
			got := len(wake) == 1
			if got {
				<-wake
			}
			if got != want[i] {
				t.Errorf("%s: %d is woken: %v, want %v", what, i, got, want[i])
			}
		}
	}
	apply(s, commit{Revision: 2, Events: []mirror.Event{put(2, "default/orders/a", value(1, "")), put(2, "default/orders/b", value(1, ""))}})
	woken("one comes", true, false, true)
	apply(s, commit{Revision: 3, Events: []mirror.Event{put(3, "default/orders/_policy", `{"alias":"default/cart"}`), del(3, "default/orders/a")}})
	woken("changes within it", false, false, false)
	apply(s, commit{Revision: 4, Events: []mirror.Event{del(4, "default/orders/b")}})
	woken("its policy has it exist", false, false, false)
	apply(s, commit{Revision: 5, Events: []mirror.Event{put(5, "default/new/a", value(1, "")), del(5, "default/new/a")}})
	woken("one comes and goes at once", false, false, false)
	apply(s, commit{Revision: 6, Events: []mirror.Event{del(6, "default/orders/_policy"), put(6, "other/x/a", value(1, ""))}})
	woken("it goes, and another comes", true, true, true)
	for _, stop := range stops {
		stop()
	}
	if n := len(s.journal.waiting); n != 0 {
		t.Errorf("%d are waited for by nobody", n)
	}
}
