package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/etcd"
	"github.com/rosterdns/roster/test/harness"
)

// backBound is how long after contact a registrar's instances may take to be
// back: a lease time, and what a busy machine adds.
const backBound = lease + 2*time.Second

// fault is an etcd with a client of the library that keeps an instance "leased"
// and one "static" registered.
type fault struct {
	etcd *harness.Etcd
	reg  *registrar.Client
}

func newFault(t *testing.T) *fault {
	t.Helper()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	f := &fault{etcd: e, reg: openClient(t, registrar.WithEndpoints(e.Endpoints...), registrar.WithLeaseTTL(lease))}
	t.Cleanup(func() { _ = f.reg.Close() })
	f.register(t, "leased", false)
	f.register(t, "static", true)
	f.back(t, "leased", "static")
	return f
}

func desired(id string, static bool) *registrar.Service {
	s := orders(0)
	s.Instances[0].ID, s.Instances[0].Static = id, static
	return s
}

func (f *fault) register(t *testing.T, id string, static bool) {
	t.Helper()
	if err := f.reg.Register(t.Context(), desired(id, static)); err != nil {
		t.Fatal(err)
	}
}

// keys are the instances in etcd, and the lease of each.
func (f *fault) keys(t *testing.T) map[string]int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	resp, err := f.etcd.Client().Get(ctx, "/roster/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	leases := map[string]int64{}
	for _, kv := range resp.Kvs {
		leases[strings.TrimPrefix(string(kv.Key), "/roster/default/orders/")] = kv.Lease
	}
	return leases
}

// has is a condition: exactly these instances are in etcd.
func (f *fault) has(t *testing.T, ids ...string) func() error {
	t.Helper()
	return func() error {
		return differ("keys in etcd", slices.Sorted(maps.Keys(f.keys(t))), ids)
	}
}

// back waits until exactly these instances are in etcd under leases that are
// alive, and the client says so.
func (f *fault) back(t *testing.T, ids ...string) time.Duration {
	t.Helper()
	return harness.Eventually(t, backBound, fmt.Sprintf("%q back in etcd", ids), func() error {
		if err := f.has(t, ids...)(); err != nil {
			return err
		}
		for id, leaseID := range f.keys(t) {
			if leaseID == 0 {
				continue
			}
			ttl, err := f.etcd.Client().TimeToLive(t.Context(), clientv3.LeaseID(leaseID))
			if err != nil || ttl.TTL <= 0 {
				return fmt.Errorf("lease of %s: %+v, %w", id, ttl, err)
			}
		}
		for _, s := range f.reg.Status() {
			if s.State != registrar.StateRegistered || s.Err != nil {
				return fmt.Errorf("status %+v", s)
			}
		}
		return nil
	})
}

// TestDriverFaults breaks etcd, or what is in it, under a client, and shows that
// all that was wished is back by itself, and no more.
func TestDriverFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *fault){
		"etcd killed and restarted": func(t *testing.T, f *fault) {
			f.etcd.Kill(t)
			f.away(t)
			f.register(t, "meanwhile", false)
			f.etcd.Restart(t)
			t.Logf("back after %v", f.back(t, "leased", "meanwhile", "static"))
		},
		"etcd away longer than the lease": func(t *testing.T, f *fault) {
			f.etcd.Stop(t)
			f.outlast(t)
			f.etcd.Restart(t)
			t.Logf("back after %v", f.back(t, "leased", "static"))
		},
		"etcd comes back empty": func(t *testing.T, f *fault) {
			f.etcd.Kill(t)
			f.etcd.Wipe(t)
			f.etcd.Restart(t)
			t.Logf("back after %v", f.back(t, "leased", "static"))
		},
		"etcd paused longer than the lease": func(t *testing.T, f *fault) {
			f.etcd.Pause(t)
			f.outlast(t)
			start := time.Now()
			f.register(t, "meanwhile", false)
			harness.Within(t, "Register while etcd was known to be away", time.Since(start), 200*time.Millisecond)
			f.etcd.Continue(t)
			t.Logf("back after %v", f.back(t, "leased", "meanwhile", "static"))
		},
		"keys deleted by others": func(t *testing.T, f *fault) {
			for range 3 {
				if _, err := f.etcd.Client().Delete(t.Context(), "/roster/", clientv3.WithPrefix()); err != nil {
					t.Fatal(err)
				}
				t.Logf("back after %v", f.back(t, "leased", "static"))
			}
		},
		"lease revoked by others": func(t *testing.T, f *fault) {
			f.revoke(t)
			t.Logf("back after %v", f.back(t, "leased", "static"))
		},
		"unregistered after the lease was lost": func(t *testing.T, f *fault) {
			f.revoke(t)
			f.unregister(t, "leased")
			f.back(t, "static")
			f.settle(t)
			f.back(t, "static")
		},
		"unregistered while etcd is away": func(t *testing.T, f *fault) {
			f.etcd.Kill(t)
			f.away(t)
			f.unregister(t, "leased")
			f.unregister(t, "static")
			f.etcd.Restart(t)
			f.back(t)
			f.settle(t)
			f.back(t)
		},
		"the same ID in a second process": func(t *testing.T, f *fault) {
			second := openClient(t, registrar.WithEndpoints(f.etcd.Endpoints...), registrar.WithLeaseTTL(lease), etcd.WithLeaveOnClose())
			defer second.Close()
			if err := second.Register(t.Context(), desired("leased", false)); err != nil {
				t.Fatal(err)
			}
			theirs := f.keys(t)["leased"]
			harness.Eventually(t, harness.Patience, "ErrSuperseded", func() error {
				s := f.reg.Status()[0]
				return harness.True(s.State == registrar.StateSuperseded && errors.Is(s.Err, registrar.ErrSuperseded))
			})
			f.settle(t)
			if now := f.keys(t)["leased"]; now != theirs {
				t.Errorf("the key went from lease %x to %x", theirs, now)
			}
			_ = second.Close() // leaves the key to its lease
			harness.Eventually(t, lease+backBound, "back once the other one's lease has run out", func() error {
				now := f.keys(t)["leased"]
				return harness.True(now != 0 && now != theirs)
			})
			f.back(t, "leased", "static")
		},
		"close": func(t *testing.T, f *fault) {
			start := time.Now()
			if err := f.reg.Close(); err != nil {
				t.Error(err)
			}
			t.Logf("Close took %v", time.Since(start))
			if err := f.has(t, "static")(); err != nil {
				t.Error(err)
			}
			leases, err := f.etcd.Client().Leases(t.Context())
			if err != nil || len(leases.Leases) != 0 {
				t.Errorf("leases left: %+v, %v", leases, err)
			}
		},
		"close while etcd is paused": func(t *testing.T, f *fault) {
			f.etcd.Pause(t)
			start := time.Now()
			err := f.reg.Close()
			harness.Within(t, "Close", time.Since(start), closeBound)
			if !errors.Is(err, registrar.ErrUnavailable) {
				t.Errorf("Close returned %v, want ErrUnavailable", err)
			}
			f.etcd.Continue(t)
			harness.Eventually(t, expiryBound+harness.Patience, "gone with its lease", f.has(t, "static"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newFault(t))
		})
	}
}

// closeBound is the contract's 2 s, and what a busy machine adds.
const closeBound = 2500 * time.Millisecond

// away waits until the client knows that etcd is away.
func (f *fault) away(t *testing.T) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "the client's knowing that etcd is away", func() error {
		return harness.True(errors.Is(f.reg.Status()[0].Err, registrar.ErrUnavailable))
	})
}

// outlast waits until the client knows that etcd is away and the lease has
// certainly run out.
func (f *fault) outlast(t *testing.T) {
	t.Helper()
	start := time.Now()
	f.away(t)
	elapse(t, start, lease+2*time.Second)
}

// settle gives a client the time to do what it must not: twice the second after
// which it tries again.
func (f *fault) settle(t *testing.T) {
	t.Helper()
	elapse(t, time.Now(), 2*time.Second)
}

// elapse waits until a time after start: for faults whose length matters.
func elapse(t *testing.T, start time.Time, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(time.Until(start.Add(d))):
	case <-t.Context().Done():
	}
}

func (f *fault) revoke(t *testing.T) {
	t.Helper()
	if _, err := f.etcd.Client().Revoke(t.Context(), clientv3.LeaseID(f.keys(t)["leased"])); err != nil {
		t.Fatal(err)
	}
}

func (f *fault) unregister(t *testing.T, id string) {
	t.Helper()
	if err := f.reg.Unregister(t.Context(), desired(id, false)); err != nil {
		t.Fatal(err)
	}
}

// TestRegistrarPaused stops a registrar for longer than its lease: it is back
// once it goes on, with one key.
func TestRegistrarPaused(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	s := external(t, e, "", "--endpoints", e.Endpoints[0])
	p := s.register(t, "orders", "a", "127.0.0.1")
	harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", "a"))
	p.Pause(t)
	harness.Eventually(t, harness.Patience, "a gone with its lease", s.sees(t, "orders"))
	p.Continue(t)
	t.Logf("back after %v", harness.Eventually(t, backBound, "a back in DNS", s.sees(t, "orders", "a")))
	s.agree(t, "orders", "a")
	if keys := s.created(t); len(keys) != 1 {
		t.Errorf("keys in etcd: %v", keys)
	}
}
