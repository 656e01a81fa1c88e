package overrides

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/optimistic"
	"github.com/rosterdns/roster/registrar/internal/reader"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	orders   = catalog.ServiceName{Namespace: "default", Name: "orders"}
	draining = catalog.Override{Status: catalog.StatusDraining, Reason: "kernel update"}
)

const (
	prefix = "/roster/default/orders/_status/"
	value  = `{"status":"draining","reason":"kernel update"}`
)

// world is an etcd in memory and an editor of it.
type world struct {
	*faulty.Etcd
	Editor
	// before, if set, is called before the next transaction that writes.
	before func()
}

func newWorld() *world {
	w := &world{Etcd: faulty.New()}
	lister := &reader.Lister{Source: w.Etcd, InContact: func() bool { return false }, Closed: context.Background()}
	w.Editor = Editor{Prefix: "/roster", Keys: optimistic.Editor{Try: lister.Try, Txn: func(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
		if before := w.before; before != nil && len(r.Compare) > 0 {
			w.before = nil
			before()
		}
		return w.Etcd.Txn(ctx, r)
	}}}
	return w
}

// stored returns the value of an override, "" if there is none.
func (w *world) stored(id string) string {
	if kv := w.Etcd.Get(prefix + id); kv != nil {
		return string(kv.Value)
	}
	return ""
}

func TestSetAndClear(t *testing.T) {
	t.Parallel()
	w := newWorld()
	if err := w.Editor.Set(t.Context(), orders, []string{"b", "a", "b"}, draining); err != nil {
		t.Fatal(err)
	}
	if w.stored("a") != value || w.stored("b") != value {
		t.Errorf("stored %q and %q", w.stored("a"), w.stored("b"))
	}
	before := w.Revision()
	if err := w.Editor.Set(t.Context(), orders, []string{"a", "b"}, draining); err != nil || w.Revision() != before {
		t.Errorf("once more: %v, %d revisions for nothing", err, w.Revision()-before)
	}
	w.Put(prefix+"c", "{not readable", 0)
	if err := w.Clear(t.Context(), orders, []string{"c", "a", "absent"}); err != nil {
		t.Error(err)
	}
	if w.stored("a") != "" || w.stored("c") != "" || w.stored("b") != value {
		t.Errorf("left: %q, %q, %q; want b's alone", w.stored("a"), w.stored("c"), w.stored("b"))
	}
}

// TestManyAtOnce: as many as one transaction takes change at one revision.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var ids []string
	for i := range 250 {
		ids = append(ids, fmt.Sprintf("i%03d", i))
	}
	before := w.Revision()
	if err := w.Editor.Set(t.Context(), orders, ids, draining); err != nil {
		t.Fatal(err)
	}
	if n := w.Len(); n != 250 || w.Revision() != before+3 {
		t.Errorf("%d keys at %d revisions, want 250 at 3", n, w.Revision()-before)
	}
	if largest := w.Counts().Largest; largest > 128 {
		t.Errorf("a transaction of %d operations, more than etcd takes", largest)
	}
}

// TestOvertaken: what another operator writes between reading and writing is seen.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.before = func() { w.Put(prefix+"a", `{"status":"down"}`, 0) }
		if err := w.Editor.Set(t.Context(), orders, []string{"a", "b"}, draining); err != nil || w.stored("a") != value || w.stored("b") != value {
			t.Errorf("Set: %v, stored %q, %q", err, w.stored("a"), w.stored("b"))
		}
		w.before = func() { w.Put(prefix+"c", value, 0) }
		if err := w.Clear(t.Context(), orders, []string{"a", "c"}); err != nil || w.stored("a") != "" || w.stored("c") != "" {
			t.Errorf("Clear: %v, left %q, %q", err, w.stored("a"), w.stored("c"))
		}
	})
}

// TestLostAnswer: an override whose answer was lost isn't written a second time.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.before = func() {
			w.Etcd.Set(func(f *faulty.Faults) { f.LoseAnswers = true })
			time.AfterFunc(time.Second, func() { w.Etcd.Set(func(f *faulty.Faults) { f.LoseAnswers = false }) })
		}
		before := w.Revision()
		if err := w.Editor.Set(t.Context(), orders, []string{"a"}, draining); err != nil || w.Revision() != before+1 {
			t.Errorf("Set: %v, written %d times", err, w.Revision()-before)
		}
	})
}

// TestAway: it waits for etcd as long as its context lets it.
func TestAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.SetState(faulty.Down)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := w.Editor.Set(ctx, orders, []string{"a"}, draining); !errors.Is(err, registrar.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without etcd: %v", err)
		}
		time.AfterFunc(3*time.Second, func() { w.SetState(faulty.Up) })
		if err := w.Editor.Set(t.Context(), orders, []string{"a"}, draining); err != nil || w.stored("a") != value {
			t.Errorf("with etcd again: %v, stored %q", err, w.stored("a"))
		}
		w.Etcd.Set(func(f *faulty.Faults) { f.Denied = func(string) bool { return true } })
		if err := w.Clear(t.Context(), orders, []string{"a"}); !errors.Is(err, registrar.ErrPermission) {
			t.Errorf("without the right: %v", err)
		}
	})
}

func TestReasons(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for name, reason := range map[string]string{"not UTF-8": "\xff", "too long": strings.Repeat("x", catalog.MaxValueSize)} {
		err := w.Editor.Set(t.Context(), orders, []string{"a"}, catalog.Override{Status: catalog.StatusDraining, Reason: reason})
		if !errors.Is(err, registrar.ErrInvalid) || !strings.Contains(err.Error(), "reason") || w.stored("a") != "" {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}
