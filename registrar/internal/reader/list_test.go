package reader

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/replica"
	"github.com/rosterdns/roster/registrar"
)

func TestListCountsValidInstancesOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for key, value := range map[string]string{
			"default/orders/a":          value,
			"default/orders/b":          value,
			"default/down/a":            `{"addresses":["10.0.0.9"],"static":true,"status":"down"}`,
			"default/broken/a":          "{",
			"default/leaseless/a":       `{"addresses":["10.0.0.9"]}`,
			"default/drained/_status/a": `{"status":"down"}`,
			"default/policy/_policy":    `{}`,
			"Bad/orders/a":              value,
			"other/orders/a":            value,
		} {
			w.write(key, value)
		}
		if names, err := w.client.List(t.Context(), "default"); err != nil || !slices.Equal(names, []string{"down", "orders"}) {
			t.Errorf("List: %q, %v", names, err)
		}
		if names, err := w.client.List(t.Context(), ""); err != nil || !slices.Equal(names, []string{"default/down", "default/orders", "other/orders"}) {
			t.Errorf("List of all: %q, %v", names, err)
		}
		w.SetState(faulty.Hung)
		start := time.Now()
		if _, err := w.client.List(t.Context(), ""); !errors.Is(err, registrar.ErrUnavailable) || time.Since(start) != listTimeout {
			t.Errorf("List: %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.client.List(ctx, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("List: %v", err)
		}
		closing := make(chan error, 1)
		go func() {
			_, err := w.client.List(context.Background(), "")
			closing <- err
		}()
		synctest.Wait()
		if err := w.client.Close(); err != nil {
			t.Error(err)
		}
		if err := <-closing; !errors.Is(err, registrar.ErrClosed) {
			t.Errorf("List while closing: %v", err)
		}
	})
}

// TestListAgreesWithReplica: what List reads of etcd exists in a replica, and so for
// GetService and DNS, and nothing else does.
func TestListAgreesWithReplica(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for key, value := range map[string]string{
			"default/orders/a":         value,
			"default/down/a":           `{"addresses":["10.0.0.9"],"static":true,"status":"down"}`,
			"default/broken/a":         "{",
			"default/leaseless/a":      `{"addresses":["10.0.0.9"]}`,
			"default/over/_status/a":   `{"status":"down"}`,
			"default/plain/_policy":    `{"min_up":1,"keep_last":60}`,
			"default/alias/_policy":    `{"alias":"nowhere/at-all"}`,
			"default/failover/_policy": `{"failover":["default/orders"]}`,
			"default/itself/_policy":   `{"alias":"default/itself"}`,
			"default/bad/_policy":      `{"alias":"default/orders","ttl":-1}`,
			"default/twice/_policy":    `{"failover":["default/orders","default/orders"]}`,
			"default/both/_policy":     `{"alias":"default/orders"}`,
			"default/both/a":           "{",
			"default/other/_later":     `{"alias":"default/orders"}`,
			"dns/ns/a":                 value,
			"dns/ns/_policy":           `{"alias":"default/orders"}`,
			"default/Bad/_policy":      `{"alias":"default/orders"}`,
			"default/deep/a/b":         value,
			"other/alias/_policy":      `{"alias":"default/orders"}`,
		} {
			w.write(key, value)
		}
		r, err := replica.Open(replica.Config{Source: w.Etcd, Prefix: "/roster", Ranges: []string{""}})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close(context.Background())
		if err := r.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		var exist []string
		for s := range r.Load().All() {
			exist = append(exist, s.Namespace+"/"+s.Name)
		}
		want := []string{"default/alias", "default/both", "default/down", "default/failover", "default/orders", "other/alias"}
		if got, err := w.client.List(t.Context(), ""); err != nil || !slices.Equal(got, want) || !slices.Equal(exist, want) {
			t.Errorf("List: %q, %v; the replica has %q; want %q", got, err, exist, want)
		}
		if err := w.client.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestExistsSeesWhatReadersDoNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/broken/a", "{not json")
		w.write("default/broken/b2", `{"addresses":["10.0.0.9"]}`) // without a lease, so nobody serves it
		exists := func(ctx context.Context, id string) (bool, error) {
			return w.client.Exists(ctx, "default", "broken", id)
		}
		for id, want := range map[string]bool{"a": true, "b2": true, "b": false, "c": false} {
			if found, err := exists(t.Context(), id); err != nil || found != want {
				t.Errorf("Exists(%q): %v, %v; want %v", id, found, err, want)
			}
		}
		fails := func(ctx context.Context, id string, targets ...error) {
			t.Helper()
			found, err := exists(ctx, id)
			for _, target := range targets {
				if found || !errors.Is(err, target) {
					t.Errorf("Exists(%q): %v, %v; want %v", id, found, err, target)
				}
			}
		}
		fails(t.Context(), "A", registrar.ErrInvalid)
		w.Set(func(f *faulty.Faults) { f.Denied = func(key string) bool { return true } })
		fails(t.Context(), "a", registrar.ErrPermission)
		w.SetState(faulty.Hung)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		fails(ctx, "a", registrar.ErrUnavailable, context.DeadlineExceeded)
		w.SetState(faulty.Down)
		time.AfterFunc(5*time.Second, func() { w.Set(func(f *faulty.Faults) { f.State, f.Denied = faulty.Up, nil }) })
		if found, err := exists(t.Context(), "a"); err != nil || !found {
			t.Errorf("Exists once etcd is back: %v, %v", found, err)
		}
		if err := w.client.Close(); err != nil {
			t.Error(err)
		}
		fails(t.Context(), "a", registrar.ErrClosed)
	})
}
