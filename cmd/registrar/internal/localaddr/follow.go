package localaddr

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
)

const (
	// retryBase and retryLimit bound the pauses while an address is missing: nobody
	// tells when a name can be resolved again.
	retryBase  = time.Second
	retryLimit = 15 * time.Second
	// findTimeout bounds one look, which can wait for name servers: resolvers commonly
	// try each for 5 s.
	findTimeout = 5 * time.Second
)

// Follow calls report with what is found: once in any case, and then whenever that has
// changed. It returns when ctx is done. Calls come one after the other.
func (s *Source) Follow(ctx context.Context, report func(Found)) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	wake := make(chan struct{}, 1)
	watching.Go(func() {
		s.machine.Watch(ctx, func() {
			select {
			case wake <- struct{}{}:
			default: // it is about to look anyway
			}
		})
	})
	pause := backoff.New(retryBase, retryLimit)
	var last Found
	for first := true; ; first = false {
		found := s.Look(ctx)
		if ctx.Err() != nil && !first {
			return
		}
		if first || !found.Equal(last) {
			report(found)
		}
		last = found
		if !again(ctx, wake, found, pause) {
			return
		}
	}
}

// Look returns what there is now. It takes five seconds at most.
func (s *Source) Look(ctx context.Context) Found {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	return s.find(ctx)
}

// again waits until it is time for another look; false means that ctx is done.
func again(ctx context.Context, wake <-chan struct{}, found Found, pause *backoff.Backoff) bool {
	var retry <-chan time.Time
	if len(found.Missing) == 0 {
		pause.Reset()
	} else {
		timer := time.NewTimer(pause.Next())
		defer timer.Stop()
		retry = timer.C
	}
	select {
	case <-wake:
	case <-retry:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// Await returns what is found once there is an address. While there is none, waiting is
// called once, with why. When ctx is done before, the error is ctx's, and says what is
// missing.
func (s *Source) Await(ctx context.Context, waiting func(error)) (Found, error) {
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	var last Found
	var once sync.Once
	s.Follow(following, func(f Found) {
		last = f
		if len(f.Addresses) > 0 {
			cancel()
			return
		}
		if ctx.Err() == nil {
			once.Do(func() { waiting(f.Err()) })
		}
	})
	if len(last.Addresses) == 0 {
		return Found{}, errors.Join(last.Err(), ctx.Err())
	}
	return last, nil
}
