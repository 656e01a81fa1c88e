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
type source map[string]chan feed.Service

func (s source) watch(ctx context.Context, name string) iter.Seq2[*registrar.Service, error] {
	return func(yield func(*registrar.Service, error) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case st, ok := <-s[name]:
				if !ok || !yield(st.Value, st.Err) {
					return
				}
			}
		}
	}
}

// want checks what is known of a service, once all has come through.
func want(t *testing.T, f *feed.Feed[*registrar.Service], name string, state feed.Service, known bool) {
	t.Helper()
	synctest.Wait()
	if got, ok := f.Latest(name); got != state || ok != known {
		t.Errorf("%s is %+v, %t, want %+v, %t", name, got, ok, state, known)
	}
}

func changed(f *feed.Feed[*registrar.Service]) bool {
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
		a, b := make(chan feed.Service), make(chan feed.Service)
		f := feed.New(t.Context(), source{"a": a, "b": b}.watch)
		defer f.Close()
		f.Follow("a")
		f.Follow("a") // is no second one
		f.Follow("b")
		want(t, f, "a", feed.Service{}, false)
		if changed(f) {
			t.Error("nothing has come, but it says so")
		}
		errAway := errors.New("away")
		first, second := &registrar.Service{Revision: 1}, &registrar.Service{Revision: 2}
		a <- feed.Service{Err: errAway}
		want(t, f, "a", feed.Service{Err: errAway}, true)
		a <- feed.Service{Value: first}
		a <- feed.Service{Value: second}
		want(t, f, "a", feed.Service{Value: second}, true)
		if !changed(f) || changed(f) {
			t.Error("changes that came together are not one")
		}
		a <- feed.Service{Value: second, Err: errAway}
		want(t, f, "a", feed.Service{Value: second, Err: errAway}, true)
		want(t, f, "b", feed.Service{}, false)

		f.Keep(map[string]bool{"b": true})
		want(t, f, "a", feed.Service{}, false)
		close(b)
		want(t, f, "b", feed.Service{Ended: true}, true)
	})
}
