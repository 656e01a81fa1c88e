// Package feed keeps the newest state of what a command follows, such as services. Where its
// user is slower than the changes, what is older is dropped.
package feed

import (
	"context"
	"iter"
	"sync"

	"github.com/rosterdns/roster/registrar"
)

// Watch yields the newest value of a name, and again after each change, until ctx is done,
// as registrar.Client's does. With an error the value is the last one known, and zero
// where there is none.
type Watch[T any] func(ctx context.Context, name string) iter.Seq2[T, error]

// State is what is known of a name.
type State[T any] struct {
	// Value is the newest one, shared and not to be changed; zero before the first
	// contact.
	Value T
	// Err says why Value is stale or not there.
	Err error
	// Ended says that nothing more will come: Err is why.
	Ended bool
}

// Service is the state of a service.
type Service = State[*registrar.Service]

// Feed follows names. Its methods are safe for concurrent use.
type Feed[T any] struct {
	watch   Watch[T]
	ctx     context.Context // of the goroutines
	cancel  context.CancelFunc
	done    sync.WaitGroup
	changed chan struct{}

	mu       sync.Mutex
	followed map[string]*followed[T]
}

// followed is a name that is followed.
type followed[T any] struct {
	cancel context.CancelFunc
	state  State[T]
	known  bool // state is something that came
}

// New returns a feed that follows nothing yet. It ends with ctx; Close is to be called in
// any case.
func New[T any](ctx context.Context, watch Watch[T]) *Feed[T] {
	f := &Feed[T]{watch: watch, changed: make(chan struct{}, 1), followed: map[string]*followed[T]{}}
	f.ctx, f.cancel = context.WithCancel(ctx) //nolint:gosec // Close calls it
	return f
}

// Close ends the feed and waits for its goroutines.
func (f *Feed[T]) Close() {
	f.cancel()
	f.done.Wait()
}

// Changed has a token after something new has come from a name.
func (f *Feed[T]) Changed() <-chan struct{} { return f.changed }

// Follow starts to follow a name, unless it is followed.
func (f *Feed[T]) Follow(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followed[name] != nil {
		return
	}
	ctx, cancel := context.WithCancel(f.ctx) //nolint:gosec // run calls it
	s := &followed[T]{cancel: cancel}
	f.followed[name] = s
	f.done.Go(func() { f.run(ctx, name, s) })
}

// Keep ends the following of all names but the given ones.
func (f *Feed[T]) Keep(names map[string]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, s := range f.followed {
		if !names[name] {
			s.cancel()
			delete(f.followed, name)
		}
	}
}

// Latest returns what is known of a name; it reports false where nothing has come yet.
func (f *Feed[T]) Latest(name string) (State[T], bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.followed[name]
	if s == nil {
		return State[T]{}, false
	}
	return s.state, s.known
}

func (f *Feed[T]) run(ctx context.Context, name string, s *followed[T]) {
	defer s.cancel()
	for value, err := range f.watch(ctx, name) {
		f.set(s, func(state *State[T]) { state.Value, state.Err = value, err })
	}
	if ctx.Err() == nil {
		f.set(s, func(state *State[T]) { state.Ended = true })
	}
}

func (f *Feed[T]) set(s *followed[T], change func(*State[T])) {
	f.mu.Lock()
	change(&s.state)
	s.known = true
	f.mu.Unlock()
	select {
	case f.changed <- struct{}{}:
	default: // there is a token already
	}
}
