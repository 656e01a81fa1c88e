package etcd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/registrar"
)

// listTimeout bounds List where its context has no deadline: reading a million
// instances takes a few seconds.
const listTimeout = 10 * time.Second

// list implements Client.List.
func (r *reader) list(ctx context.Context, namespace string) ([]string, error) {
	prefix := r.prefix + "/"
	if namespace != "" {
		if err := catalog.CheckNamespace(namespace); err != nil {
			return nil, fmt.Errorf("registrar: listing: %w", err)
		}
		prefix = catalog.NamespacePrefix(r.prefix, namespace)
	}
	var names []string
	err := r.try(ctx, func(ctx context.Context) (answered bool, err error) {
		names, answered, err = r.listOnce(ctx, namespace, prefix)
		return answered, err
	})
	if err != nil {
		return nil, fmt.Errorf("registrar: listing %q: %w", prefix, err)
	}
	return names, nil
}

// try asks etcd, and again while it is away, until ctx is done, or for
// listTimeout if ctx has no deadline. ask reports whether a part of the answer
// came. The error is ErrClosed, or classified, or ctx's alone where etcd answers
// but not in time.
func (r *reader) try(ctx context.Context, ask func(context.Context) (answered bool, err error)) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, listTimeout)
		defer cancel()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	pause := backoff.New(retryBase, retryLimit)
	var failed error // why the last try failed before ctx was done
	for ctx.Err() == nil {
		answered, err := ask(ctx)
		switch {
		case r.ctx.Err() != nil: // below
		case err == nil:
			return nil
		case ctx.Err() == nil && !away(err):
			return classify(err)
		case ctx.Err() == nil:
			failed = err
		case answered, failed == nil && r.inContact():
			return ctx.Err()
		}
		_ = pause.Wait(ctx) // the loop sees when ctx is done
	}
	if r.ctx.Err() != nil {
		return registrar.ErrClosed
	}
	return classify(explain(explain(ctx.Err(), failed), r.source.Trouble()))
}

// listOnce lists by one linearizable read. Values are read too, since broken
// ones and those without a lease don't make a service. It reports whether a part
// of the answer came.
func (r *reader) listOnce(ctx context.Context, namespace, prefix string) (list []string, answered bool, err error) {
	names := map[string]struct{}{}
	_, err = r.source.List(ctx, prefix, 0, func(kvs []*mvccpb.KeyValue) error {
		answered = true
		for _, kv := range kvs {
			if k, ok := r.instanceKey(kv); ok {
				name := k.Service
				if namespace == "" {
					name = k.Namespace + "/" + k.Service
				}
				names[strings.Clone(name)] = struct{}{}
			}
		}
		return nil
	})
	return slices.Sorted(maps.Keys(names)), answered, err
}

// instanceKey parses the key of a pair that is served as an instance.
func (r *reader) instanceKey(kv *mvccpb.KeyValue) (catalog.Key, bool) {
	k, err := catalog.ParseKey(strings.TrimPrefix(string(kv.Key), r.prefix+"/"))
	if err != nil || k.Kind != catalog.KindInstance {
		return catalog.Key{}, false
	}
	in, err := catalog.DecodeValue(k.ID, kv.Value)
	return k, err == nil && (kv.Lease != 0 || in.Static)
}
