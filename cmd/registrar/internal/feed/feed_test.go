package feed_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/cmd/registrar/internal/feed"
	"github.com/rosterdns/roster/registrar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source is a registry that a test feeds.
type source map[string]chan feed.State

func (s source) watch(ctx context.Context, name string) iter.Seq2[*registrar.Service, error] {
	return func(yield func(*registrar.Service, error) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case st, ok := <-s[name]:
				if !ok || !yield(st.Service, st.Err) {
					return
				}
			}
		}
	}
}

// want checks what is known of a service, once all has come through.
func want(t *testing.T, f *feed.Feed, name string, state feed.State, known bool) {
	t.Helper()
	synctest.Wait()
	if got, ok := f.Latest(name); got != state || ok != known {
		t.Errorf("%s is %+v, %t, want %+v, %t", name, got, ok, state, known)
	}
}

func changed(f *feed.Feed) bool {
	select {
	case <-f.Changed():
		return true
	default:
		return false
	}
}

func TestFeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := make(chan feed.State), make(chan feed.State)
		f := feed.New(t.Context(), source{"a": a, "b": b}.watch)
		defer f.Close()
		f.Follow("a")
		f.Follow("a") // is no second one
		f.Follow("b")
		want(t, f, "a", feed.State{}, false)
		if changed(f) {
			t.Error("nothing has come, but it says so")
		}
		errAway := errors.New("away")
		first, second := &registrar.Service{Revision: 1}, &registrar.Service{Revision: 2}
		a <- feed.State{Err: errAway}
		want(t, f, "a", feed.State{Err: errAway}, true)
		a <- feed.State{Service: first}
		a <- feed.State{Service: second}
		want(t, f, "a", feed.State{Service: second}, true)
		if !changed(f) || changed(f) {
			t.Error("changes that came together are not one")
		}
		a <- feed.State{Err: errAway} // keeps what is known
		want(t, f, "a", feed.State{Service: second, Err: errAway}, true)
		want(t, f, "b", feed.State{}, false)

		f.Keep(map[string]bool{"b": true})
		want(t, f, "a", feed.State{}, false)
		close(b)
		want(t, f, "b", feed.State{Ended: true}, true)
	})
}
