package registrartest

import (
	"context"
	"sync"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

// looks is an observer that uses the client at each GetService.
type looks struct {
	registrar.NopObserver
	client func() *registrar.Client

	mu      sync.Mutex
	lookups []registrar.Lookup
}

func (l *looks) Looked(lookup registrar.Lookup) {
	l.mu.Lock()
	l.lookups = append(l.lookups, lookup)
	again := len(l.lookups) < 10
	l.mu.Unlock()
	if again {
		_, _ = l.client().GetService(context.Background(), lookup.Name)
	}
}

// testObserver: it is told of each GetService, and may use the client.
func testObserver(t *testing.T, f *fixture) {
	w := f.writer(t)
	register(t, w, service("orders", "a"))
	var r *registrar.Client
	opened := make(chan struct{})
	l := &looks{client: func() *registrar.Client { <-opened; return r }}
	r = f.client(t, registrar.WithObserver(l))
	close(opened)
	sees(t, r, "orders", "a")
	_, err := r.GetService(t.Context(), "orders?port=80")
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.lookups[len(l.lookups)-1]
	wantErr(t, "GetService", err, registrar.ErrInvalid)
	if first := l.lookups[0]; first.Name != "orders" || len(l.lookups) < 3 {
		t.Errorf("told %+v", l.lookups)
	}
	if last.Name != "orders?port=80" || !is(last.Err, registrar.ErrInvalid) {
		t.Errorf("told last %+v", last)
	}
}

// registrations is an observer that has the last status of each instance.
type registrations struct {
	registrar.NopObserver
	mu    sync.Mutex
	state map[string]registrar.State
}

func (r *registrations) Registered(st registrar.InstanceStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state[st.ID] = st.State
}

// testObserverOfWriter: the last that it is told of an instance is what Status says.
func testObserverOfWriter(t *testing.T, f *fixture) {
	o := &registrations{state: map[string]registrar.State{}}
	c, rival := f.client(t, registrar.WithObserver(o)), f.client(t)
	told := func(id string, want registrar.State) {
		t.Helper()
		eventually(t, func() string {
			o.mu.Lock()
			defer o.mu.Unlock()
			if got, ok := o.state[id]; !ok || got != want {
				return "the observer was told last that " + id + " is " + string(got) + ", want " + string(want)
			}
			return ""
		})
	}
	register(t, c, service("orders", "a", "b"))
	told("a", registrar.StateRegistered)
	told("b", registrar.StateRegistered)
	register(t, rival, service("orders", "a"))
	told("a", registrar.StateSuperseded)
	unregister(t, c, service("orders", "b"))
	told("b", "")
}
