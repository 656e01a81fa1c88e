package etcd

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

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
		w.set(fakeHung)
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
