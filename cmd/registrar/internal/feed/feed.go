// Package feed keeps the newest state of the services that a command follows. Where its
// user is slower than the changes, what is older is dropped.
package feed

import (
	"context"
	"iter"
	"sync"

	"github.com/rosterdns/roster/registrar"
)

// Watch is registrar.Client's Watch.
type Watch func(ctx context.Context, name string) iter.Seq2[*registrar.Service, error]

// State is what is known of a service.
type State struct {
	// Service is the newest set, shared and not to be changed; nil before the first
	// contact.
	Service *registrar.Service
	// Err says why Service is stale or not there.
	Err error
	// Ended says that nothing more will come: Err is why.
	Ended bool
}

// Feed follows services. Its methods are safe for concurrent use.
type Feed struct {
	watch   Watch
	ctx     context.Context // of the goroutines
	cancel  context.CancelFunc
	done    sync.WaitGroup
	changed chan struct{}

	mu       sync.Mutex
	followed map[string]*followed
}

// followed is a service that is followed.
type followed struct {
	cancel context.CancelFunc
	state  State
	known  bool // state is something that came
}

// New returns a feed that follows nothing yet. It ends with ctx; Close is to be called in
// any case.
func New(ctx context.Context, watch Watch) *Feed {
	f := &Feed{watch: watch, changed: make(chan struct{}, 1), followed: map[string]*followed{}}
	f.ctx, f.cancel = context.WithCancel(ctx)
	return f
}

// Close ends the feed and waits for its goroutines.
func (f *Feed) Close() {
	f.cancel()
	f.done.Wait()
}

// Changed has a token after something new has come from a service.
func (f *Feed) Changed() <-chan struct{} { return f.changed }

// Follow starts to follow a service, unless it is followed.
func (f *Feed) Follow(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followed[name] != nil {
		return
	}
	ctx, cancel := context.WithCancel(f.ctx)
	s := &followed{cancel: cancel}
	f.followed[name] = s
	f.done.Go(func() { f.run(ctx, name, s) })
}

// Keep ends the following of all services but those with the given names.
func (f *Feed) Keep(names map[string]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, s := range f.followed {
		if !names[name] {
			s.cancel()
			delete(f.followed, name)
		}
	}
}

// Latest returns what is known of a service; it reports false where nothing has come yet.
func (f *Feed) Latest(name string) (State, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.followed[name]
	if s == nil {
		return State{}, false
	}
	return s.state, s.known
}

func (f *Feed) run(ctx context.Context, name string, s *followed) {
	defer s.cancel()
	for service, err := range f.watch(ctx, name) {
		f.set(s, func(state *State) {
			if state.Err = err; service != nil {
				state.Service = service
			}
		})
	}
	if ctx.Err() == nil {
		f.set(s, func(state *State) { state.Ended = true })
	}
}

func (f *Feed) set(s *followed, change func(*State)) {
	f.mu.Lock()
	change(&s.state)
	s.known = true
	f.mu.Unlock()
	select {
	case f.changed <- struct{}{}:
	default: // there is a token already
	}
}
