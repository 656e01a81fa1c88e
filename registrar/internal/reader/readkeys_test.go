package reader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

// TestReadKeys reads ranges that change meanwhile, all as of the revision of the first.
func TestReadKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var ranges, want []string
		for i := range 20 {
			rng := fmt.Sprintf("/roster/default/s%02d/", i)
			w.Put(rng+"a", value, 0)
			ranges, want = append(ranges, rng), append(want, rng+"a")
		}
		at := w.Revision()
		go func() {
			for range 100 {
				w.Put("/roster/default/s19/b", value, 0)
			}
		}()
		keys, revision, err := w.client.ReadKeys(t.Context(), ranges)
		var got []string
		for _, kv := range keys {
			if kv.ModRevision > revision {
				t.Errorf("%s is of revision %d, later than %d", kv.Key, kv.ModRevision, revision)
			}
			if string(kv.Key) != "/roster/default/s19/b" {
				got = append(got, string(kv.Key))
			}
		}
		if err != nil || revision < at || !slices.Equal(got, want) {
			t.Errorf("keys %q at revision %d, error %v; want %q", got, revision, err, want)
		}
		synctest.Wait()
		if keys, _, err := w.client.ReadKeys(t.Context(), nil); err != nil || len(keys) > 0 {
			t.Errorf("no ranges: %v, error %v", keys, err)
		}
		w.Set(func(f *faulty.Faults) { f.Denied = func(key string) bool { return key == ranges[5] } })
		if _, _, err := w.client.ReadKeys(t.Context(), ranges); !errors.Is(err, registrar.ErrPermission) {
			t.Errorf("error %v, want ErrPermission", err)
		}
		w.SetState(faulty.Hung)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := w.client.ReadKeys(ctx, ranges); !errors.Is(err, registrar.ErrUnavailable) {
			t.Errorf("error %v, want ErrUnavailable", err)
		}
		if err := w.client.Close(); err != nil {
			t.Error(err)
		}
		if _, _, err := w.client.ReadKeys(t.Context(), ranges); !errors.Is(err, registrar.ErrClosed) {
			t.Errorf("error %v, want ErrClosed", err)
		}
	})
}
