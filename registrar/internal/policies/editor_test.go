package policies

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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

// world is an etcd in memory and an editor of it.
type world struct {
	*faulty.Etcd
	Editor
	// before, if set, is called before each transaction that writes.
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

func name(s string) catalog.ServiceName {
	namespace, service, _ := strings.Cut(s, "/")
	return catalog.ServiceName{Namespace: namespace, Name: service}
}

func (w *world) put(service, value string) { w.Put("/roster/"+service+"/_policy", value, 0) }

// stored returns the value of a policy, "" if there is none.
func (w *world) stored(service string) string {
	if kv := w.Store.Get("/roster/" + service + "/_policy"); kv != nil {
		return string(kv.Value)
	}
	return ""
}

func (w *world) update(t *testing.T, service string, change func(*catalog.Policy)) (catalog.Policy, bool, error) {
	t.Helper()
	return w.Update(t.Context(), name(service), change)
}

func alias(to string) func(*catalog.Policy) {
	return func(p *catalog.Policy) { p.Alias = name(to) }
}

func minUp(n int) func(*catalog.Policy) { return func(p *catalog.Policy) { p.MinUp = n } }

func wantErr(t *testing.T, what string, err, want error, says string) {
	t.Helper()
	if !errors.Is(err, want) || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %v, want %v with %q", what, err, want, says)
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.put("default/orders", `{"min_up":1,"later":true}`)
	w.put("default/broken", `{"min_up":-1}`)
	if p, err := w.Get(t.Context(), name("default/orders")); err != nil || p.MinUp != 1 {
		t.Errorf("Get: %+v, %v", p, err)
	}
	_, err := w.Get(t.Context(), name("default/none"))
	wantErr(t, "absent", err, registrar.ErrNotFound, "not found")
	_, err = w.Get(t.Context(), name("default/broken"))
	wantErr(t, "unreadable", err, registrar.ErrNotFound, "readers ignore the stored one: min_up is ")
	if errors.Is(err, registrar.ErrInvalid) {
		t.Error("an unreadable policy passes for a mistake of the caller's")
	}
	_, err = w.Get(t.Context(), name("dns/Orders"))
	wantErr(t, "no name", err, registrar.ErrInvalid, `"Orders" is not a DNS label`)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p, changed, err := w.update(t, "default/orders", minUp(1))
	if err != nil || !changed || p.MinUp != 1 || w.stored("default/orders") != `{"min_up":1}` {
		t.Fatalf("Update: %+v, %v, %v; stored %s", p, changed, err, w.stored("default/orders"))
	}
	if _, changed, err = w.update(t, "default/orders", alias("eu/orders")); err != nil || !changed || w.stored("default/orders") != `{"min_up":1,"alias":"eu/orders"}` {
		t.Errorf("the other member: %v, %v; stored %s", changed, err, w.stored("default/orders"))
	}
	w.put("default/far", `{"failover":["eu/orders","us/orders"]}`)
	reverse := func(p *catalog.Policy) { slices.Reverse(p.Failover) } // in place
	if _, changed, err = w.update(t, "default/far", reverse); err != nil || !changed || w.stored("default/far") != `{"failover":["us/orders","eu/orders"]}` {
		t.Errorf("another order: %v, %v; stored %s", changed, err, w.stored("default/far"))
	}
	revision := w.Revision()
	if _, changed, err = w.update(t, "default/orders", minUp(1)); err != nil || changed || w.Revision() != revision {
		t.Errorf("the same again: %v, %v, revision %d, want %d", changed, err, w.Revision(), revision)
	}
	if _, changed, err = w.update(t, "default/none", minUp(0)); err != nil || changed || w.Revision() != revision {
		t.Errorf("nothing where nothing is: %v, %v", changed, err)
	}
	if err := w.Delete(t.Context(), name("default/orders")); err != nil || w.stored("default/orders") != "" {
		t.Errorf("Delete: %v; stored %q", err, w.stored("default/orders"))
	}
	wantErr(t, "Delete again", w.Delete(t.Context(), name("default/orders")), registrar.ErrNotFound, "")
}

// TestDetachesLease shows that a policy written by Update stays, whatever was
// there.
func TestDetachesLease(t *testing.T) {
	t.Parallel()
	w := newWorld()
	lease, _, err := w.Grant(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	w.Put("/roster/default/orders/_policy", `{}`, lease)
	if _, _, err := w.update(t, "default/orders", minUp(1)); err != nil {
		t.Fatal(err)
	}
	if err := w.Revoke(t.Context(), lease); err != nil || w.stored("default/orders") == "" {
		t.Errorf("the policy went with a lease: %v", err)
	}
}

func TestUpdateRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.put("default/b", `{"alias":"default/c"}`)
	w.put("default/c", `{"alias":"default/a"}`)
	w.put("default/x", `{"alias":"default/y"}`)
	w.put("default/y", `{"alias":"default/x"}`)
	w.put("default/later", `{"min_up":1,"later":true}`)
	w.put("default/broken", `{`)
	for i := range maxAliases + 1 {
		w.put(fmt.Sprintf("default/long-%d", i), fmt.Sprintf(`{"alias":"default/long-%d"}`, i+1))
	}
	revision := w.Revision()
	for _, tt := range []struct {
		service string
		change  func(*catalog.Policy)
		says    string
	}{
		{"default/a", alias("default/a"), `alias "default/a" is the service itself`},
		{"default/a", alias("default/b"), `alias "default/b" leads back to the service itself`},
		{"default/a", alias("default/long-0"), "alias is the first of more than 32 aliases"},
		{"default/a", minUp(-1), "min_up is -1"},
		{"default/a", func(p *catalog.Policy) { p.Failover = []catalog.ServiceName{name("default/a")} }, "is the service itself"},
	} {
		_, _, err := w.update(t, tt.service, tt.change)
		wantErr(t, tt.says, err, registrar.ErrInvalid, tt.says)
	}
	for service, says := range map[string]string{
		"default/later":  `the stored one can't be changed: "later" is not a known member: delete it first`,
		"default/broken": "the stored one can't be changed: policy can't be read as JSON",
	} {
		_, _, err := w.update(t, service, minUp(2))
		if err == nil || errors.Is(err, registrar.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", service, err, says)
		}
	}
	if w.Revision() != revision {
		t.Error("something was written")
	}
	if err := w.Delete(t.Context(), name("default/broken")); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if _, _, err := w.update(t, "default/a", alias("default/x")); err != nil {
		t.Errorf("an alias into a loop of others: %v", err)
	}
	if _, _, err := w.update(t, "default/a", alias("default/long-2")); err != nil {
		t.Errorf("an alias of a long chain: %v", err)
	}
}

// TestOvertaken has another writer come between reading and writing.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.before = func() { w.put("default/orders", `{"ttl":9}`) }
	p, changed, err := w.update(t, "default/orders", minUp(1))
	if err != nil || !changed || p.TTL != 9 || w.stored("default/orders") != `{"ttl":9,"min_up":1}` {
		t.Errorf("Update: %+v, %v, %v; stored %s", p, changed, err, w.stored("default/orders"))
	}
	w.before = func() { w.put("default/orders", `{"ttl":10}`) }
	if err := w.Delete(t.Context(), name("default/orders")); err != nil || w.stored("default/orders") != "" {
		t.Errorf("Delete: %v; stored %s", err, w.stored("default/orders"))
	}
	// Each of two aliases is sound alone.
	w.before = func() { w.put("default/b", `{"alias":"default/a"}`) }
	_, _, err = w.update(t, "default/a", alias("default/b"))
	wantErr(t, "half of a loop", err, registrar.ErrInvalid, "leads back")
}

func TestConcurrentUpdates(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, _, err := w.update(t, "default/orders", func(p *catalog.Policy) { p.MinUp++ }); err != nil {
				t.Errorf("Update: %v", err)
			}
		})
	}
	wg.Wait()
	if got := w.stored("default/orders"); got != `{"min_up":20}` {
		t.Errorf("20 increments came to %s", got)
	}
}

// TestLostAnswer has etcd carry out a write whose answer gets lost: the next try
// finds it done.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		lose := func(lost bool) { w.Set(func(f *faulty.Faults) { f.LoseAnswers = lost }) }
		losing := func() {
			lose(true)
			time.AfterFunc(optimistic.RequestTimeout, func() { lose(false) })
		}
		w.before = losing
		if _, changed, err := w.update(t, "default/orders", minUp(1)); err != nil || !changed || w.Revision() != 2 {
			t.Errorf("Update: %v, %v, revision %d", changed, err, w.Revision())
		}
		w.before = losing
		if err := w.Delete(t.Context(), name("default/orders")); err != nil || w.stored("default/orders") != "" {
			t.Errorf("Delete: %v", err)
		}
	})
}

func TestEtcdRefusesOrIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		all := func() map[string]error {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, getErr := w.Get(ctx, name("default/orders"))
			_, _, updateErr := w.Update(ctx, name("default/orders"), minUp(1))
			return map[string]error{"Get": getErr, "Update": updateErr, "Delete": w.Delete(ctx, name("default/orders"))}
		}
		w.Set(func(f *faulty.Faults) { f.Denied = func(key string) bool { return strings.Contains(key, "default/") } })
		for what, err := range all() {
			wantErr(t, what+" denied", err, registrar.ErrPermission, "")
		}
		_, _, err := w.update(t, "eu/orders", alias("default/orders"))
		wantErr(t, "an alias that can't be looked at", err, registrar.ErrPermission, "by way of default/orders")
		for _, state := range []faulty.State{faulty.Down, faulty.Hung} {
			w.Set(func(f *faulty.Faults) { *f = faulty.Faults{State: state} })
			for what, err := range all() {
				wantErr(t, what, err, registrar.ErrUnavailable, "")
			}
		}
		// etcd goes away with the question half answered.
		w.SetState(faulty.Up)
		w.before = func() { w.SetState(faulty.Hung) }
		ctx, cancel := context.WithTimeout(t.Context(), optimistic.RequestTimeout/2)
		defer cancel()
		_, _, err = w.Update(ctx, name("default/orders"), minUp(1))
		wantErr(t, "half", err, context.DeadlineExceeded, "")
		if errors.Is(err, registrar.ErrUnavailable) {
			t.Errorf("etcd had answered: %v", err)
		}
	})
}
