package writer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/protobuf/proto"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

// TestTransactionsAtOnce: several transactions are under way at once, but one alone where
// nobody knows whether etcd answers.
func TestTransactionsAtOnce(t *testing.T) {
	t.Parallel()
	const instances, delay = 8 * maxOperations, 10 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Set(func(f *faulty.Faults) { f.Delay = delay })
		start := time.Now()
		w.register(t, orders(numbered(instances)...))
		if took, want := time.Since(start), (1+8/inFlight)*delay; took != want || w.Len() != instances {
			t.Errorf("%d instances took %v, want %v: a lease, then %d transactions at once", w.Len(), took, want, inFlight)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, static(orders("first")))
		w.Set(func(f *faulty.Faults) { f.State, f.Record = faulty.Hung, true })
		w.register(t, static(orders(numbered(instances)...)))
		if time.Sleep(2 * opTimeout); len(w.Unanswered()) != inFlight+1 {
			t.Errorf("etcd that hangs has %d transactions, want %d at first, then one", len(w.Unanswered()), inFlight)
		}
	})
}

// smaller is an etcd that takes less than by default, of each key, and of all.
type smaller struct {
	Backend
	operations, bytes int
}

func (s smaller) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	switch {
	case proto.Size(r) > s.bytes:
		return nil, rpctypes.ErrRequestTooLarge
	case len(r.Success) > s.operations:
		return nil, rpctypes.ErrTooManyOps
	}
	return s.Backend.Txn(ctx, r)
}

// TestEtcdTakesLess: transactions are split as far as that takes; what is too large alone
// is refused alone.
func TestEtcdTakesLess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const instances = 1000
		w := newWorld(t, func(cfg *Config) { cfg.Backend = smaller{cfg.Backend, 20, 4 << 10} })
		service := orders(numbered(instances)...)
		large := map[string]string{}
		for i := range 20 {
			large[fmt.Sprintf("k%d", i)] = strings.Repeat("x", 200)
		}
		service.Instances[7].Metadata = large
		w.register(t, service)
		if w.Len() != instances-1 || w.Counts().Largest > 20 {
			t.Errorf("%d instances are registered by up to %d operations, want %d by 20", w.Len(), w.Counts().Largest, instances-1)
		}
		if st := statusOf(w.client, "i7"); st.State != registrar.StateFailed || !strings.Contains(fmt.Sprint(st.Err), "too large") {
			t.Errorf("what is too large is %q with the error %v", st.State, st.Err)
		}
		wantState(t, w.client, "i8", registrar.StateRegistered, nil)
		if err := w.client.Unregister(t.Context(), orders()); err != nil || w.Len() != 0 {
			t.Errorf("Unregister: %v, %d are left", err, w.Len())
		}
	})
}

// TestOneServiceDenied: of many services that are registered together one may not be
// written. Its instances alone have the error, and new ones of others don't wait for it.
func TestOneServiceDenied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const services, each = 50, 20
		w := newWorld(t)
		w.Set(func(f *faulty.Faults) {
			f.Denied = func(key string) bool { return strings.HasPrefix(key, root+"default/s7/") }
		})
		registerAll := func() {
			for i := range services {
				s := orders(numbered(each)...)
				s.Name = fmt.Sprintf("s%d", i)
				if err := w.client.Register(ended(t), s); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		registerAll()
		for _, st := range w.client.Status() {
			if denied := errors.Is(st.Err, registrar.ErrPermission); denied != (st.Service == "s7") || denied == (st.State == registrar.StateRegistered) {
				t.Errorf("%s/%s is %q with the error %v", st.Service, st.ID, st.State, st.Err)
			}
		}
		if n := w.Len(); n != (services-1)*each {
			t.Errorf("%d instances are registered, want all of the others", n)
		}
	})
}

// ended returns a context that has ended.
func ended(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// TestRegisterWithoutWaiting: with a context that has ended Register records what is
// desired and returns, and what was recorded meanwhile is written together.
func TestRegisterWithoutWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const instances = 1000
		w := newWorld(t)
		w.Set(func(f *faulty.Faults) { f.Delay = 10 * time.Millisecond })
		start, ctx := time.Now(), ended(t)
		for _, id := range numbered(instances) {
			if err := w.client.Register(ctx, orders(id)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("%d Registers took %v", instances, took)
		}
		if err := w.client.Wait(t.Context()); err != nil || w.Len() != instances {
			t.Errorf("Wait: %v, %d keys", err, w.Len())
		}
		if n := w.Counts().Txns; n > 2*instances/maxOperations {
			t.Errorf("%d transactions for %d instances", n, instances)
		}
	})
}

// TestSupersededAmongMany: the lease is lost after another client has taken one of many
// IDs over. All others are written again, together.
func TestSupersededAmongMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const instances = 5 * maxOperations
		w := newWorld(t)
		w.register(t, orders(numbered(instances)...))
		synctest.Wait()
		w.SetState(faulty.Down) // so that this client doesn't see it before it writes
		w.Put(root+"default/orders/i7", value, 0)
		time.Sleep(2 * ttl) // the lease expires
		before := w.Counts().Txns
		w.SetState(faulty.Up)
		time.Sleep(ttl)
		wantState(t, w.client, "i7", registrar.StateSuperseded, registrar.ErrSuperseded)
		for _, st := range w.client.Status() {
			if st.ID != "i7" && st.State != registrar.StateRegistered {
				t.Errorf("%s is %q with the error %v", st.ID, st.State, st.Err)
			}
		}
		if kv := w.Get(root + "default/orders/i7"); kv == nil || string(kv.Value) != value {
			t.Errorf("the other client's instance was overwritten: %v", kv)
		}
		if n := w.Counts().Txns - before; n > 20 {
			t.Errorf("%d transactions for %d instances", n, instances)
		}
	})
}

// TestCallsAreRecordedWhole: of two calls for the same instances one holds for all of them,
// however many there are.
func TestCallsAreRecordedWhole(t *testing.T) {
	t.Parallel()
	const instances = 2000
	for range 10 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			var wg sync.WaitGroup
			for weight := range uint16(2) {
				s := orders(numbered(instances)...)
				for i := range s.Instances {
					s.Instances[i].Weight = weight + 1
				}
				wg.Go(func() { w.register(t, s) })
			}
			wg.Wait()
			if err := w.client.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			found := map[bool]int{}
			for _, id := range numbered(instances) {
				kv := w.Get(strings.TrimSuffix(keyA, "a") + id)
				found[strings.Contains(string(kv.Value), `"weight":1,`)]++
			}
			if len(found) != 1 {
				t.Fatalf("%d instances are as one call says, and %d as the other", found[true], found[false])
			}
		})
	}
}
