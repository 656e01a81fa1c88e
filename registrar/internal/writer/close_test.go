package writer

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

// TestCloseRevokesInTime: where removing key by key takes longer than Close has,
// the lease is revoked all the same, and many instances have said before that
// they go.
func TestCloseRevokesInTime(t *testing.T) {
	t.Parallel()
	const instances, request = 1000, 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var ids []string
		for i := range instances {
			ids = append(ids, fmt.Sprintf("i%d", i))
		}
		w.register(t, orders(ids...))
		if err := w.client.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := w.Revision()
		w.Set(func(f *faulty.Faults) { f.Delay = request })
		start := time.Now()
		err := w.client.Close()
		if took := time.Since(start); err != nil || took > closeTime {
			t.Errorf("Close: %v after %v", err, took)
		}
		if n := w.Len(); n != 0 {
			t.Errorf("%d of %d instances are left until the lease runs out", n, instances)
		}
		marked := 0
		for _, ev := range w.Events(before) {
			if strings.Contains(string(ev.Kv.Value), `"status":"down"`) {
				marked++
			}
		}
		if marked < instances/2 {
			t.Errorf("%d of %d instances have said that they go", marked, instances)
		}
	})
}

// TestCloseRevokesOnceThereIsAnAnswer: etcd is away when removing gives up.
func TestCloseRevokesOnceThereIsAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		w.SetState(faulty.Down)
		time.AfterFunc(closeTime-revokeTime+retryBase/4, func() { w.SetState(faulty.Up) })
		if err := w.client.Close(); err != nil || w.Len() != 0 {
			t.Errorf("Close: %v, %d keys are left", err, w.Len())
		}
	})
}

// TestCloseRemovesWhatTheLeaseDoesNotHold: the revocation leaves what hangs on
// none.
func TestCloseRemovesWhatTheLeaseDoesNotHold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("b"))
		w.register(t, static(orders("a")))
		w.SetState(faulty.Down)
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(closeTime-revokeTime+retryBase/4, func() { w.SetState(faulty.Up) })
		if err := w.client.Close(); err != nil || w.Len() != 0 {
			t.Errorf("Close: %v, %d keys are left", err, w.Len())
		}
	})
}

// TestCloseInAFight: an instance that somebody else keeps writing can't be removed,
// and Close says so by one of the errors that are promised.
func TestCloseInAFight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Put(keyA, value, 0)
		w.OnRequest(func(kind string) {
			if kind == "Txn" {
				w.Put(keyA, value, 0)
			}
		})
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := w.client.Close(); !errors.Is(err, registrar.ErrUnavailable) || !strings.HasPrefix(err.Error(), "registrar: closing: instances not removed: 1: ") || time.Since(start) > closeTime {
			t.Errorf("Close: %v after %v, want ErrUnavailable in time", err, time.Since(start))
		}
	})
}

// TestCloseWhileAwaySaysWhy: nothing is planned once the time is over, and the error
// says why etcd gave no answer.
func TestCloseWhileAwaySaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		w.SetState(faulty.Down)
		start := time.Now()
		err := w.client.Close()
		if took := time.Since(start); took > closeTime {
			t.Errorf("Close took %v", took)
		}
		if err == nil || !strings.Contains(err.Error(), "no leader") || !strings.Contains(err.Error(), "until their lease") || strings.Contains(err.Error(), "not removed") {
			t.Errorf("Close: %v, want that etcd has no leader, and for how long instances may be served", err)
		}
	})
}
