package harness_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/test/harness"
)

// TestEtcd shows that the etcd of the tests can be stopped, killed, paused and
// started again with its data, in every form in which it is used.
func TestEtcd(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]harness.EtcdOptions{
		"plain":   {},
		"TLS":     {TLS: true},
		"users":   {Auth: true},
		"cluster": {Members: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := harness.StartEtcd(t, o)
			put(t, e, "stop")
			e.Stop(t)
			e.Restart(t)
			get(t, e, "stop")
			put(t, e, "kill")
			e.Kill(t)
			e.Restart(t)
			get(t, e, "kill")
			e.Pause(t)
			// A signal takes effect a moment after it was sent.
			harness.Eventually(t, harness.Patience, "the pause", func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				_, err := e.Client().Get(ctx, "kill")
				return harness.True(errors.Is(err, context.DeadlineExceeded))
			})
			e.Continue(t)
			get(t, e, "kill")
		})
	}
}

func TestEtcdWipe(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	put(t, e, "key")
	e.Kill(t)
	e.Wipe(t)
	e.Restart(t)
	resp, err := e.Client().Get(t.Context(), "key")
	if err != nil || len(resp.Kvs) != 0 {
		t.Errorf("after Wipe: %v, %v", resp, err)
	}
}

func put(t *testing.T, e *harness.Etcd, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if _, err := e.Client().Put(ctx, key, "value"); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, e *harness.Etcd, key string) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "reading "+key, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		resp, err := e.Client().Get(ctx, key)
		if errors.Is(err, rpctypes.ErrInvalidAuthToken) || err != nil {
			return err
		}
		if len(resp.Kvs) != 1 || string(resp.Kvs[0].Value) != "value" {
			return fmt.Errorf("got %v", resp.Kvs)
		}
		return nil
	})
}
