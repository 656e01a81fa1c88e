package reader

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
)

// TestKeys shows that all keys are read, whatever they are, and no other service's.
func TestKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, key := range []string{"default/orders/a", "default/orders/_status/b", "default/orders/_policy", "default/orders2/a", "prod/orders/a", "Bad"} {
			w.write(key, "{")
		}
		revision := w.Revision()
		for _, tt := range []struct {
			namespace, service string
			want               []string
		}{
			{"default", "orders", []string{"default/orders/_policy", "default/orders/_status/b", "default/orders/a"}},
			{"default", "", []string{"default/orders/_policy", "default/orders/_status/b", "default/orders/a", "default/orders2/a"}},
			{"", "", []string{"Bad", "default/orders/_policy", "default/orders/_status/b", "default/orders/a", "default/orders2/a", "prod/orders/a"}},
			{"none", "", nil},
		} {
			keys, at, err := w.client.Keys(t.Context(), tt.namespace, tt.service)
			var got []string
			for _, k := range keys {
				if string(k.Value) != "{" || k.ModRevision == 0 || k.Deleted {
					t.Errorf("%+v", k)
				}
				got = append(got, k.Key)
			}
			if err != nil || at != revision || !slices.Equal(got, tt.want) {
				t.Errorf("%s/%s: %q at %d, %v; want %q at %d", tt.namespace, tt.service, got, at, err, tt.want, revision)
			}
		}
		for _, name := range [][2]string{{"Bad", ""}, {"default", "Bad"}, {"dns", ""}} {
			if _, _, err := w.client.Keys(t.Context(), name[0], name[1]); !errors.Is(err, registrar.ErrInvalid) {
				t.Errorf("%q: %v, want ErrInvalid", name, err)
			}
		}
		w.SetState(faulty.Hung)
		if keys, _, err := w.client.Keys(t.Context(), "", ""); !errors.Is(err, registrar.ErrUnavailable) || keys != nil {
			t.Errorf("while etcd is away: %v, %v", keys, err)
		}
	})
}

// breaksOff is a source whose first list breaks off.
type breaksOff struct {
	mirror.Source
	lists int
}

func (b *breaksOff) List(ctx context.Context, rng string, at int64, fn func([]*mvccpb.KeyValue) error) (mirror.Head, error) {
	head, err := b.Source.List(ctx, rng, at, fn)
	if b.lists++; b.lists == 1 {
		return mirror.Head{}, io.ErrUnexpectedEOF
	}
	return head, err
}

// TestKeysAgain shows that what came before a list broke off is not there twice.
func TestKeysAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		lister := *w.client.Lister
		source := &breaksOff{Source: lister.Source}
		lister.Source = source
		keys, _, err := lister.Keys(t.Context(), "default", "orders")
		if err != nil || len(keys) != 1 || source.lists != 2 {
			t.Errorf("%v, %v after %d lists", keys, err, source.lists)
		}
	})
}
