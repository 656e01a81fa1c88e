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
