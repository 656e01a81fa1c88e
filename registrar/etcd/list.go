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
	"github.com/rosterdns/roster/registrar"
)

// listTimeout bounds List where its context doesn't: reading a million
// instances takes a few seconds.
const listTimeout = 10 * time.Second

// list implements Client.List by one linearizable read. Values are read too,
// since broken ones and those without a lease don't make a service.
func (r *reader) list(ctx context.Context, namespace string) ([]string, error) {
	prefix := r.prefix + "/"
	if namespace != "" {
		if err := catalog.CheckNamespace(namespace); err != nil {
			return nil, fmt.Errorf("registrar: listing: %w", err)
		}
		prefix = catalog.NamespacePrefix(r.prefix, namespace)
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()

	names := map[string]struct{}{}
	_, err := r.source.List(ctx, prefix, func(kvs []*mvccpb.KeyValue) error {
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
	if r.ctx.Err() != nil {
		return nil, registrar.ErrClosed
	}
	if err != nil {
		return nil, fmt.Errorf("registrar: listing %q: %w", prefix, classify(err))
	}
	return slices.Sorted(maps.Keys(names)), nil
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
